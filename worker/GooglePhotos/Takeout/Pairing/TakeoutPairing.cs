using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>
/// Finds which sidecar describes which media file in one set of files, what belongs to one item, and what is an album. Pure: names, sizes
/// and sidecar contents in, verdicts out; the same for every order of the files and every split over parts. No pair is an answer; a wrong
/// pair would put one photo's date on another and is avoided before all else.
/// </summary>
public static partial class TakeoutPairing
{
    /// <param name="afterLargeFolder">Called when what a folder of many files needed is needed no longer.</param>
    public static PairingResult Pair(IReadOnlyList<IPairingFile> files, Action? afterLargeFolder = null)
    {
        FileVerdict[] verdicts = new FileVerdict[files.Count];
        HashSet<string> products = PhotosProducts(files);
        Dictionary<string, Folder> folders = new(StringComparer.Ordinal);
        List<(int Copy, int First)> copies = [];
        HashSet<int> zipNumbers = [];
        for (int i = 0; i < files.Count; i++)
        {
            IPairingFile file = files[i];
            verdicts[i] = new FileVerdict { Sidecar = -1, Primary = i, Kind = FileKind.Ignored };
            if (file.Folder.Length > 0 && file.PartNumber is { } number)
            {
                zipNumbers.Add(number);
            }

            if (Product(file.Folder) is { } product && !products.Contains(product))
            {
                continue;
            }

            if (!folders.TryGetValue(file.Folder, out Folder? folder))
            {
                folders[file.Folder] = folder = new Folder(file.Folder);
            }

            // The same path in two parts is one file.
            string name = file.Name;
            ulong key = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(name.AsSpan()));
            if (!folder.Names.TryAdd(key, i) && files[folder.Names[key]].Name == name)
            {
                copies.Add((i, folder.Names[key]));
                continue;
            }

            Sort(file, i, folder, verdicts);
        }

        foreach (Folder folder in folders.Values)
        {
            // Every name once more, needed no longer.
            folder.Names.Clear();
            folder.Names.TrimExcess();
        }

        Dictionary<string, int> years = YearFolders(folders.Values, files);
        Dictionary<(string, string), List<int>> foldedMedia = [];
        bool anyLoose = folders.TryGetValue("", out Folder? root) && root.Candidates.Count > 0;
        foreach (Folder folder in folders.Values)
        {
            if (folder.Path.Length == 0 && folder.Sidecars.Count == 0)
            {
                foreach (int loose in folder.Candidates)
                {
                    bool media = MediaTypes.OfName(files[loose].Name) != MediaKind.Unknown || files[loose].KnownMediaBytes;
                    verdicts[loose].Kind = media ? FileKind.Media : FileKind.Ignored;
                }

                continue;
            }

            new FolderPairing(files, verdicts, folder.Candidates.Concat(folder.Sidecars)).Run();
            if (folder.Candidates.Count > LargeFolder)
            {
                afterLargeFolder?.Invoke();
            }

            if (anyLoose && folder.Path.Length > 0)
            {
                foreach (int media in folder.Candidates)
                {
                    var key = (folder.Path, TakeoutNames.Nfc(files[media].Name).ToUpperInvariant());
                    if (!foldedMedia.TryGetValue(key, out List<int>? list))
                    {
                        foldedMedia[key] = list = [];
                    }

                    list.Add(media);
                }
            }
        }

        if (anyLoose)
        {
            int[] loose = [.. root!.Candidates.Where(i => verdicts[i].Kind == FileKind.Media && verdicts[i].Sidecar < 0 && verdicts[i].Primary == i)];
            new LoosePairing(files, verdicts, years, zipNumbers).Run(
                loose, folders.Values.Where(f => f.Path.Length > 0).SelectMany(f => f.Sidecars), foldedMedia);
        }

        foreach ((int copy, int first) in copies)
        {
            verdicts[copy] = verdicts[first];
        }

