using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Pairing;

namespace GooglePhotos.Takeout.Exports;

/// <summary>What lies at a location, put together into exports. Made from names, sizes and times alone; nothing is opened.</summary>
public sealed partial class TakeoutListing
{
    private TakeoutListing(IReadOnlyList<TakeoutSet> sets, string digest, IReadOnlyList<StoredFile> others, IReadOnlyList<TakeoutFinding> findings)
    {
        Sets = sets;
        Digest = digest;
        Others = others;
        Findings = findings;
    }

    /// <summary>Oldest first; those without a time come last.</summary>
    public IReadOnlyList<TakeoutSet> Sets { get; }

    /// <summary>SHA-256 over all names, sizes and times, hex. The same digest means that nothing is new.</summary>
    public string Digest { get; }

    /// <summary>Files beside the parts that belong to no export.</summary>
    public IReadOnlyList<StoredFile> Others { get; }

    public IReadOnlyList<TakeoutFinding> Findings { get; }

    public static async Task<TakeoutListing> ReadAsync(ITakeoutStorage storage, CancellationToken ct)
    {
        List<StoredFile> files = [];
        await foreach (StoredFile file in storage.ListAsync(ct))
        {
            files.Add(file);
        }

        return Group(files);
    }

    /// <summary>Sorts files into sets. Pure.</summary>
    public static TakeoutListing Group(IEnumerable<StoredFile> listed)
    {
        StoredFile[] files = [.. listed.OrderBy(f => f.Path, StringComparer.Ordinal)];
        List<TakeoutFinding> findings = [];
        Dictionary<string, ArchiveSet> archives = new(StringComparer.Ordinal);
        Dictionary<string, List<StoredFile>> unpacked = new(StringComparer.Ordinal);
        List<StoredFile> rest = [];
        HashSet<string> archiveFolders = new(StringComparer.Ordinal);
        foreach (StoredFile file in files)
        {
            int takeout = TakeoutAt(file.Path);
            if (takeout >= 0)
            {
                Add(unpacked, file.Path[..takeout], file);
            }
            else if (ArchiveName().Match(file.Name) is { Success: true } archive)
            {
                bool named = archive.Groups["time"].Success;
                string key = named ? "takeout-" + archive.Groups["time"].Value.ToUpperInvariant() : "\uffff" + file.Folder;
                if (!archives.TryGetValue(key, out ArchiveSet? set))
                {
                    archives[key] = set = new ArchiveSet(named ? key : file.Folder, named ? ParseTime(archive.Groups["time"].ValueSpan) : null);
                }

                set.Add(file, archive, findings);
                archiveFolders.Add(file.Folder);
            }
            else
            {
                rest.Add(file);
            }
        }

        List<StoredFile> others = [];
        foreach (StoredFile file in rest)
        {
            if (StillDownloading().IsMatch(file.Name))
            {
                findings.Add(new TakeoutFinding(FindingKind.StillDownloading, file.Path, null,
                    $"{file.Path} is a download that has not finished: wait for it, or start it again."));
            }
            else if (archiveFolders.Contains(file.Folder))
            {
                AssignLoose(file, archives, others, findings);
            }
            else if (!archiveFolders.Any(f => f.Length == 0 || file.Path.StartsWith(f + "/", StringComparison.Ordinal)) || archives.Count == 0)
            {
                string prefix = unpacked.Keys.FirstOrDefault(p => file.Path.StartsWith(p, StringComparison.Ordinal), "");
                Add(unpacked, prefix, file);
            }
            else
            {
                // A folder of plain files below the folder of the archives: an unpacked piece without "Takeout" above it.
                Add(unpacked, "", file);
            }
        }

        List<TakeoutSet> sets = [.. archives.Values.Select(a => a.ToSet())];
        foreach ((string prefix, List<StoredFile> content) in unpacked)
        {
            List<TakeoutPart> parts = [];
            List<StoredFile> inside = content;
            if (content.Exists(f => TakeoutAt(f.Path) >= 0 || f.Path.AsSpan(prefix.Length).Contains('/')))
            {
                inside = content.FindAll(f => f.Path.AsSpan(prefix.Length).Contains('/') || MediaTypes.OfName(f.Name) == MediaKind.Unknown);
                parts.AddRange(content.Except(inside).Select(f => new TakeoutPart { Path = f.Path, Format = PartFormat.Loose, Number = LooseNumber(f.Name), Files = [f] }));
            }

            parts.Insert(0, new TakeoutPart { Path = prefix.TrimEnd('/'), Format = PartFormat.Folder, Files = inside });
            sets.Add(new TakeoutSet { Name = prefix.TrimEnd('/'), Prefix = prefix, Parts = parts, MissingNumbers = [] });
        }

        return new TakeoutListing(
            [.. sets.OrderBy(s => s.Timestamp ?? DateTimeOffset.MaxValue).ThenBy(s => s.Name, StringComparer.Ordinal)], ComputeDigest(files), others, findings);
    }

