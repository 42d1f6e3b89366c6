using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GooglePhotos.Takeout.Inspection;

/// <summary>
/// What <c>kloset takeout inspect</c> tells. Paths are relative to the inspected place; a file inside a zip or tgz has its path inside the
/// archive. When two exports hold the same path, those of the later one are preceded by its name: <c>takeout-…Z!Takeout/…</c>.
/// </summary>
public sealed record InspectReport
{
    public string Schema { get; init; } = "takeout-inspect/1";

    public required string Location { get; init; }

    /// <summary>SHA-256 of the listing (names, sizes, times).</summary>
    public required string Digest { get; init; }

    public required IReadOnlyList<InspectSet> Sets { get; init; }

    public required InspectCounts Counts { get; init; }

    /// <summary>Every media file and its sidecar, or null.</summary>
    public required IReadOnlyDictionary<string, string?> Pairs { get; init; }

    /// <summary>How sure each pair is and why, for media that have a sidecar, and why not for those that have none.</summary>
    public required IReadOnlyDictionary<string, InspectReason> Reasons { get; init; }

    /// <summary>Files that belong to one item: edited versions, clips of live and motion photos.</summary>
    public required IReadOnlyList<InspectGroup> Groups { get; init; }

    /// <summary>Items that were one shot: bursts, RAW and JPEG.</summary>
    public required IReadOnlyList<InspectStack> Stacks { get; init; }

    public required IReadOnlyList<string> UnpairedJson { get; init; }

    public required IReadOnlyList<string> UnpairedMedia { get; init; }

    /// <summary>Neither media nor metadata of media or albums; kept verbatim by a backup.</summary>
    public required IReadOnlyList<string> Ignored { get; init; }

    public required IReadOnlyList<InspectAlbum> Albums { get; init; }

    /// <summary>Media files with the same content as another file of their item (a photo in its year and in its albums).</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Duplicates { get; init; }

    /// <summary>Items after copies are taken together.</summary>
    public required int LogicalItems { get; init; }

    public required IReadOnlyList<InspectWarning> Warnings { get; init; }

    /// <summary>Writes the report as JSON, names as they are and not escaped.</summary>
    public Task WriteAsync(Stream output, CancellationToken ct) => JsonSerializer.SerializeAsync(output, this, InspectJson.Default.InspectReport, ct);
}

public sealed record InspectSet(
    string Name,
    DateTimeOffset? Timestamp,
    string Class,
    string ClassReason,
    string Completeness,
    string CompletenessReason,
    IReadOnlyList<int> MissingParts,
    IReadOnlyList<string> MissingFiles,
    string? Account,
    int Items,
    long Bytes,
    IReadOnlyList<InspectPart> Parts);

public sealed record InspectPart(string Path, string Format, int? Number, bool IsIndex, long Bytes, int Files);

public sealed record InspectCounts(
    int Sets, int Parts, int Files, int Media, int Sidecars, int Items, int Paired, int PairedExact, int PairedDerived, int PairedWeak, int Albums, long Bytes, long MediaBytes);

public sealed record InspectReason(string Rank, string Reason);

public sealed record InspectGroup(string Primary, IReadOnlyList<InspectMember> Members);

public sealed record InspectMember(string Path, string Role);

public sealed record InspectStack(string Kind, IReadOnlyList<string> Files);

public sealed record InspectAlbum(string Folder, string? Metadata, string Title, int Items);

public sealed record InspectWarning(string Kind, string? Part, string? Path, string Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(InspectReport))]
internal sealed partial class InspectJson : JsonSerializerContext
{
    static InspectJson() => Default = new InspectJson(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // Written to files and terminals, never into a page: names of all languages stay readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
