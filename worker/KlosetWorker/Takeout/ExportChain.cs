using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Takeout.Exports;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <param name="CoveredThrough">Time of the newest export in an unbroken chain of full exports and increments.</param>
/// <param name="Links">Number of exports in that chain.</param>
/// <param name="Gaps">Holes in it.</param>
internal sealed record Coverage(DateTimeOffset? CoveredThrough, int Links, IReadOnlyList<ManifestGap> Gaps);

/// <summary>
/// Up to when the library is known to be whole. Only full exports and complete increments that follow one another move it. An increment
/// begins at Google's last successful export, so one that was never picked up leaves a hole that no file shows. It is inferred from the
/// calendar alone: what an increment holds can never acquit it, because an item of the lost export that is edited later comes again with
/// its old upload time. Two exports of a schedule are two months apart; where another one fits in between, it is missing. Not seen is the
/// loss of an export that came within two weeks after a full one made by hand, when the one with which its schedule began is not held either.
/// </summary>
internal static class ExportChain
{
    /// <summary>Google exports every two months; two weeks more are no delay but a missing export.</summary>
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(14);

    /// <summary>By how much an export may come off its day, with months of different lengths.</summary>
    private static readonly TimeSpan Drift = TimeSpan.FromDays(10);

    /// <summary>A schedule makes six exports, the last of them ten months after the first.</summary>
    private const int LastExportAfterMonths = 10;

    public static Coverage Follow(IEnumerable<ManifestSet> sets)
    {
        DateTimeOffset? covered = null;
        var links = 0;
        var broken = false;
        var gaps = new List<ManifestGap>();
        var before = new List<ManifestSet>();
        foreach (var set in sets.Where(set => set is { Time: not null, Kind: "full" or "increment" }).OrderBy(set => set.Time))
        {
            var whole = set.Completeness is "proven" or "assumed";
            before.Add(set);
            if (set.Kind == "full")
            {
                if (whole)
                {
                    // A whole full export shows everything there is: older holes no longer matter.
                    (covered, links, broken) = (set.Time, 1, false);
                    gaps.Clear();
                }
                else if (covered is null)
                {
                    (links, broken) = (1, true);
                }

                continue;
            }

            if (covered is null && !broken)
            {
                gaps.Add(new("base", set.Name, "There is no full export before this increment. Make a full export.", set.Name));
                broken = true;
            }
            else if (covered is { } last && !broken && LostBetween(last, set.Time!.Value, before) is { } lost)
            {
                gaps.Add(new(
                    "export",
                    string.Create(CultureInfo.InvariantCulture, $"{last:yyyy-MM-dd} to {lost:yyyy-MM-dd}"),
                    "An export that Google made between these dates was never picked up, as far as its two-monthly schedule tells. Make a full export.",
                    set.Name));
                broken = true;
            }

            if (!broken && whole)
            {
                covered = set.Time;
                links++;
            }
            else
            {
                broken = true;
            }
        }

        return new(covered, links, gaps);
    }

    /// <summary>Names a set of missing things, so that a person can accept exactly these.</summary>
    public static string? Hash(IReadOnlyList<ManifestGap> gaps) => gaps.Count == 0
        ? null
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(
            '\n', gaps.Select(gap => $"{gap.Kind}\0{gap.Set}\0{gap.Name}").Order(StringComparer.Ordinal)))).AsSpan(0, 8));

    /// <summary>When Google made the export at which an increment begins, if that is none that we hold.</summary>
    /// <param name="last">End of what is covered.</param>
    /// <param name="time">Of the increment.</param>
    /// <param name="sets">All exports up to the increment and with it, by time.</param>
    private static DateTimeOffset? LostBetween(DateTimeOffset last, DateTimeOffset time, List<ManifestSet> sets)
    {
        if (time > Next(last) + LongestDelay)
        {
            return time.AddMonths(-ExportSchedule.MonthsBetweenExports); // there it begins, if it came in time
        }

        // A full export made by hand in the middle of a schedule does not move the schedule: the increment after it may begin at a later one.
        var newest = sets.FindLastIndex(set => set.Time == last && set.Kind == "full");
        for (var earlier = newest - 1; earlier >= 0; earlier--)
        {
            if (LostOfSchedule(sets[earlier], last, time, sets) is { } lost)
            {
                return lost;
            }

            if (sets[earlier].Kind == "increment")
            {
                break;
            }
        }

        return null;
    }

    /// <summary>The same for a schedule to which an export before the newest full one belongs, if the increment fits into it as well as after the full one.</summary>
    private static DateTimeOffset? LostOfSchedule(ManifestSet scheduled, DateTimeOffset last, DateTimeOffset time, List<ManifestSet> sets)
    {
        var begin = scheduled.Time!.Value;
        if (scheduled.Kind == "full" && (last - Next(begin)).Duration() < Drift)
        {
            return null; // nothing proves the older one a schedule's, and if it was, this one is its next
        }

        // Of the full exports before it, the newest that it follows by whole steps began its schedule.
        var start = sets.FindLast(set => set.Kind == "full" && set.Time <= begin && Enumerable.Range(0, (LastExportAfterMonths / ExportSchedule.MonthsBetweenExports) + 1)
            .Any(step => (begin - set.Time.Value.AddMonths(step * ExportSchedule.MonthsBetweenExports)).Duration() < Drift))?.Time ?? begin;
        var ends = start.AddMonths(LastExportAfterMonths) + Drift;
        var offOwn = (time - Next(last)).Duration();
        for (var made = Next(begin); made < time && made < ends; made = Next(made))
        {
            if (made > last - Drift && (time - Next(made)).Duration() < offOwn + Drift)
            {
                return made;
            }
        }

        return null;
    }

    private static DateTimeOffset Next(DateTimeOffset export) => export.AddMonths(ExportSchedule.MonthsBetweenExports);
}
