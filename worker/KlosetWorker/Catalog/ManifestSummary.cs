using KlosetWorker.Contract;

namespace KlosetWorker.Catalog;

/// <summary>From a manifest to what a result says of library and exports.</summary>
internal static class ManifestSummary
{
    private const int MaxNames = 10;
    private const int MaxSafeToDelete = 20;

    public static LibraryTotals Library(Manifest manifest)
    {
        var missing = IsAccepted(manifest) ? [] : manifest.Missing;
        return new(
            manifest.Counts.Items,
            manifest.Counts.Bytes,
            missing.Count,
            missing.Count > 0 ? manifest.GapHash : null,
            missing.Count > 0 ? [.. missing.Take(MaxNames).Select(gap => gap.Name)] : null,
            Shrunk: manifest.Shrunk is not null);
    }

    /// <summary>Whether a person has said that what is missing may stay missing: exactly this, and nothing since.</summary>
    public static bool IsAccepted(Manifest manifest) => manifest.GapHash is { } hash && manifest.AcceptedGaps.Contains(hash, StringComparer.Ordinal);

    /// <summary>Google exports six times in a year, every two months; a chain of two shows that there is a schedule.</summary>
    private const int MonthsBetweenExports = 2;

    public static ExportsSummary Exports(Manifest manifest) => new(
        manifest.CoveredThrough,
        (manifest.Sets.LastOrDefault(set => set.Time is not null) ?? (manifest.Sets is [.., var last] ? last : null))?.Name,
        manifest.Chain,
        NextExpected: manifest.Chain > 1 ? manifest.CoveredThrough?.AddMonths(MonthsBetweenExports) : null,
        ScheduleEnds: manifest.Chain > 1 ? manifest.Sets.LastOrDefault(set => set.Kind == "full")?.Time?.AddYears(1) : null,
        SafeToDelete: manifest.Sets
            .Where(set => set.Completeness == "proven")
            .SelectMany(set => set.Parts)
            .Where(part => part is { Ingested: true, Damaged: null })
            .Select(part => part.Name)
            .Take(MaxSafeToDelete)
            .ToArray() is { Length: > 0 } safe ? safe : null);
}
