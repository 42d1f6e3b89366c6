using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevCluster.Json;
using TakeoutGenerator;

namespace Demo.Staging;

/// <param name="Media">Files whose SHA-256 equals the source's.</param>
/// <param name="Problems">In words; empty when everything is as it was.</param>
public sealed record Comparison(int Items, int Media, int Sidecars, int Albums, long Bytes, IReadOnlyList<string> Problems);

/// <summary>Compares a restored tree with what Google delivered, by content and not by name.</summary>
public static class RestoredLibrary
{
    private static readonly string[] IsJson = [".json", ".ndjson"];

    public static Comparison Compare(string folder, IReadOnlyList<ExportManifest> exports)
    {
        var problems = new List<string>();
        var byHash = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var sidecars = new Dictionary<string, List<JsonObject>>(StringComparer.Ordinal);
        var albums = new List<(string Folder, JsonObject Metadata)>();
        long bytes = 0;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(file => !file.Contains("/.kloset/", StringComparison.Ordinal)))
        {
            if (!IsJson.Contains(Path.GetExtension(file)))
            {
                using var stream = File.OpenRead(file);
                bytes += stream.Length;
                var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
                (byHash.TryGetValue(hash, out var paths) ? paths : byHash[hash] = []).Add(file);
            }
            else if (Parse(file) is { } json)
            {
                if (json.Text("url") is { } url)
                {
                    (sidecars.TryGetValue(url, out var known) ? known : sidecars[url] = []).Add(json);
                }
                else if (json.Text("title") is not null)
                {
                    albums.Add((Path.GetDirectoryName(file)!, json));
                }
            }
        }

        // A later export tells an item anew; memberships of albums add up.
        var items = exports.SelectMany(export => export.Items).GroupBy(item => item.Url).ToDictionary(group => group.Key, group => group.Last());
        var media = 0;
        foreach (var hash in exports.SelectMany(export => export.Items).SelectMany(item => item.Folders).SelectMany(f => f.Media).Select(file => file.Sha256.ToLowerInvariant()).Distinct())
        {
            if (byHash.ContainsKey(hash))
            {
                media++;
            }
            else
            {
                problems.Add($"no restored file has the SHA-256 {hash}");
            }
        }

        var sources = exports.SelectMany(export => export.Items).SelectMany(item => item.Folders).SelectMany(f => f.Media).Select(file => file.Sha256.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal);
        foreach (var (hash, places) in byHash.Where(pair => !sources.Contains(pair.Key)))
        {
            problems.Add($"{places[0]} was restored with the SHA-256 {hash}, which no source file has");
        }

        foreach (var (url, item) in items)
        {
            if (!sidecars.TryGetValue(url, out var told))
            {
                problems.Add($"{item.Title} ({url}) has no sidecar");
            }
            else if (told.Find(json => json.Text("title") != item.Title || (json.Text("description") ?? "") != item.Description) is { } wrong)
            {
                problems.Add($"{item.Title}: the sidecar says title \"{wrong.Text("title")}\", description \"{wrong.Text("description")}\"; the source says \"{item.Description}\"");
            }
        }

        var expected = exports.SelectMany(export => export.Albums).GroupBy(album => album.Title).Select(group => group.Last()).ToArray();
        foreach (var album in expected)
        {
            var found = albums.Find(candidate => candidate.Metadata.Text("title") == album.Title);
            if (found.Folder is null)
            {
                problems.Add($"the album \"{album.Title}\" is missing");
                continue;
            }

            if ((found.Metadata.Text("description") ?? "") != album.Description)
            {
                problems.Add($"the album \"{album.Title}\" lost its description");
            }

            var members = exports.SelectMany(export => export.Items).SelectMany(item => item.Folders).Where(f => f.Album == album.Title).SelectMany(f => f.Media).Select(file => file.Sha256.ToLowerInvariant()).Distinct();
            foreach (var hash in members)
            {
                if (!byHash.TryGetValue(hash, out var places) || !places.Exists(place => Path.GetDirectoryName(place) == found.Folder))
                {
                    problems.Add($"the album \"{album.Title}\" misses the file with SHA-256 {hash}");
                }
            }
        }

        return new Comparison(items.Count, media, items.Count(item => sidecars.ContainsKey(item.Key)), expected.Length, bytes, problems);
    }

    private static JsonObject? Parse(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(file)) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
