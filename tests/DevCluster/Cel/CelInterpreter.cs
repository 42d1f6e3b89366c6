using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using DevCluster.Schemas;

namespace DevCluster.Cel;

/// <summary>
/// The part of the Common Expression Language that rules of CustomResourceDefinitions use, with its semantics of errors: a logical
/// operator whose one side decides does not care that the other side failed.
/// </summary>
internal static class CelInterpreter
{
    /// <summary>Functions with the numbers of arguments, target included. Anything else is refused when the definition is stored.</summary>
    private static readonly Dictionary<string, int[]> Functions = new(StringComparer.Ordinal)
    {
        ["size"] = [1],
        ["int"] = [1],
        ["uint"] = [1],
        ["double"] = [1],
        ["string"] = [1],
        ["bool"] = [1],
        ["bytes"] = [1],
        ["type"] = [1],
        ["dyn"] = [1],
        ["duration"] = [1],
        ["timestamp"] = [1],
        ["matches"] = [2],
        ["startsWith"] = [2],
        ["endsWith"] = [2],
        ["contains"] = [2],
        ["lowerAscii"] = [1],
        ["upperAscii"] = [1],
        ["trim"] = [1],
        ["split"] = [2, 3],
        ["join"] = [1, 2],
        ["replace"] = [3, 4],
        ["indexOf"] = [2, 3],
        ["lastIndexOf"] = [2],
        ["substring"] = [2, 3],
        ["charAt"] = [2],
        ["find"] = [2],
        ["findAll"] = [2],
        ["isSorted"] = [1],
        ["sum"] = [1],
        ["min"] = [1],
        ["max"] = [1],
        ["orValue"] = [2],
        ["or"] = [2],
        ["hasValue"] = [1],
        ["value"] = [1],
        ["of"] = [2],
        ["none"] = [1],
        ["ofNonZeroValue"] = [2],
        ["getHours"] = [1],
        ["getMinutes"] = [1],
        ["getSeconds"] = [1],
        ["getMilliseconds"] = [1],
        ["getFullYear"] = [1],
        ["quantity"] = [1],
        ["isQuantity"] = [1],
        ["isGreaterThan"] = [2],
        ["isLessThan"] = [2],
        ["compareTo"] = [2],
        ["sign"] = [1],
        ["asInteger"] = [1],
        ["url"] = [1],
        ["isURL"] = [1],
        ["getScheme"] = [1],
        ["getHost"] = [1],
        ["getHostname"] = [1],
        ["getEscapedPath"] = [1],
        ["getPort"] = [1],
    };

    /// <summary>Finds what can't work: unknown functions, names and fields.</summary>
    /// <param name="variables">Names with the schema of their value; null for a value of any type.</param>
    /// <returns>The schema of the result where it is known.</returns>
    public static StructuralSchema? Check(CelExpression expression, Dictionary<string, StructuralSchema?> variables)
    {
        switch (expression)
        {
            case CelIdentifier identifier:
                return variables.TryGetValue(identifier.Name, out var known)
                    ? known
                    : identifier.Name is "optional" or "int" or "uint" or "double" or "string" or "bool" or "bytes" or "list" or "map" or "type" or "null_type"
                        ? null
                        : throw new CelException($"undeclared reference to '{identifier.Name}' (in container '')");
            case CelSelect select:
                var operand = Check(select.Operand, variables);
                var field = CelMap.Unescape(select.Field);
                if (operand is null || (operand.Type == SchemaType.Any && operand.Properties.Count == 0))
                {
                    return null;
                }

                return operand.Child(select.Field) ?? operand.Child(field)
                    ?? (operand.PreserveUnknown || operand.EmbeddedResource ? null : throw new CelException($"undefined field '{select.Field}'"));
            case CelIndex index:
                var indexed = Check(index.Operand, variables);
                _ = Check(index.Index, variables);
                return indexed?.Items ?? indexed?.AdditionalProperties;
            case CelCall call:
                if (call.Target is not null)
                {
                    _ = Check(call.Target, variables);
                }

                foreach (var argument in call.Arguments)
                {
                    _ = Check(argument, variables);
                }

                if (!call.Function.Contains('_', StringComparison.Ordinal))
                {
                    var count = call.Arguments.Count + (call.Target is null ? 0 : 1);
                    if (!Functions.TryGetValue(call.Function, out var counts) || !counts.Contains(count))
                    {
                        throw new CelException($"undeclared reference to '{call.Function}' with {count} arguments: DevCluster evaluates only the functions that our rules use");
                    }
                }

                return null;
            case CelList list:
                foreach (var item in list.Items)
                {
                    _ = Check(item, variables);
                }

                return null;
            case CelMapLiteral map:
                foreach (var (key, value) in map.Entries)
                {
                    _ = Check(key, variables);
                    _ = Check(value, variables);
                }

                return null;
            case CelTernary ternary:
                _ = Check(ternary.Condition, variables);
                _ = Check(ternary.Then, variables);
                _ = Check(ternary.Else, variables);
                return null;
            case CelMacro macro:
                var range = Check(macro.Range, variables);
                var inner = new Dictionary<string, StructuralSchema?>(variables, StringComparer.Ordinal) { [macro.Variable] = range?.Type == SchemaType.Array ? range.Items : null };
                if (macro.Filter is not null)
                {
                    _ = Check(macro.Filter, inner);
                }

                _ = Check(macro.Body, inner);
                return macro.Name == "filter" ? range : null;
            default:
                return null;
        }
    }

