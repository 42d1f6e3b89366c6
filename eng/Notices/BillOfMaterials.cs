using System.Text.Json;
using System.Text.Json.Nodes;

namespace Notices;

/// <summary>CycloneDX 1.6, without a serial number or a time, so that the same packages give the same bytes.</summary>
internal static class BillOfMaterials
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Build(string program, string version, IEnumerable<Package> packages) => new JsonObject
    {
        ["bomFormat"] = "CycloneDX",
        ["specVersion"] = "1.6",
        ["version"] = 1,
        ["metadata"] = new JsonObject
        {
            ["component"] = new JsonObject
            {
                ["type"] = "application",
                ["name"] = program,
                ["version"] = version,
                ["licenses"] = new JsonArray(new JsonObject { ["expression"] = "Apache-2.0" }),
            },
        },
        ["components"] = new JsonArray([.. packages.Select(Component)]),
    }.ToJsonString(Indented) + "\n";

    private static JsonObject Component(Package package) => new()
    {
        ["type"] = "library",
        ["bom-ref"] = Purl(package),
        ["name"] = package.Id,
        ["version"] = package.Version,
        ["hashes"] = new JsonArray(new JsonObject { ["alg"] = "SHA-512", ["content"] = package.Sha512 }),
        ["licenses"] = new JsonArray(package.Licence.StartsWith("http", StringComparison.Ordinal)
            ? new JsonObject { ["license"] = new JsonObject { ["name"] = "see url", ["url"] = package.Licence } }
            : new JsonObject { ["expression"] = package.Licence }),
        ["purl"] = Purl(package),
    };

    private static string Purl(Package package) => $"pkg:nuget/{package.Id}@{package.Version}";
}
