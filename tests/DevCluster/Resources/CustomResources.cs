using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Resources;

/// <summary>CustomResourceDefinitions are served from the moment they are stored.</summary>
internal static class CustomResources
{
    public const string ResourceName = "customresourcedefinitions.apiextensions.k8s.io";

    public static void Establish(JsonObject definition, DateTimeOffset now)
    {
        var names = definition.Ensure("spec").Ensure("names");
        var kind = names.Text("kind") ?? "";
        if (names.Text("singular") is null)
        {
            names["singular"] = kind.ToLowerInvariant();
        }

        if (names.Text("listKind") is null)
        {
            names["listKind"] = kind + "List";
        }

        definition.Object("spec")!["conversion"] ??= new JsonObject { ["strategy"] = "None" };
        definition["status"] = new JsonObject
        {
            ["acceptedNames"] = names.Copy(),
            ["storedVersions"] = JsonAccess.TextArray((definition.Array("spec", "versions") ?? [])
                .Where(version => version.Flag("storage") == true).Select(version => version.Text("name") ?? "")),
            ["conditions"] = new JsonArray(
                Condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                Condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now)),
        };
    }

    private static JsonObject Condition(string type, string reason, string message, DateTimeOffset now) => new()
    {
        ["type"] = type,
        ["status"] = "True",
        ["lastTransitionTime"] = now.ToApiTime(),
        ["reason"] = reason,
        ["message"] = message,
    };
}
