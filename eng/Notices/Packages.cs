using System.Text.Json;
using System.Xml.Linq;

namespace Notices;

/// <param name="Name">As people call it.</param>
internal sealed record ShippedProgram(string Name, string LockFile);

/// <param name="Licence">SPDX expression, or the address of the licence's text.</param>
/// <param name="Sha512">Of the package, hexadecimal.</param>
internal sealed record Package(string Id, string Version, string Licence, string Authors, string? Url, string Sha512);

/// <summary>Packages of a lock file, with what their own metadata says.</summary>
internal static class PackageReader
{
    /// <exception cref="FileNotFoundException">A package is not restored.</exception>
    public static IReadOnlyList<Package> Read(string lockFile, string cache)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(lockFile));
        var packages = new SortedDictionary<string, Package>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in document.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(framework => framework.Value.EnumerateObject()))
        {
            if (entry.Value.GetProperty("type").GetString() == "Project")
            {
                continue;
            }

            var version = entry.Value.GetProperty("resolved").GetString()!;
            var metadata = Metadata(cache, entry.Name, version);
            if (Text(metadata, "developmentDependency") != "true")
            {
                var hash = Convert.ToHexStringLower(Convert.FromBase64String(entry.Value.GetProperty("contentHash").GetString()!));
                packages[entry.Name] = new(entry.Name, version, Licence(metadata), Text(metadata, "authors") ?? "", Text(metadata, "projectUrl"), hash);
            }
        }

        return [.. packages.Values];
    }

    private static XElement Metadata(string cache, string id, string version)
    {
        var folder = Path.Combine(cache, id.ToLowerInvariant(), version.ToLowerInvariant());
        var file = Path.Combine(folder, id.ToLowerInvariant() + ".nuspec");
        if (!File.Exists(file))
        {
            throw new FileNotFoundException($"The package {id} {version} is not in the cache.");
        }

        return XDocument.Load(file).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    private static string Licence(XElement metadata)
    {
        var licence = metadata.Elements().FirstOrDefault(element => element.Name.LocalName == "license");
        return licence?.Attribute("type")?.Value == "expression" ? licence.Value : Text(metadata, "licenseUrl") ?? "see the package";
    }

    private static string? Text(XElement metadata, string name) =>
        metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value.Trim();
}
