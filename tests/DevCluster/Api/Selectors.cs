using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Resources;
using DevCluster.Storage;

namespace DevCluster.Api;

/// <summary>Label and field selectors of list, watch and deletecollection.</summary>
internal sealed class Selection
{
    private readonly IReadOnlyList<Func<IReadOnlyDictionary<string, string>, bool>> _labels;
    private readonly IReadOnlyList<(string[] Path, bool Equal, string Value)> _fields;

    private Selection(
        IReadOnlyList<Func<IReadOnlyDictionary<string, string>, bool>> labels, IReadOnlyList<(string[] Path, bool Equal, string Value)> fields, string? onlyName)
    {
        _labels = labels;
        _fields = fields;
        OnlyName = onlyName;
    }

    public bool IsEverything => _labels.Count == 0 && _fields.Count == 0;

    /// <summary>Set when the selection asks for one name, which is then looked up instead of searched.</summary>
    public string? OnlyName { get; }

    public static Selection Parse(ResourceType type, string? labelSelector, string? fieldSelector)
    {
        var labels = new List<Func<IReadOnlyDictionary<string, string>, bool>>();
        foreach (var requirement in SplitOutsideParentheses(labelSelector ?? ""))
        {
            labels.Add(ParseLabel(requirement.Trim()));
        }

        var fields = new List<(string[], bool, string)>();
        string? onlyName = null;
        foreach (var term in (fieldSelector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var equal = !term.Contains("!=", StringComparison.Ordinal);
            var at = term.IndexOf(equal ? "=" : "!=", StringComparison.Ordinal);
            if (at < 0)
            {
                throw ApiException.BadRequest($"invalid field selector: \"{fieldSelector}\": can't understand '{term}'");
            }

            var path = term[..at].Trim();
            var value = term[at..].TrimStart('=', '!');
            if (type.SelectableFields is { } known && path is not ("metadata.name" or "metadata.namespace") && !known.Contains(path))
            {
                throw ApiException.BadRequest($"field label not supported: {path}");
            }

            if (equal && path == "metadata.name")
            {
                onlyName = value;
            }

            fields.Add((path.Split('.'), equal, value));
        }

        return new Selection(labels, fields, onlyName);
    }

    public bool Matches(StoredObject stored, ResourceType type)
    {
        foreach (var label in _labels)
        {
            if (!label(stored.Labels))
            {
                return false;
            }
        }

        if (_fields.Count == 0)
        {
            return true;
        }

        JsonObject? content = null;
        foreach (var (path, equal, value) in _fields)
        {
            var actual = path is ["metadata", "name"] ? stored.Key.Name
                : path is ["metadata", "namespace"] ? stored.Key.Namespace
                : Value((content ??= type.StoredAs is null ? stored.ToNode() : EventForms.ToEvents(stored.ToNode())).At(path));
            if (actual == value != equal)
            {
                return false;
            }
        }

        return true;
    }

    private static string Value(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => node.ToJsonString(),
    };

    private static Func<IReadOnlyDictionary<string, string>, bool> ParseLabel(string requirement)
    {
        if (requirement.StartsWith('!'))
        {
            var absent = requirement[1..].Trim();
            return labels => !labels.ContainsKey(absent);
        }

        var open = requirement.IndexOf('(', StringComparison.Ordinal);
        if (open >= 0)
        {
            var words = requirement[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var set = requirement[(open + 1)..].TrimEnd(')').Split(',').Select(value => value.Trim()).ToHashSet(StringComparer.Ordinal);
            return words switch
            {
                [var key, "in"] => labels => labels.TryGetValue(key, out var value) && set.Contains(value),
                [var key, "notin"] => labels => !labels.TryGetValue(key, out var value) || !set.Contains(value),
                _ => throw ApiException.BadRequest($"unable to parse requirement: found '{requirement}', expected: in, notin"),
            };
        }

        foreach (var sign in new[] { "!=", "==", "=" })
        {
            var at = requirement.IndexOf(sign, StringComparison.Ordinal);
            if (at > 0)
            {
                var key = requirement[..at].Trim();
                var wanted = requirement[(at + sign.Length)..].Trim();
                return sign == "!="
                    ? labels => !labels.TryGetValue(key, out var value) || value != wanted
                    : labels => labels.TryGetValue(key, out var value) && value == wanted;
            }
        }

        return labels => labels.ContainsKey(requirement);
    }

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        var depth = 0;
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (i > start)
                {
                    yield return text[start..i];
                }

                start = i + 1;
            }
            else
            {
                depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
            }
        }
    }
}