    public static object? Evaluate(CelExpression expression, IReadOnlyDictionary<string, object?> variables)
    {
        switch (expression)
        {
            case CelLiteral literal:
                return literal.Value;
            case CelIdentifier identifier:
                return variables.TryGetValue(identifier.Name, out var value) ? value : new CelType(identifier.Name);
            case CelSelect select:
                return Select(select, variables);
            case CelIndex index:
                return Index(index, variables);
            case CelTernary ternary:
                return Evaluate(Truth(ternary.Condition, variables) ? ternary.Then : ternary.Else, variables);
            case CelList list:
                return list.Items.Select(item => Evaluate(item, variables)).ToList();
            case CelMapLiteral map:
                return new CelMap(map.Entries.ToDictionary(entry => Evaluate(entry.Key, variables) ?? throw Bad("a map key is null"), entry => Evaluate(entry.Value, variables)));
            case CelMacro macro:
                return Macro(macro, variables);
            case CelCall { Function: "_&&_" } and:
                return Logical(and, variables, false);
            case CelCall { Function: "_||_" } or:
                return Logical(or, variables, true);
            case CelCall call:
                var arguments = new List<object?>(call.Arguments.Count + 1);
                if (call.Target is not null)
                {
                    arguments.Add(Evaluate(call.Target, variables));
                }

                arguments.AddRange(call.Arguments.Select(argument => Evaluate(argument, variables)));
                return Call(call.Function, arguments);
            default:
                throw Bad("unknown expression");
        }
    }

    private static bool Truth(CelExpression expression, IReadOnlyDictionary<string, object?> variables) =>
        Evaluate(expression, variables) is bool truth ? truth : throw Bad("no such overload: a condition is not a bool");

    private static bool Logical(CelCall call, IReadOnlyDictionary<string, object?> variables, bool deciding)
    {
        CelEvaluationException? failure = null;
        foreach (var side in call.Arguments)
        {
            try
            {
                if (Truth(side, variables) == deciding)
                {
                    return deciding;
                }
            }
            catch (CelEvaluationException e)
            {
                failure = e;
            }
        }

        return failure is null ? !deciding : throw failure;
    }

    private static object? Select(CelSelect select, IReadOnlyDictionary<string, object?> variables)
    {
        var operand = Evaluate(select.Operand, variables);
        if (operand is CelOptional optional)
        {
            if (!optional.HasValue)
            {
                return select.TestOnly ? false : CelOptional.None;
            }

            if (select.TestOnly)
            {
                return optional.Value is CelMap inside && inside.TryGetField(select.Field, out _);
            }

            return optional.Value is CelMap inner && inner.TryGetField(select.Field, out var below) ? new CelOptional(true, below) : CelOptional.None;
        }

        if (operand is not CelMap map)
        {
            throw Bad($"no such overload: field '{select.Field}' of {CelValue.TypeName(operand)}");
        }

        var there = map.TryGetField(select.Field, out var value);
        if (select.TestOnly)
        {
            return there;
        }

