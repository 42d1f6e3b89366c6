using GooglePhotos.Takeout.Library;

namespace GooglePhotos.Takeout.Exports;

public enum ExportClass
{
    /// <summary>Claims the whole library: what it lacks is missing.</summary>
    Full,

    /// <summary>What was uploaded or edited since the last successful export.</summary>
    Increment,

    /// <summary>Chosen albums or years: claims nothing about the rest.</summary>
    Selection,
}

/// <param name="Reason">One sentence for people.</param>
public sealed record SetClass(ExportClass Class, string Reason);

/// <summary>What one item is against the library as it was known before its export.</summary>
public enum ItemStanding
{
    /// <summary>Never seen.</summary>
    New,

    /// <summary>Known, with another sidecar or other bytes.</summary>
    Changed,

    Unchanged,
}

/// <summary>The facts that decide about an export's class.</summary>
public sealed record SetFacts
{
    public DateTimeOffset? Timestamp { get; init; }

    public bool HasYearFolders { get; init; }

    public required IReadOnlyDictionary<int, int> ItemsByYear { get; init; }

    public int Items { get; init; }

    /// <summary>Identity (the url) and upload time of each item that has one; null identities are left out.</summary>
    public required IEnumerable<(string Url, long? CreatedSeconds)> Identities { get; init; }

    /// <summary>Counts by standing, when the caller compared item by item; null when only urls are to be compared.</summary>
    public IReadOnlyDictionary<ItemStanding, int>? Standing { get; init; }

    public static SetFacts Of(TakeoutSet set, TakeoutLibrary library)
    {
        Dictionary<int, int> years = [];
        foreach (TakeoutItem item in library.Items)
        {
            if (item.Year is { } year)
            {
                years[year] = years.GetValueOrDefault(year) + 1;
            }
        }

        return new SetFacts
        {
            Timestamp = set.Timestamp,
            HasYearFolders = library.Pairing.YearFolders.Count > 0,
            ItemsByYear = years,
            Items = library.Items.Count,
            Identities = library.Items.Where(item => item.Url is not null).Select(item => (item.Url!, item.Sidecar!.CreatedSeconds)),
        };
    }
}

/// <summary>The library as the exports before this one left it.</summary>
public sealed record SetHistory
{
    public static SetHistory Empty { get; } = new() { ItemsByYear = new Dictionary<int, int>(), IsKnown = static _ => false };

    /// <summary>Time of the newest export of the account; null when there was none.</summary>
    public DateTimeOffset? LastTimestamp { get; init; }

    /// <summary>Items last seen, by the year taken.</summary>
    public required IReadOnlyDictionary<int, int> ItemsByYear { get; init; }

    /// <summary>Whether an identity was seen before.</summary>
    public required Func<string, bool> IsKnown { get; init; }

    public int Items => ItemsByYear.Values.Sum();

    internal SetHistory With(TakeoutSet set, TakeoutLibrary library, ExportClass kind)
    {
        Dictionary<int, int> years = kind == ExportClass.Full ? [] : new(ItemsByYear);
        HashSet<string> urls = new(StringComparer.Ordinal);
        foreach (TakeoutItem item in library.Items)
        {
            bool known = item.Url is { } url && (IsKnown(url) || !urls.Add(url));
            if (item.Year is { } year && (kind == ExportClass.Full || !known))
            {
                years[year] = years.GetValueOrDefault(year) + 1;
            }
        }

        Func<string, bool> before = IsKnown;
        return new SetHistory
        {
            LastTimestamp = set.Timestamp is { } stamp && (LastTimestamp is null || stamp > LastTimestamp) ? stamp : LastTimestamp,
            ItemsByYear = years,
            IsKnown = url => urls.Contains(url) || before(url),
        };
    }
}

/// <summary>
/// Full, increment or selection. Nothing in an export says so. Only a full one may say that something is gone, so in doubt the answer is
/// Selection, which claims nothing; the person can overrule it.
/// </summary>
public static class SetClassifier
{
    // Google's own rule of thumb does not exist; a library that covers this much of every year that was known is no increment.
    private const double FullShare = 0.95;

    // What an increment may repeat without being new or edited (items whose creation time is odd).
    private const double OldShareOfIncrement = 0.10;

    public static SetClass Classify(SetFacts set, SetHistory history)
    {
        if (!set.HasYearFolders)
        {
            return new SetClass(ExportClass.Selection, "It holds albums but no year folders.");
        }

        if (history.LastTimestamp is null && history.Items == 0)
        {
            return new SetClass(ExportClass.Full, "It is the first export of this account and has year folders.");
        }

        if (set.Items > 0 && Covers(set, history))
        {
            return new SetClass(ExportClass.Full, "It covers at least 95 % of every year that was known.");
        }

        if (set.Timestamp is null || history.LastTimestamp is not { } last || set.Timestamp <= last)
        {
            return new SetClass(ExportClass.Selection, "It holds only a part of the library and is not newer than the exports before it. If it is an increment or full, say so.");
        }

        if (set.Items == 0)
        {
            return new SetClass(ExportClass.Increment, "It is newer than the exports before it and holds nothing new.");
        }

        int old = set.Standing is { } standing
            ? standing.GetValueOrDefault(ItemStanding.Unchanged)
            : set.Identities.Count(i => history.IsKnown(i.Url) && !(i.CreatedSeconds > last.ToUnixTimeSeconds()));
        return set.Standing is not null
            ? old <= set.Items * OldShareOfIncrement
                ? new SetClass(ExportClass.Increment, $"It is newer than the exports before it, and all but {old} of its {set.Items} items are new or changed.")
                : new SetClass(ExportClass.Selection, $"{old} of its {set.Items} items are old and did not change. If it is an increment or full, say so.")
            : old < set.Items
                ? new SetClass(ExportClass.Increment, $"It is newer than the exports before it and a small part of the library; {set.Items - old} of its {set.Items} items are new.")
                : new SetClass(ExportClass.Selection, "All of its items were known. If it is an increment or full, say so.");
    }

    // A choice of some years or albums has few of the years; an export of everything has something of nearly each.
    private const double YearsOfEverything = 0.8;
    private const double ShrunkenShare = 0.9;

    /// <summary>
    /// Whether this is probably an export of everything that shows far less than is known, mostly things that were known. It may be a wide
    /// choice as well, so it is no ground to call anything missing, and ground enough to forget nothing for now.
    /// </summary>
    public static bool LooksShrunken(SetFacts set, SetHistory history)
    {
        if (!set.HasYearFolders || history.Items < 10 || set.Items >= history.Items * ShrunkenShare)
        {
            return false;
        }

        int[] years = [.. history.ItemsByYear.Where(y => y.Value > 0).Select(y => y.Key)];
        int shown = years.Count(y => set.ItemsByYear.GetValueOrDefault(y) > 0);
        int old = set.Standing is { } standing
            ? standing.GetValueOrDefault(ItemStanding.Unchanged)
            : set.Identities.Count(i => history.IsKnown(i.Url));
        return shown >= years.Length * YearsOfEverything && old * 2 > set.Items;
    }

    private static bool Covers(SetFacts set, SetHistory history)
    {
        foreach ((int year, int known) in history.ItemsByYear)
        {
            // One photo of three missing is no sign of an increment, so small years get a little more room.
            if (set.ItemsByYear.GetValueOrDefault(year) < Math.Min(known * FullShare, known - 1) && known > 0)
            {
                return false;
            }
        }

        return set.Items >= history.Items * FullShare;
    }
}
