using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Http;

/// <summary>Partial responses: <c>fields=nextPageToken,files(id,name,owners/emailAddress)</c> or <c>*</c>. What was not asked for is not given.</summary>
internal sealed class FieldMask
{
    private readonly Dictionary<string, FieldMask?> _children = new(StringComparer.Ordinal);

    /// <summary>Names asked for at this level; <c>*</c> is all.</summary>
    public IEnumerable<string> Names => _children.Keys;

    /// <returns>Null when nothing was given.</returns>
    /// <exception cref="FormatException">When the expression is none.</exception>
    public static FieldMask? Parse(string? expression)
    {
        if (string.IsNullOrWhiteSpace(expression))
        {
            return null;
        }

        var position = 0;
        var mask = ParseList(expression, ref position);
        return position == expression.Length ? mask : throw new FormatException(expression[position..]);
    }

    public FieldMask? Below(string name) => _children.GetValueOrDefault(name);

    public bool Has(string name) => _children.ContainsKey("*") || _children.ContainsKey(name);

    public JsonObject Apply(JsonObject source)
    {
        var result = new JsonObject();
        foreach (var (name, value) in source)
        {
            if (_children.TryGetValue(name, out var below) || _children.TryGetValue("*", out below))
            {
                result[name] = below is null ? value?.DeepClone() : below.ApplyAny(value);
            }
        }

        return result;
    }

    private JsonNode? ApplyAny(JsonNode? node) => node switch
    {
        JsonObject o => Apply(o),
        JsonArray a => new JsonArray([.. a.Select(ApplyAny)]),
        _ => node?.DeepClone(),
    };

    private static FieldMask ParseList(string text, ref int position)
    {
        var mask = new FieldMask();
        while (true)
        {
            mask.ParsePath(text, ref position);
            if (position < text.Length && text[position] == ',')
            {
                position++;
                continue;
            }

            return mask;
        }
    }

    private void ParsePath(string text, ref int position)
    {
        while (position < text.Length && text[position] == ' ')
        {
            position++;
        }

        var start = position;
        while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] is '*' or '_' or '.' or '-' or '$'))
        {
            position++;
        }

        var name = text[start..position];
        if (name.Length == 0)
        {
            throw new FormatException(text[start..]);
        }

        FieldMask? below = null;
        if (position < text.Length && text[position] == '/')
        {
            position++;
            below = new FieldMask();
            below.ParsePath(text, ref position);
        }
        else if (position < text.Length && text[position] == '(')
        {
            position++;
            below = ParseList(text, ref position);
            if (position >= text.Length || text[position] != ')')
            {
                throw new FormatException(text[start..]);
            }

            position++;
        }

        while (position < text.Length && text[position] == ' ')
        {
            position++;
        }

        if (_children.TryGetValue(name, out var present) && present is not null && below is not null)
        {
            foreach (var (child, value) in below._children)
            {
                present._children[child] = value;
            }
        }
        else
        {
            _children[name] = below;
        }
    }
}