        if (select.Optional)
        {
            return there ? new CelOptional(true, value) : CelOptional.None;
        }

        return there ? value : throw Bad($"no such key: {select.Field}");
    }

    private static object? Index(CelIndex index, IReadOnlyDictionary<string, object?> variables)
    {
        var operand = Evaluate(index.Operand, variables);
        var optional = index.Optional;
        if (operand is CelOptional wrapped)
        {
            if (!wrapped.HasValue)
            {
                return CelOptional.None;
            }

            operand = wrapped.Value;
            optional = true;
        }

        var key = Evaluate(index.Index, variables);
        object? value = null;
        var there = operand switch
        {
            CelMap map => map.TryGet(key, out value),
            List<object?> list when key is long i => i >= 0 && i < list.Count && Assign(out value, list[(int)i]),
            _ => throw Bad($"no such overload: index of {CelValue.TypeName(operand)}"),
        };
        if (optional)
        {
            return there ? new CelOptional(true, value) : CelOptional.None;
        }

        return there ? value : throw Bad(operand is CelMap ? $"no such key: {key}" : $"index out of bounds: {key}");
    }

    private static bool Assign(out object? target, object? value)
    {
        target = value;
        return true;
    }

    private static object Macro(CelMacro macro, IReadOnlyDictionary<string, object?> variables)
    {
        var range = Evaluate(macro.Range, variables) switch
        {
            List<object?> list => list,
            CelMap map => map.Keys.Cast<object?>().ToList(),
            var other => throw Bad($"no such overload: {macro.Name} of {CelValue.TypeName(other)}"),
        };
        var inner = new Dictionary<string, object?>(variables, StringComparer.Ordinal);
        var result = new List<object?>();
        var count = 0;
        CelEvaluationException? failure = null;
        foreach (var item in range)
        {
            inner[macro.Variable] = item;
            switch (macro.Name)
            {
                case "map":
                    if (macro.Filter is null || Truth(macro.Filter, inner))
                    {
                        result.Add(Evaluate(macro.Body, inner));
                    }

                    continue;
                case "filter":
                    if (Truth(macro.Body, inner))
                    {
                        result.Add(item);
                    }

                    continue;
                case "exists_one":
                    count += Truth(macro.Body, inner) ? 1 : 0;
                    continue;
            }

            try
            {
                if (Truth(macro.Body, inner) == (macro.Name == "exists"))
                {
                    return macro.Name == "exists";
                }
            }
            catch (CelEvaluationException e)
            {
                failure = e;
            }
        }

        return macro.Name switch
        {
            "map" or "filter" => result,
            "exists_one" => count == 1,
            _ => failure is null ? macro.Name == "all" : throw failure,
        };
    }

    private static object? Call(string function, List<object?> arguments)
    {
        try
        {
            return checked(Dispatch(function, arguments));
        }
        catch (OverflowException)
        {
            throw Bad("integer overflow");
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            throw Bad($"{function}: {e.Message}");
        }
    }