    /// <summary>
    /// The time in a name. Names with impossible times were seen (<c>20250921T199440Z</c>): hours, minutes and seconds are simply added.
    /// </summary>
    internal static DateTimeOffset? ParseTime(ReadOnlySpan<char> text)
    {
        if (text.Length < 15 || !DateOnly.TryParseExact(text[..8], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date)
            || !int.TryParse(text.Slice(9, 6), NumberStyles.None, CultureInfo.InvariantCulture, out int clock))
        {
            return null;
        }

        return new DateTimeOffset(date.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero)
            + TimeSpan.FromSeconds((clock / 10_000 * 3600) + (clock / 100 % 100 * 60) + (clock % 100));
    }

    internal static int? LooseNumber(string name)
    {
        Match match = LoosePartNumber().Match(name);
        return match.Success && int.TryParse(match.Groups[1].ValueSpan, out int number) ? number : null;
    }

    private static void AssignLoose(
        StoredFile file, Dictionary<string, ArchiveSet> archives, List<StoredFile> others, List<TakeoutFinding> findings)
    {
        if (MediaTypes.OfName(file.Name) == MediaKind.Unknown)
        {
            others.Add(file);
            return;
        }

        ArchiveSet[] near = [.. archives.Values.Where(a => a.Folders.Contains(file.Folder))];
        int? number = LooseNumber(file.Name);
        ArchiveSet[] gaps = [.. near.Where(a => number is { } n && a.IsMissing(n))];
        ArchiveSet[] candidates = gaps.Length > 0 ? gaps : [.. near.Where(a => number is not { } n || !a.HasZip(n))];
        if (candidates.Length == 0)
        {
            candidates = near;
        }

        if (candidates.Length > 1)
        {
            // The nearest in time, when it is much nearer than the next.
            TimeSpan Distance(ArchiveSet set) => set.Files.Min(f => (f.Modified - file.Modified).Duration());
            ArchiveSet[] byTime = [.. candidates.OrderBy(Distance)];
            if (Distance(byTime[0]) * 10 < Distance(byTime[1]))
            {
                candidates = [byTime[0]];
            }
        }

        if (candidates.Length == 1)
        {
            candidates[0].Loose.Add(new TakeoutPart { Path = file.Path, Format = PartFormat.Loose, Number = number, Files = [file] });
            return;
        }

        // Still backed up, as a file of no export; nothing is guessed.
        findings.Add(new TakeoutFinding(FindingKind.AmbiguousLooseFile, file.Path, file.Path,
            $"{file.Path} could belong to {string.Join(" or ", candidates.Select(c => c.Name))}: it is kept without date and album. Put it into a folder with its own parts."));
        string key = "\uffff\uffff" + file.Folder;
        if (!archives.TryGetValue(key, out ArchiveSet? own))
        {
            archives[key] = own = new ArchiveSet(file.Folder.Length == 0 ? "loose files" : file.Folder + " (loose files)", null);
        }

        own.Loose.Add(new TakeoutPart { Path = file.Path, Format = PartFormat.Loose, Files = [file] });
    }

