using System.Globalization;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Tables;

/// <summary>The simple JSON paths of printer columns: members, quoted members, indexes, <c>[*]</c> and <c>[?(@.x=="y")]</c>.</summary>
internal static class JsonPath
{
    public static List<JsonNode> Find(JsonNode root, string path)
    {
        IEnumerable<JsonNode> current = [root];
        var i = 0;
        while (i < path.Length)
        {
            if (path[i] == '.')
            {
                i++;
                var name = new System.Text.StringBuilder();
                while (i < path.Length && path[i] is not ('.' or '['))
                {
                    if (path[i] == '\\' && i + 1 < path.Length)
                    {
                        i++;
                    }

                    name.Append(path[i++]);
                }

                if (name.Length > 0)
                {
                    var member = name.ToString();
                    current = member == "*" ? Children(current) : current.Select(node => node.At(member)).OfType<JsonNode>();
                }
            }
            else if (path[i] == '[')
            {
                var end = path.IndexOf(']', i);
                if (end < 0)
                {
                    return [];
                }

                var inner = path[(i + 1)..end];
                i = end + 1;
                current = Step(current, inner);
            }
            else
            {
                return [];
            }
        }

        return [.. current];
    }

    private static IEnumerable<JsonNode> Step(IEnumerable<JsonNode> current, string inner)
    {
        if (inner == "*")
        {
            return Children(current);
        }

        if (inner.StartsWith("?(", StringComparison.Ordinal))
        {
            var condition = inner[2..].TrimEnd(')');
            var sign = condition.Contains("!=", StringComparison.Ordinal) ? "!=" : "==";
            var sides = condition.Split(sign, 2);
            if (sides.Length != 2)
            {
                return [];
            }

            var path = sides[0].Trim().TrimStart('@');
            var wanted = sides[1].Trim().Trim('"', '\'');
            return Children(current).Where(item => Find(item, path).Exists(node => Text(node) == wanted) == (sign == "=="));
        }

        if (inner.StartsWith('\'') || inner.StartsWith('"'))
        {
            var name = inner.Trim('\'', '"');
            return current.Select(node => node.At(name)).OfType<JsonNode>();
        }

        return int.TryParse(inner, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index)
            ? current.OfType<JsonArray>().Select(array => array.ElementAtOrDefault(index < 0 ? index + array.Count : index)).OfType<JsonNode>()
            : [];
    }


    private static IEnumerable<JsonNode> Children(IEnumerable<JsonNode> nodes) => nodes.SelectMany(node => node switch
    {
        JsonArray array => array.OfType<JsonNode>(),
        JsonObject obj => obj.Select(pair => pair.Value).OfType<JsonNode>(),
        _ => [],
    });

    public static string Text(JsonNode node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : node.ToJsonString();
}