    private static object? Dispatch(string function, List<object?> a) => (function, a) switch
    {
        ("_==_", [var l, var r]) => CelValue.AreEqual(l, r),
        ("_!=_", [var l, var r]) => !CelValue.AreEqual(l, r),
        ("_<_", [var l, var r]) => CelValue.Compare(l, r) < 0,
        ("_<=_", [var l, var r]) => CelValue.Compare(l, r) <= 0,
        ("_>_", [var l, var r]) => CelValue.Compare(l, r) > 0,
        ("_>=_", [var l, var r]) => CelValue.Compare(l, r) >= 0,
        ("_in_", [var item, List<object?> list]) => list.Exists(other => CelValue.AreEqual(item, other)),
        ("_in_", [var key, CelMap map]) => map.TryGet(key, out _),
        ("!_", [bool b]) => !b,
        ("-_", [long l]) => checked(-l),
        ("-_", [double d]) => -d,
        ("-_", [TimeSpan d]) => -d,
        ("_+_", [long l, long r]) => checked(l + r),
        ("_+_", [ulong l, ulong r]) => checked(l + r),
        ("_+_", [double l, double r]) => l + r,
        ("_+_", [string l, string r]) => l + r,
        ("_+_", [List<object?> l, List<object?> r]) => l.Concat(r).ToList(),
        ("_+_", [TimeSpan l, TimeSpan r]) => l + r,
        ("_+_", [DateTimeOffset l, TimeSpan r]) => l + r,
        ("_-_", [long l, long r]) => checked(l - r),
        ("_-_", [ulong l, ulong r]) => checked(l - r),
        ("_-_", [double l, double r]) => l - r,
        ("_-_", [TimeSpan l, TimeSpan r]) => l - r,
        ("_-_", [DateTimeOffset l, TimeSpan r]) => l - r,
        ("_-_", [DateTimeOffset l, DateTimeOffset r]) => l - r,
        ("_*_", [long l, long r]) => checked(l * r),
        ("_*_", [double l, double r]) => l * r,
        ("_/_", [long, 0L]) or ("_%_", [long, 0L]) => throw Bad("division by zero"),
        ("_/_", [long l, long r]) => l / r,
        ("_/_", [double l, double r]) => l / r,
        ("_%_", [long l, long r]) => l % r,
        ("size", [string s]) => (long)s.EnumerateRunes().Count(),
        ("size", [List<object?> list]) => (long)list.Count,
        ("size", [CelMap map]) => (long)map.Count,
        ("size", [byte[] bytes]) => (long)bytes.Length,
        ("int", [long l]) => l,
        ("int", [double d]) => checked((long)d),
        ("int", [string s]) => long.Parse(s, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        ("int", [DateTimeOffset t]) => t.ToUnixTimeSeconds(),
        ("uint", [long l]) => checked((ulong)l),
        ("double", [long l]) => (double)l,
        ("double", [double d]) => d,
        ("double", [string s]) => double.Parse(s, NumberStyles.Float, CultureInfo.InvariantCulture),
        ("string", [string s]) => s,
        ("string", [bool b]) => b ? "true" : "false",
        ("string", [long or ulong or double]) => Convert.ToString(a[0], CultureInfo.InvariantCulture),
        ("string", [TimeSpan d]) => string.Create(CultureInfo.InvariantCulture, $"{d.TotalSeconds}s"),
        ("string", [DateTimeOffset t]) => t.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ("string", [byte[] bytes]) => Encoding.UTF8.GetString(bytes),
        ("bool", [bool b]) => b,
        ("bool", [string s]) => bool.Parse(s),
        ("bytes", [string s]) => Encoding.UTF8.GetBytes(s),
        ("dyn", [var any]) => any,
        ("type", [var any]) => new CelType(CelValue.TypeName(any)),
        ("duration", [TimeSpan d]) => d,
        ("duration", [string s]) => CelDuration.TryParse(s, out var d) ? d : throw Bad($"invalid duration: \"{s}\""),
        ("timestamp", [DateTimeOffset t]) => t,
        ("timestamp", [string s]) => DateTimeOffset.Parse(s, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal),
        ("matches", [string s, string pattern]) => Regex.IsMatch(s, pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant),
        ("find", [string s, string pattern]) => Regex.Match(s, pattern, RegexOptions.NonBacktracking).Value,
        ("findAll", [string s, string pattern]) => Regex.Matches(s, pattern, RegexOptions.NonBacktracking).Select(match => (object?)match.Value).ToList(),
        ("startsWith", [string s, string part]) => s.StartsWith(part, StringComparison.Ordinal),
        ("endsWith", [string s, string part]) => s.EndsWith(part, StringComparison.Ordinal),
        ("contains", [string s, string part]) => s.Contains(part, StringComparison.Ordinal),
        ("lowerAscii", [string s]) => s.ToLowerInvariant(),
        ("upperAscii", [string s]) => s.ToUpperInvariant(),
        ("trim", [string s]) => s.Trim(),
        ("split", [string s, string separator]) => s.Split(separator).Cast<object?>().ToList(),
        ("split", [string s, string separator, long most]) => s.Split(separator, (int)most).Cast<object?>().ToList(),
        ("join", [List<object?> list]) => string.Concat(list),
        ("join", [List<object?> list, string separator]) => string.Join(separator, list),
        ("replace", [string s, string from, string to]) => s.Replace(from, to, StringComparison.Ordinal),
        ("indexOf", [string s, string part]) => (long)s.IndexOf(part, StringComparison.Ordinal),
        ("indexOf", [string s, string part, long start]) => (long)s.IndexOf(part, (int)start, StringComparison.Ordinal),
        ("indexOf", [List<object?> list, var item]) => (long)list.FindIndex(other => CelValue.AreEqual(other, item)),
        ("lastIndexOf", [string s, string part]) => (long)s.LastIndexOf(part, StringComparison.Ordinal),
        ("substring", [string s, long start]) => s[(int)start..],
        ("substring", [string s, long start, long end]) => s[(int)start..(int)end],
        ("charAt", [string s, long at]) => at == s.Length ? "" : s[(int)at].ToString(),
        ("isSorted", [List<object?> list]) => list.Zip(list.Skip(1)).All(pair => CelValue.Compare(pair.First, pair.Second) <= 0),
        ("sum", [List<object?> list]) => list.Count == 0 ? 0L : list.Aggregate((l, r) => Dispatch("_+_", [l, r])),
        ("min", [List<object?> list]) => list.Count == 0 ? throw Bad("min called on empty list") : list.Aggregate((l, r) => CelValue.Compare(l, r) <= 0 ? l : r),
        ("max", [List<object?> list]) => list.Count == 0 ? throw Bad("max called on empty list") : list.Aggregate((l, r) => CelValue.Compare(l, r) >= 0 ? l : r),
        ("of", [CelType, var any]) => new CelOptional(true, any),
        ("none", [CelType]) => CelOptional.None,
        ("hasValue", [CelOptional optional]) => optional.HasValue,
        ("value", [CelOptional optional]) => optional.HasValue ? optional.Value : throw Bad("optional.none() dereference"),
        ("orValue", [CelOptional optional, var other]) => optional.HasValue ? optional.Value : other,
        ("or", [CelOptional optional, var other]) => optional.HasValue ? optional : other,
        ("getHours", [TimeSpan d]) => (long)d.TotalHours,
        ("getMinutes", [TimeSpan d]) => (long)d.TotalMinutes,
        ("getSeconds", [TimeSpan d]) => (long)d.TotalSeconds,
        ("getMilliseconds", [TimeSpan d]) => (long)d.Milliseconds,
        ("getHours", [DateTimeOffset t]) => (long)t.UtcDateTime.Hour,
        ("getMinutes", [DateTimeOffset t]) => (long)t.UtcDateTime.Minute,
        ("getSeconds", [DateTimeOffset t]) => (long)t.UtcDateTime.Second,
        ("getFullYear", [DateTimeOffset t]) => (long)t.UtcDateTime.Year,
        ("quantity", [string s]) => CelQuantity.Parse(s) ?? throw Bad($"invalid quantity \"{s}\""),
        ("isQuantity", [string s]) => CelQuantity.Parse(s) is not null,
        ("isGreaterThan", [CelQuantity l, CelQuantity r]) => l.Value > r.Value,
        ("isLessThan", [CelQuantity l, CelQuantity r]) => l.Value < r.Value,
        ("compareTo", [CelQuantity l, CelQuantity r]) => (long)l.Value.CompareTo(r.Value),
        ("sign", [CelQuantity q]) => (long)Math.Sign(q.Value),
        ("asInteger", [CelQuantity q]) => (long)q.Value,
        ("isURL", [string s]) => Uri.TryCreate(s, UriKind.Absolute, out _),
        ("url", [string s]) => Uri.TryCreate(s, UriKind.Absolute, out var uri) ? uri : throw Bad($"URL parse error during conversion from string: {s}"),
        ("getScheme", [Uri uri]) => uri.Scheme,
        ("getHost", [Uri uri]) => uri.IsDefaultPort ? uri.Host : uri.Authority,
        ("getHostname", [Uri uri]) => uri.Host,
        ("getEscapedPath", [Uri uri]) => uri.AbsolutePath,
        ("getPort", [Uri uri]) => uri.IsDefaultPort ? "" : uri.Port.ToString(CultureInfo.InvariantCulture),
        _ => throw Bad($"no such overload: {function}({string.Join(", ", a.Select(CelValue.TypeName))})"),
    };

    private static CelEvaluationException Bad(string message) => new(message);
}
