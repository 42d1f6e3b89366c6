using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Tests.Takeout;

/// <summary>The examples of how Takeout names files, each with the pairs that are right.</summary>
public sealed record PairingVector(string Id, bool LowConfidence, IReadOnlyList<PairingVector.VectorFile> Files, PairingVector.Expectation Expect)
{
    public sealed record VectorFile(string Path, int? Part, long Size, byte[]? Json);

    public sealed record Expectation(
        IReadOnlyDictionary<string, string?> Pairs,
        IReadOnlyList<string>? Groups,
        IReadOnlyList<string> UnpairedJson,
        IReadOnlyList<string> Ignored,
        IReadOnlyList<string>? Albums,
        int? LogicalItems);

    public static IReadOnlyList<PairingVector> Visible { get; } = Load("pairing-visible.json");

    public override string ToString() => Id;

    public IReadOnlyList<PairingFile> ToPairingFiles(bool withParts = true) => [.. Files.Select(f =>
    {
        int slash = f.Path.LastIndexOf('/');
        return new PairingFile
        {
            Folder = slash < 0 ? "" : f.Path[..slash],
            Name = f.Path[(slash + 1)..],
            Size = f.Size,
            PartNumber = withParts ? f.Part : null,
            Json = f.Json is null ? null : TakeoutJsonParser.Parse(f.Json),
        };
    })];

    private static List<PairingVector> Load(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "fixtures", "takeout", name)));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray().Select(Read)];
    }

    private static PairingVector Read(JsonElement v)
    {
        JsonElement expect = v.GetProperty("expect");
        return new PairingVector(
            v.GetProperty("id").GetString()!,
            v.GetProperty("confidence").GetString() == "low",
            [.. v.GetProperty("files").EnumerateArray().Select(f => new VectorFile(
                f.GetProperty("path").GetString()!,
                f.TryGetProperty("part", out JsonElement part) ? part.GetInt32() : null,
                f.TryGetProperty("size", out JsonElement size) ? size.GetInt64() : 0,
                f.TryGetProperty("json", out JsonElement json) ? Encoding.UTF8.GetBytes(json.GetRawText()) : null))],
            new Expectation(
                expect.GetProperty("pairs").EnumerateArray().ToDictionary(p => p.GetProperty("media").GetString()!, p => p.GetProperty("json").GetString()),
                expect.TryGetProperty("groups", out JsonElement groups)
                    ? [.. groups.EnumerateArray().Select(g => DescribeGroup(g.GetProperty("primary").GetString()!,
                        g.GetProperty("members").EnumerateArray().Select(m => (m.GetProperty("path").GetString()!, m.GetProperty("role").GetString()!)))).Order(StringComparer.Ordinal)]
                    : null,
                Strings(expect, "unpairedJson"),
                Strings(expect, "ignored"),
                expect.TryGetProperty("albums", out JsonElement albums)
                    ? [.. albums.EnumerateArray().Select(a => DescribeAlbum(a.GetProperty("folder").GetString()!, a.GetProperty("metadata").GetString(), a.GetProperty("title").GetString()!)).Order(StringComparer.Ordinal)]
                    : null,
                expect.TryGetProperty("logicalItems", out JsonElement items) ? items.GetInt32() : null));
    }

    public static string DescribeGroup(string primary, IEnumerable<(string Path, string Role)> members) =>
        primary + " <- " + string.Join(", ", members.OrderBy(m => m.Path, StringComparer.Ordinal).Select(m => $"{m.Path} ({m.Role})"));

    public static string DescribeAlbum(string folder, string? metadata, string title) => $"{folder} | {metadata} | {title}";

    private static List<string> Strings(JsonElement parent, string name) =>
        [.. parent.GetProperty(name).EnumerateArray().Select(e => e.GetString()!).Order(StringComparer.Ordinal)];
}
