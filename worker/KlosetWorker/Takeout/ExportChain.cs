using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <param name="CoveredThrough">Time of the newest export in an unbroken chain of full exports and increments.</param>
/// <param name="Links">Number of exports in that chain.</param>
/// <param name="Gaps">Holes in it.</param>
internal sealed record Coverage(DateTimeOffset? CoveredThrough, int Links, IReadOnlyList<ManifestGap> Gaps);

/// <summary>
/// Up to when the library is known to be whole. Only full exports and complete increments that follow one another move it. An increment
/// begins at Google's last successful export, so one that was never picked up leaves a hole that no file shows; it is inferred from the
/// time between two exports and from the upload times of what the later one holds.
/// </summary>
internal static class ExportChain
{
    /// <summary>Google exports every two months; a quarter more is no delay but a missing export.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromDays(80);

    /// <summary>So long after the last export nothing was uploaded: then the uploads in between are in an export that we do not hold.</summary>
    private static readonly TimeSpan SilentStart = TimeSpan.FromDays(14);

    public static Coverage Follow(IEnumerable<ManifestSet> sets)
    {
        DateTimeOffset? covered = null;
        var links = 0;
        var broken = false;
        var gaps = new List<ManifestGap>();
        foreach (var set in sets.Where(set => set is { Time: not null, Kind: "full" or "increment" }).OrderBy(set => set.Time))
        {
            var whole = set.Completeness is "proven" or "assumed";
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
            else if (covered is { } last && !broken && IsHole(last, set))
            {
                gaps.Add(new(
                    "export",
                    string.Create(CultureInfo.InvariantCulture, $"{last:yyyy-MM-dd} to {set.OldestNewItem ?? set.Time:yyyy-MM-dd}"),
                    "An export between these dates was never picked up. Make a full export.",
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

    private static bool IsHole(DateTimeOffset last, ManifestSet set) =>
        set.Time - last > LongestStep && (set.OldestNewItem is not { } oldest || oldest - last > SilentStart);
}