    private static string ComputeDigest(StoredFile[] files)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (StoredFile file in files)
        {
            hash.AppendData(EntryNames.Encode(file.Path));
            hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\0{file.Size}\0{file.Modified.UtcTicks}\0{file.Version}\n")));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static int TakeoutAt(string path) => path.StartsWith("Takeout/", StringComparison.Ordinal)
        ? 0
        : path.IndexOf("/Takeout/", StringComparison.Ordinal) is >= 0 and int at ? at + 1 : -1;

    private static void Add(Dictionary<string, List<StoredFile>> index, string key, StoredFile file)
    {
        if (!index.TryGetValue(key, out List<StoredFile>? list))
        {
            index[key] = list = [];
        }

        list.Add(file);
    }

    [GeneratedRegex(@"^(?:takeout-(?<time>\d{8}T\d{6}Z)(?:-(?<set>\d+))?-(?<number>\d{3,6})|.*?(?<number>\d{1,6})?)(?<copy> ?\(\d+\))?\.(?<format>zip|tgz|tar\.gz)$",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex ArchiveName();

    [GeneratedRegex(@"-(\d{3,6})\.[^.]+$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex LoosePartNumber();

    [GeneratedRegex(@"\.(?:crdownload|part|partial|download|opdownload|!ut|tmp)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex StillDownloading();

    private sealed class ArchiveSet(string name, DateTimeOffset? timestamp)
    {
        private readonly List<(StoredFile File, PartFormat Format, int? Number, bool SetNumber)> _archives = [];

        internal string Name => name;

        internal HashSet<string> Folders { get; } = new(StringComparer.Ordinal);

        internal List<TakeoutPart> Loose { get; } = [];

        internal IEnumerable<StoredFile> Files => _archives.Select(a => a.File);

        internal void Add(StoredFile file, Match match, List<TakeoutFinding> findings)
        {
            bool withSet = match.Groups["set"].Success;
            int? number = match.Groups["number"].Success && int.TryParse(match.Groups["number"].ValueSpan, out int n) ? n : null;
            if (timestamp is not null && _archives.Exists(a => a.Number == number && a.SetNumber == withSet && a.File.Size == file.Size
                && (match.Groups["copy"].Success || a.File.Folder != file.Folder)))
            {
                findings.Add(new TakeoutFinding(FindingKind.DuplicateName, file.Path, null, $"{file.Path} is a second download of the same part; it is not read."));
                return;
            }

            Folders.Add(file.Folder);
            _archives.Add((file, match.Groups["format"].Value.Equals("zip", StringComparison.OrdinalIgnoreCase) ? PartFormat.Zip : PartFormat.Tgz, number, withSet));
        }

        internal bool HasZip(int number) => _archives.Exists(a => a.Number == number);

        internal bool IsMissing(int number) => Missing(includeLoose: false).Contains(number);

        internal TakeoutSet ToSet()
        {
            bool numbered = _archives.Exists(a => a.SetNumber);
            List<TakeoutPart> parts = [.. _archives
                .Select(a => new TakeoutPart
                {
                    Path = a.File.Path,
                    Format = a.Format,
                    Number = a.Number,
                    IsIndex = timestamp is not null && numbered && !a.SetNumber,
                    Files = [a.File],
                })
                .Concat(Loose)
                .OrderBy(p => p.IsIndex).ThenBy(p => p.Number ?? int.MaxValue).ThenBy(p => p.Path, StringComparer.Ordinal)];
            return new TakeoutSet { Name = name, Timestamp = timestamp, Parts = parts, MissingNumbers = Missing(includeLoose: true) };
        }

        private List<int> Missing(bool includeLoose)
        {
            if (timestamp is null)
            {
                return [];
            }

            bool numbered = _archives.Exists(a => a.SetNumber);
            HashSet<int> known = [.. _archives.Where(a => a.SetNumber || !numbered).Select(a => a.Number ?? 0)];
            if (includeLoose)
            {
                known.UnionWith(Loose.Select(l => l.Number ?? 0));
            }

            // Part numbers are small; a made-up name must not make us count to a million.
            int highest = Math.Min(known.DefaultIfEmpty(0).Max(), 10_000);
            return [.. Enumerable.Range(1, highest).Where(n => !known.Contains(n))];
        }
    }
}
