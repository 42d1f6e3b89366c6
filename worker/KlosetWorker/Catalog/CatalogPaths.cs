using System.Globalization;
using Kloset.Snapshots;

namespace KlosetWorker.Catalog;

/// <summary>Where our own files lie in a snapshot's tree.</summary>
internal static class CatalogPaths
{
    public static readonly EntryPath Root = EntryPath.Parse("/.kloset");

    public static readonly EntryPath Folder = EntryPath.Parse("/.kloset/catalog");

    public static readonly EntryPath Manifest = EntryPath.Parse("/.kloset/manifest.json");

    public static readonly EntryPath Sightings = EntryPath.Parse("/.kloset/sightings.ndjson");

    public static readonly EntryPath Photos = EntryPath.Parse("/Google Photos");

    /// <summary>File of a year; items without a time are in `undated.ndjson`, year 0.</summary>
    public static EntryPath OfYear(int year) =>
        Folder.Append(year == 0 ? "undated.ndjson" : year.ToString("0000", CultureInfo.InvariantCulture) + ".ndjson");

    public static int? YearOf(string fileName) =>
        fileName == "undated.ndjson" ? 0
        : fileName.EndsWith(".ndjson", StringComparison.Ordinal) && int.TryParse(fileName.AsSpan(0, fileName.Length - 7), CultureInfo.InvariantCulture, out var year) ? year
        : null;
}
