using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Library;
using GooglePhotos.Takeout.Pairing;

namespace GooglePhotos.Takeout.Exports;

public enum CompletenessState
{
    /// <summary>Every file of Google's own list was found.</summary>
    Proven,

    /// <summary>No gap shows, but no list proves it: the last parts could be missing.</summary>
    Assumed,

    /// <summary>Parts or files are known to be missing.</summary>
    Incomplete,

    /// <summary>The list is there and the parts are not, or something changed a moment ago.</summary>
    Pending,
}

/// <summary>Whether all of an export is there, and how that is known.</summary>
public sealed record SetCompleteness(
    CompletenessState State, string Reason, IReadOnlyList<string> MissingFiles, int MissingFileCount, IReadOnlyList<TakeoutFinding> Findings)
{
    /// <summary>Missing files that are named; further ones are counted.</summary>
    private const int MaxNamed = 200;

    /// <summary>How long nothing may have changed before an export is taken: with a list of files, and without.</summary>
    public static TimeSpan DefaultSettle { get; } = TimeSpan.FromMinutes(30);

    public static TimeSpan SettleWithoutIndex { get; } = TimeSpan.FromHours(24);

    /// <summary>Whether the listing of a set has been quiet for long enough. Needs no content.</summary>
    public static bool IsSettled(TakeoutSet set, DateTimeOffset now, TimeSpan? settle = null) =>
        now - set.LastChanged >= (settle ?? (set.Parts.Any(p => p.IsIndex) ? DefaultSettle : SettleWithoutIndex));

    // A store's clock may be behind ours by some minutes: what it says is half an hour old may be half as old.
    private static readonly TimeSpan MaxSkew = TimeSpan.FromMinutes(5);

    /// <summary>
    /// When a set counts as settled, if nothing of it changes until then: when the store says that it has been quiet for long enough, or
    /// when we have seen it lie there for so long by our own clock, whichever is earlier. The store's clock may be wrong either way.
    /// </summary>
    /// <param name="listedSince">Since when, by our clock, the set has been listed exactly like this.</param>
    public static DateTimeOffset SettledAt(TakeoutSet set, DateTimeOffset listedSince, TimeSpan settle)
    {
        DateTimeOffset byStore = set.LastChanged + settle + (settle / 4 < MaxSkew ? settle / 4 : MaxSkew);
        return byStore < listedSince + settle ? byStore : listedSince + settle;
    }

    public static SetCompleteness Judge(TakeoutExport export, DateTimeOffset now)
    {
        List<TakeoutFinding> findings = [];
        TakeoutSet set = export.Set;
        foreach ((string folder, string name) in (export.Index?.Failed ?? []).Take(MaxNamed))
        {
            findings.Add(new TakeoutFinding(FindingKind.FailedByGoogle, null, folder + "/" + name,
                $"Google could not export {folder}/{name}. It is not gone from the library; try a later export."));
        }

        bool onlyIndex = set.Parts.All(p => p.IsIndex);
        if (onlyIndex && set.Parts.Count > 0)
        {
            return new SetCompleteness(CompletenessState.Pending, "The export is announced, its parts are not there yet.", [], 0, findings);
        }

        bool damaged = export.Findings.Any(f => f.LosesData);
        if (export.Index is { Rows: > 0, Truncated: false } index)
        {
            (List<string> missing, int count) = Compare(export, index);
            if (count == 0)
            {
                return damaged
                    ? new SetCompleteness(CompletenessState.Incomplete, "Every file of the export's own list is there, but some are damaged.", [], 0, findings)
                    : new SetCompleteness(CompletenessState.Proven, $"All {index.Rows} files of the export's own list are there.", [], 0, findings);
            }

            AddMissingParts(set, findings);
            foreach (string file in missing)
            {
                findings.Add(new TakeoutFinding(FindingKind.MissingFile, null, file, $"{file} is on the export's own list and in no part."));
            }

            return new SetCompleteness(CompletenessState.Incomplete, $"{count} of {index.Rows} files of the export's own list are missing"
                + (set.MissingNumbers.Count > 0 ? $", and so are the parts {Numbers(set)}." : "."), missing, count, findings);
        }

        if (set.MissingNumbers.Count > 0)
        {
            AddMissingParts(set, findings);
            return new SetCompleteness(CompletenessState.Incomplete, $"The parts {Numbers(set)} are missing.", [], 0, findings);
        }

        if (damaged)
        {
            return new SetCompleteness(CompletenessState.Incomplete, "Some of it is damaged.", [], 0, findings);
        }

        if (set.Timestamp is null)
        {
            return new SetCompleteness(CompletenessState.Assumed, "Its files have no part numbers that could show a gap.", [], 0, findings);
        }

        return new SetCompleteness(CompletenessState.Assumed, "Its part numbers have no gap, but no list of its files is there"
            + (IsSettled(set, now) ? "." : ", and it changed less than a day ago."), [], 0, findings);
    }

    private static void AddMissingParts(TakeoutSet set, List<TakeoutFinding> findings)
    {
        if (set.MissingNumbers.Count > 0)
        {
            findings.Add(new TakeoutFinding(FindingKind.MissingPart, null, null,
                $"The parts {Numbers(set)} of {set.Name} are missing: download them, or export again."));
        }
    }

    private static string Numbers(TakeoutSet set)
    {
        string text = string.Join(", ", set.MissingNumbers.Take(20).Select(n => n.ToString("D3", System.Globalization.CultureInfo.InvariantCulture)));
        return set.MissingNumbers.Count > 20 ? $"{text} and {set.MissingNumbers.Count - 20} more" : text;
    }

    /// <summary>
    /// Each row against the files: exactly, then by the cut that names get, then without the counter. Loose files stand under their name
    /// without part number, in any folder.
    /// </summary>
    private static (List<string> Missing, int Count) Compare(TakeoutExport export, ExportIndex index)
    {
        // Of a whole export hardly any row is left to be looked for: the files are asked for those, not remembered all.
        HashSet<(string Folder, string Name)> wanted = [];
        HashSet<string> wantedFolders = new(StringComparer.Ordinal);
        foreach ((string folder, string name) in index.Files)
        {
            wantedFolders.Add(folder);
            foreach (string form in (ReadOnlySpan<string>)[name, Cut(name), WithoutCounter(name), WithoutCounter(Cut(name))])
            {
                wanted.Add((folder, form));
            }
        }

        if (wanted.Count == 0)
        {
            return ([], 0);
        }

        HashSet<(string Folder, string Name)> exact = [];
        HashSet<(string Folder, string Name)> bare = [];
        HashSet<string> loose = new(StringComparer.Ordinal);
        foreach (TakeoutEntry entry in export.Entries)
        {
            string name = TakeoutNames.Nfc(entry.Name);
            if (entry.Part.Format == PartFormat.Loose)
            {
                loose.Add(name);
                loose.Add(System.Text.RegularExpressions.Regex.Replace(name, @"-\d{3,6}(\.[^.]+)$", "$1"));
                continue;
            }

            string folder = TakeoutNames.Nfc(entry.Folder[(entry.Folder.LastIndexOf('/') + 1)..]);
            if (!wantedFolders.Contains(folder))
            {
                continue;
            }

            if (wanted.Contains((folder, name)))
            {
                exact.Add((folder, name));
            }

            if (WithoutCounter(name) is var without && wanted.Contains((folder, without)))
            {
                bare.Add((folder, without));
            }
        }

        HashSet<(string, string)> failed = [.. index.Failed];
        List<string> missing = [];
        int count = 0;
        foreach ((string folder, string name) in index.Files)
        {
            if (exact.Contains((folder, name)) || failed.Contains((folder, name)) || loose.Contains(name)
                || exact.Contains((folder, Cut(name))) || bare.Contains((folder, WithoutCounter(name))) || bare.Contains((folder, WithoutCounter(Cut(name)))))
            {
                continue;
            }

            count++;
            if (missing.Count < MaxNamed)
            {
                missing.Add(folder + "/" + name);
            }
        }

        return (missing, count);
    }

    private static string Cut(string name)
    {
        if (name.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return TakeoutNames.Cut(TakeoutNames.Clean(name[..^5]), TakeoutNames.MaxSidecarStem) + name[^5..];
        }

        (string stem, string extension) = TakeoutNames.Split(TakeoutNames.Clean(name));
        return TakeoutNames.Cut(stem, TakeoutNames.MaxMediaName - extension.Length) + extension;
    }

    private static string WithoutCounter(string name)
    {
        (string stem, string extension) = TakeoutNames.Split(name);
        return TakeoutNames.SplitCounter(stem).Base + extension;
    }
}
