using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Schemas;

namespace DevCluster.Cel;

/// <summary>One entry of <c>x-kubernetes-validations</c>.</summary>
internal sealed class CelRule
{
    private readonly CelExpression _rule;
    private readonly CelExpression? _messageExpression;
    private readonly string _message;
    private readonly string _reason;
    private readonly string _fieldPath;
    private readonly bool _optionalOldSelf;
    private readonly bool _isTransition;
    private readonly StructuralSchema _schema;

    private CelRule(JsonObject source, StructuralSchema schema)
    {
        var text = source.Text("rule") ?? throw new CelException("rule: Required value");
        _schema = schema;
        _rule = CelParser.Parse(text);
        _messageExpression = source.Text("messageExpression") is { Length: > 0 } expression ? CelParser.Parse(expression) : null;
        _message = source.Text("message") is { Length: > 0 } message ? message : $"failed rule: {text.Trim()}";
        _reason = source.Text("reason") ?? "FieldValueInvalid";
        _fieldPath = source.Text("fieldPath") ?? "";
        _optionalOldSelf = source.Flag("optionalOldSelf") == true;
        _isTransition = Mentions(_rule, "oldSelf");
        var variables = new Dictionary<string, StructuralSchema?>(StringComparer.Ordinal) { ["self"] = schema, ["oldSelf"] = _optionalOldSelf ? null : schema };
        _ = CelInterpreter.Check(_rule, variables);
        if (_messageExpression is not null)
        {
            _ = CelInterpreter.Check(_messageExpression, variables);
        }

        if (_reason is not ("FieldValueInvalid" or "FieldValueForbidden" or "FieldValueRequired" or "FieldValueDuplicate"))
        {
            throw new CelException($"reason: Unsupported value: \"{_reason}\"");
        }
    }

    /// <exception cref="CelException">The rule can't be read, or uses what DevCluster does not evaluate.</exception>
    public static CelRule Parse(JsonObject source, StructuralSchema schema) => new(source, schema);

    /// <summary>The error when the value breaks the rule.</summary>
    /// <param name="old">The value before; null on creation and where it can't be told.</param>
    public FieldError? Violation(JsonNode value, JsonNode? old, string path)
    {
        if (_isTransition && old is null && !_optionalOldSelf)
        {
            return null;
        }

        var place = (path + _fieldPath).TrimStart('.');
        var before = old is null ? null : CelValue.From(old, _schema);
        var variables = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["self"] = CelValue.From(value, _schema),
            ["oldSelf"] = _optionalOldSelf ? (old is null ? CelOptional.None : new CelOptional(true, before)) : before,
        };
        string message;
        try
        {
            if (CelInterpreter.Evaluate(_rule, variables) is true)
            {
                return null;
            }

            message = Message(variables);
        }
        catch (CelEvaluationException e)
        {
            message = $"{_message}: evaluation error: {e.Message}";
        }

        place = place.Length == 0 ? "<nil>" : place;
        return _reason switch
        {
            "FieldValueForbidden" => FieldError.Forbidden(place, message),
            "FieldValueRequired" => FieldError.Required(place, message),
            "FieldValueDuplicate" => FieldError.Duplicate(place, value.Copy()),
            _ => FieldError.Invalid(place, value.Copy(), message),
        };
    }

    private string Message(Dictionary<string, object?> variables)
    {
        try
        {
            return _messageExpression is not null && CelInterpreter.Evaluate(_messageExpression, variables) is string { Length: > 0 } text ? text : _message;
        }
        catch (CelEvaluationException)
        {
            return _message;
        }
    }

    private static bool Mentions(CelExpression expression, string name) => expression switch
    {
        CelIdentifier identifier => identifier.Name == name,
        CelSelect select => Mentions(select.Operand, name),
        CelIndex index => Mentions(index.Operand, name) || Mentions(index.Index, name),
        CelCall call => (call.Target is not null && Mentions(call.Target, name)) || call.Arguments.Any(argument => Mentions(argument, name)),
        CelList list => list.Items.Any(item => Mentions(item, name)),
        CelMapLiteral map => map.Entries.Any(entry => Mentions(entry.Key, name) || Mentions(entry.Value, name)),
        CelTernary ternary => Mentions(ternary.Condition, name) || Mentions(ternary.Then, name) || Mentions(ternary.Else, name),
        CelMacro macro => Mentions(macro.Range, name) || (macro.Filter is not null && Mentions(macro.Filter, name)) || Mentions(macro.Body, name),
        _ => false,
    };
}
