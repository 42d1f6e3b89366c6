using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetWorker.Catalog;

/// <summary>
/// One media item: a line of `/.kloset/catalog/YEAR.ndjson`. It holds only what does not change between snapshots that did not touch the
/// item, so an untouched year is the same bytes. The members are written in this order; docs/reference/catalog.md describes them.
/// </summary>
internal sealed record CatalogItem
{
    /// <summary>`url:…` of the sidecar, else `lib:ID`, `pick:ID`, else `sha256:…` of the content.</summary>
    public required string Id { get; init; }

    /// <summary>Other identities by which the item was known.</summary>
    public IReadOnlyList<string>? Aliases { get; init; }

    /// <summary>When it was taken, UTC.</summary>
    public DateTimeOffset? Taken { get; init; }

    /// <summary>Offset of local time, such as `+02:00`, when something tells it.</summary>
    public string? Zone { get; init; }

    /// <summary>Where the taken time comes from: sidecar, file, name, folder.</summary>
    public string? TakenFrom { get; init; }

    /// <summary>When it was uploaded.</summary>
    public DateTimeOffset? Created { get; init; }

    public string? Title { get; init; }

    public string? Description { get; init; }

    /// <summary>The place that people see and edit.</summary>
    public CatalogPlace? Place { get; init; }

    /// <summary>The place that the file says.</summary>
    public CatalogPlace? PlaceOfFile { get; init; }

    public IReadOnlyList<string>? People { get; init; }

    public bool? Favourite { get; init; }

    public bool? Archived { get; init; }

    public bool? Trashed { get; init; }

    public IReadOnlyList<CatalogMembership>? Albums { get; init; }

    public string? Mime { get; init; }

    public string? Camera { get; init; }

    public int? Width { get; init; }

    public int? Height { get; init; }

    public double? DurationSeconds { get; init; }

    /// <summary>How it came to Google: mobileUpload, webUpload, …</summary>
    public string? Origin { get; init; }

    /// <summary>How sure its sidecar is: exact, derived, weak, none.</summary>
    public required string Rank { get; init; }

    /// <summary>1 for the first; each change of metadata or files adds one.</summary>
    public int Revision { get; init; } = 1;

    public required IReadOnlyList<CatalogFile> Files { get; init; }

    /// <summary>The item's own metadata first; others where a copy in an album came with other bytes.</summary>
    public IReadOnlyList<CatalogSidecar>? Sidecars { get; init; }

    /// <summary>Time of the export that the metadata is from; an older export that arrives late does not change it.</summary>
    public DateTimeOffset? MetadataFrom { get; init; }
}

internal sealed record CatalogPlace(double Latitude, double Longitude, double? Altitude = null);

/// <param name="Folder">Name of the album's folder in the tree.</param>
/// <param name="Order">Position in the album, from 0, when it is known.</param>
internal sealed record CatalogMembership(string Folder, int? Order = null);

internal sealed record CatalogFile
{
    /// <summary>original, edited, live, raw, burst.</summary>
    public required string Role { get; init; }

    /// <summary>All places in the tree; the first one is in the year's folder when there is one.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    public required long Size { get; init; }

    public required string Sha256 { get; init; }

    public required string Sha1 { get; init; }

    /// <summary>Eight hexadecimal digits, as a zip's directory has it.</summary>
    public required string Crc32 { get; init; }

    /// <summary>Identifier of the OBJECT blob.</summary>
    public required string Object { get; init; }

    public string? Mime { get; init; }

    /// <summary>Names of the archive entries, as far as they differ from the names in the tree.</summary>
    public IReadOnlyList<string>? EntryNames { get; init; }
}

internal sealed record CatalogSidecar
{
    public required IReadOnlyList<string> Paths { get; init; }

    public required long Size { get; init; }

    public required string Sha256 { get; init; }

    public required string Object { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CatalogItem))]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(Sighting))]
[JsonSerializable(typeof(CatalogAlbum))]
internal sealed partial class CatalogJson : JsonSerializerContext
{
    /// <summary>Names in their own script; these files are read by people and programs, never by a browser.</summary>
    public static CatalogJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static CatalogJson Indented => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    });
}