        return new PairingResult(files, verdicts, Albums(folders.Values, files, years), Stacks(folders.Values, files, verdicts)) { YearFolders = years };
    }

    private const int LargeFolder = 5_000;

    private static void Sort(IPairingFile file, int index, Folder folder, FileVerdict[] verdicts)
    {
        switch (file.Json)
        {
            case TakeoutJson.OfMedia:
                verdicts[index].Kind = FileKind.Sidecar;
                folder.Sidecars.Add(index);
                break;
            case TakeoutJson.OfAlbum:
                verdicts[index].Kind = FileKind.AlbumMetadata;
                folder.Albums.Add(index);
                break;
            case null when !IsText(file.Name):
                folder.Candidates.Add(index);
                break;
        }
    }

    /// <summary>Named as JSON or a page: never media, whatever it holds.</summary>
    private static bool IsText(string name) => name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".htm", StringComparison.OrdinalIgnoreCase);

    /// <summary>The products of an export ("Takeout/Drive", "Takeout/Google Photos") that are photos; all when none shows itself.</summary>
    private static HashSet<string> PhotosProducts(IReadOnlyList<IPairingFile> files)
    {
        HashSet<string> photos = new(StringComparer.Ordinal);
        HashSet<string> all = new(StringComparer.Ordinal);
        string lastFolder = "\0";
        foreach (IPairingFile file in files)
        {
            bool telling = file.Json is TakeoutJson.OfMedia or TakeoutJson.OfAlbum;
            if (!telling && ReferenceEquals(file.Folder, lastFolder))
            {
                continue;
            }

            lastFolder = file.Folder;
            if (Product(file.Folder) is { } product)
            {
                all.Add(product);
                string name = product[(product.LastIndexOf('/') + 1)..];
                string last = file.Folder[(file.Folder.LastIndexOf('/') + 1)..];
                if (file.Json is TakeoutJson.OfMedia || FolderNames.IsPhotosRoot(TakeoutNames.Nfc(name))
                    || (last.Length < 80 && FolderNames.TryYear(TakeoutNames.Nfc(last), out _))
                    || (file.Json is TakeoutJson.OfAlbum && file.Folder.Length > product.Length))
                {
                    photos.Add(product);
                }
            }
        }

        return photos.Count > 0 ? photos : all;
    }

    private static string? Product(string folder)
    {
        int takeout = folder.StartsWith("Takeout/", StringComparison.Ordinal) ? 0 : folder.IndexOf("/Takeout/", StringComparison.Ordinal) + 1;
        if (takeout == 0 && !folder.StartsWith("Takeout/", StringComparison.Ordinal))
        {
            return null;
        }

        int end = folder.IndexOf('/', takeout + 8);
        return end < 0 ? folder : folder[..end];
    }

    /// <summary>
    /// Year folders by name where the language is known; otherwise by structure: two or more folders whose names differ only in a year,
    /// without album metadata, each holding nothing but items taken in that year.
    /// </summary>
    private static Dictionary<string, int> YearFolders(IEnumerable<Folder> folders, IReadOnlyList<IPairingFile> files)
    {
        Dictionary<string, int> years = new(StringComparer.Ordinal);
        Dictionary<(string Parent, string Template), List<(string Path, int Year)>> templates = [];
        foreach (Folder folder in folders)
        {
            if (folder.Path.Length == 0)
            {
                continue;
            }

            string name = TakeoutNames.Nfc(folder.Name);
            if (FolderNames.TryYear(name, out int year))
            {
                years[folder.Path] = year;
            }
            else if (folder.Albums.Count == 0 && folder.Sidecars.Count > 0 && FolderNames.TryTemplate(name, out string template, out year)
                && folder.Sidecars.TrueForAll(s => TakenAround(files[s], year)))
            {
                (string, string) key = (folder.Parent, template);
                if (!templates.TryGetValue(key, out List<(string, int)>? list))
                {
                    templates[key] = list = [];
                }

                list.Add((folder.Path, year));
            }
        }

        foreach (List<(string Path, int Year)> list in templates.Values.Where(l => l.Count > 1))
        {
            list.ForEach(f => years[f.Path] = f.Year);
        }

        return years;
    }

    private static bool TakenAround(IPairingFile file, int year) => file.Json is TakeoutJson.OfMedia { Sidecar.TakenAt: { } taken }
        && (taken.Year == year || taken.AddDays(1).Year == year || (taken.Year > 1 && taken.AddDays(-1).Year == year));

    private static List<PairedAlbum> Albums(IEnumerable<Folder> folders, IReadOnlyList<IPairingFile> files, Dictionary<string, int> years)
    {
        HashSet<string> parents = new(StringComparer.Ordinal);
        List<Folder> candidates = [];
        foreach (Folder folder in folders)
        {
            if (folder.Albums.Count > 0 || folder.Sidecars.Count > 0
                || folder.Candidates.Exists(c => MediaTypes.OfName(files[c].Name) != MediaKind.Unknown || files[c].KnownMediaBytes))
            {
                candidates.Add(folder);
                parents.Add(folder.Parent);
            }
        }

        List<PairedAlbum> albums = [];
        foreach (Folder folder in candidates.OrderBy(f => f.Path, StringComparer.Ordinal))
        {
            if (years.ContainsKey(folder.Path) || (folder.Path.Length == 0 && folder.Albums.Count == 0)
                || (parents.Contains(folder.Path) && folder.Path.Length > 0))
            {
                continue;
            }

            if (folder.Albums.Count > 0)
            {
                int metadata = folder.Albums.OrderBy(a => files[a].Name.Length).ThenBy(a => files[a].Name, StringComparer.Ordinal).First();
                string title = ((TakeoutJson.OfAlbum)files[metadata].Json!).Album.Title;
                if (!(FolderNames.IsSpecial(TakeoutNames.Nfc(folder.Name)) && title == folder.Name && !folder.Name.Contains('(', StringComparison.Ordinal)))
                {
                    albums.Add(new PairedAlbum(folder.Path, metadata, title.Length > 0 ? title : folder.Name));
                }
            }
            else if (!FolderNames.IsSpecial(TakeoutNames.Nfc(folder.Name)))
            {
                albums.Add(new PairedAlbum(folder.Path, -1, folder.Name));
            }
        }

        return albums;
    }

    private static List<PairedStack> Stacks(IEnumerable<Folder> folders, IReadOnlyList<IPairingFile> files, FileVerdict[] verdicts)
    {
        List<PairedStack> stacks = [];
        foreach (Folder folder in folders)
        {
            Dictionary<(StackKind, string), List<int>> groups = [];
            foreach (int media in folder.Candidates)
            {
                if (verdicts[media].Kind != FileKind.Media || verdicts[media].Role != FileRole.Original)
                {
                    continue;
                }

                string name = TakeoutNames.Nfc(files[media].Name);
                (string stem, string extension) = TakeoutNames.Split(name);
                Match burst = Burst().Match(name);
                if (burst.Success)
                {
                    AddTo(groups, (StackKind.Burst, burst.Groups["shot"].Value), media);
                }
                else if (MediaTypes.OfExtension(extension) is MediaKind.Image or MediaKind.Raw)
                {
                    AddTo(groups, (StackKind.RawAndJpeg, stem), media);
                }
            }

            foreach (((StackKind kind, _), List<int> members) in groups)
            {
                bool wanted = members.Count > 1 && (kind == StackKind.Burst
                    || (members.Exists(m => Kind(m) == MediaKind.Raw) && members.Exists(m => Kind(m) == MediaKind.Image)));
                if (wanted)
                {
                    bool rawPair = members.Count == 2 && members.Exists(m => Kind(m) == MediaKind.Raw) && members.Exists(m => Kind(m) == MediaKind.Image);
                    stacks.Add(new PairedStack(rawPair ? StackKind.RawAndJpeg : kind,
                        [.. members.OrderBy(m => files[m].Name, StringComparer.Ordinal)]));
                }
            }
        }

        return [.. stacks.OrderBy(s => files[s.Files[0]].Path, StringComparer.Ordinal)];

        MediaKind Kind(int file) => MediaTypes.OfName(files[file].Name);

        static void AddTo(Dictionary<(StackKind, string), List<int>> groups, (StackKind, string) key, int value)
        {
            if (!groups.TryGetValue(key, out List<int>? list))
            {
                groups[key] = list = [];
            }

            list.Add(value);
        }
    }

    // 00000IMG_00000_BURST20191201123456789_COVER.jpg · IMG_20150102_123456_BURST3.jpg · PXL_20230809_203449253.LONG_EXPOSURE-01.COVER.jpg
    [GeneratedRegex(@"(?:BURST(?<shot>\d{14,17})|^(?<shot>(?:IMG_)?\d{8}_\d{6}(?:_\d+)?)_BURST\d{1,3}|^(?<shot>[^.]+)\.(?:[A-Z_]+)-\d{2}\.(?:[A-Z~0-9]+\.)*(?:COVER|ORIGINA?L?))",
        RegexOptions.CultureInvariant)]
    private static partial Regex Burst();

    private sealed class Folder(string path)
    {
        internal string Path { get; } = path;

        internal string Name => Path[(Path.LastIndexOf('/') + 1)..];

        internal string Parent => Path.LastIndexOf('/') is >= 0 and int slash ? Path[..slash] : "";

        /// <summary>The first file of each name, by the name's hash: as strings, all the names of an export would be in memory at once.</summary>
        internal Dictionary<ulong, int> Names { get; } = [];

        internal List<int> Candidates { get; } = [];

        internal List<int> Sidecars { get; } = [];

        internal List<int> Albums { get; } = [];
    }
}
