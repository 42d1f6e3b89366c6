using System.Globalization;
using System.Text;

namespace DevCluster.Cel;

/// <summary>A rule that can't be read or that speaks of what is not there.</summary>
internal sealed class CelException(string message) : Exception(message);

internal abstract record CelExpression;

internal sealed record CelLiteral(object? Value) : CelExpression;

internal sealed record CelIdentifier(string Name) : CelExpression;

internal sealed record CelSelect(CelExpression Operand, string Field, bool TestOnly, bool Optional) : CelExpression;

internal sealed record CelIndex(CelExpression Operand, CelExpression Index, bool Optional) : CelExpression;

internal sealed record CelCall(CelExpression? Target, string Function, IReadOnlyList<CelExpression> Arguments) : CelExpression;

internal sealed record CelList(IReadOnlyList<CelExpression> Items) : CelExpression;

internal sealed record CelMapLiteral(IReadOnlyList<(CelExpression Key, CelExpression Value)> Entries) : CelExpression;

internal sealed record CelTernary(CelExpression Condition, CelExpression Then, CelExpression Else) : CelExpression;

/// <summary><c>all</c>, <c>exists</c>, <c>exists_one</c>, <c>filter</c> and <c>map</c>.</summary>
/// <param name="Filter">The middle argument of <c>map(x, filter, value)</c>.</param>
internal sealed record CelMacro(CelExpression Range, string Name, string Variable, CelExpression? Filter, CelExpression Body) : CelExpression;

internal enum CelToken
{
    End,
    Identifier,
    Integer,
    Unsigned,
    Double,
    Text,
    Bytes,
    Symbol,
}

internal sealed class CelParser
{
    private static readonly string[] Symbols =
        ["&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"];

    private static readonly HashSet<string> Reserved =
        ["as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"];

    private readonly List<(CelToken Kind, string Text, object? Value, int At)> _tokens = [];
    private int _next;

    private CelParser(string source) => Scan(source);

    public static CelExpression Parse(string source)
    {
        var parser = new CelParser(source);
        var expression = parser.Expression();
        return parser.Peek.Kind == CelToken.End ? expression : throw parser.Unexpected();
    }

    private (CelToken Kind, string Text, object? Value, int At) Peek => _tokens[_next];

    private CelException Unexpected() =>
        new($"Syntax error at column {Peek.At + 1}: unexpected {(Peek.Kind == CelToken.End ? "end of the rule" : $"'{Peek.Text}'")}");

    private bool Take(string symbol)
    {
        if (Peek.Kind == CelToken.Symbol && Peek.Text == symbol)
        {
            _next++;
            return true;
        }

        return false;
    }

    private void Expect(string symbol)
    {
        if (!Take(symbol))
        {
            throw Unexpected();
        }
    }

    private CelExpression Expression()
    {
        var condition = Or();
        if (!Take("?"))
        {
            return condition;
        }

        var then = Or();
        Expect(":");
        return new CelTernary(condition, then, Expression());
    }

    private CelExpression Or()
    {
        var left = And();
        while (Take("||"))
        {
            left = new CelCall(null, "_||_", [left, And()]);
        }

        return left;
    }

    private CelExpression And()
    {
        var left = Relation();
        while (Take("&&"))
        {
            left = new CelCall(null, "_&&_", [left, Relation()]);
        }

        return left;
    }

    private CelExpression Relation()
    {
        var left = Addition();
        while (true)
        {
            var found = new[] { "==", "!=", "<=", ">=", "<", ">" }.FirstOrDefault(Take);
            if (found is null && Peek is { Kind: CelToken.Identifier, Text: "in" })
            {
                _next++;
                found = "in";
            }

            if (found is null)
            {
                return left;
            }

            left = new CelCall(null, $"_{found}_", [left, Addition()]);
        }
    }

    private CelExpression Addition()
    {
        var left = Multiplication();
        while (new[] { "+", "-" }.FirstOrDefault(Take) is { } found)
        {
            left = new CelCall(null, $"_{found}_", [left, Multiplication()]);
        }

        return left;
    }

    private CelExpression Multiplication()
    {
        var left = Unary();
        while (new[] { "*", "/", "%" }.FirstOrDefault(Take) is { } found)
        {
            left = new CelCall(null, $"_{found}_", [left, Unary()]);
        }

        return left;
    }

    private CelExpression Unary()
    {
        if (Take("!"))
        {
            return new CelCall(null, "!_", [Unary()]);
        }

        if (Take("-"))
        {
            return Unary() switch
            {
                CelLiteral { Value: long l } => new CelLiteral(-l),
                CelLiteral { Value: double d } => new CelLiteral(-d),
                var operand => new CelCall(null, "-_", [operand]),
            };
        }

        return Member();
    }

    private CelExpression Member()
    {
        var result = Primary();
        while (true)
        {
            if (Take(".?"))
            {
                result = new CelSelect(result, Name(), false, true);
            }
            else if (Take("."))
            {
                var name = Name();
                result = Take("(") ? Call(result, name) : new CelSelect(result, name, false, false);
            }
            else if (Take("[?"))
            {
                var index = Expression();
                Expect("]");
                result = new CelIndex(result, index, true);
            }
            else if (Take("["))
            {
                var index = Expression();
                Expect("]");
                result = new CelIndex(result, index, false);
            }
            else
            {
                return result;
            }
        }
    }

    private string Name()
    {
        if (Peek.Kind != CelToken.Identifier)
        {
            throw Unexpected();
        }

        return _tokens[_next++].Text;
    }

    private CelExpression Primary()
    {
        var token = Peek;
        switch (token.Kind)
        {
            case CelToken.Integer or CelToken.Unsigned or CelToken.Double or CelToken.Text or CelToken.Bytes:
                _next++;
                return new CelLiteral(token.Value);
            case CelToken.Identifier:
                _next++;
                switch (token.Text)
                {
                    case "true":
                        return new CelLiteral(true);
                    case "false":
                        return new CelLiteral(false);
                    case "null":
                        return new CelLiteral(null);
                }

                if (Reserved.Contains(token.Text))
                {
                    _next--;
                    throw Unexpected();
                }

                return Take("(") ? Call(null, token.Text) : new CelIdentifier(token.Text);
        }

        if (Take("("))
        {
            var inner = Expression();
            Expect(")");
            return inner;
        }

        if (Take("["))
        {
            return new CelList(Arguments("]"));
        }

        if (Take("{"))
        {
            var entries = new List<(CelExpression, CelExpression)>();
            while (!Take("}"))
            {
                var key = Expression();
                Expect(":");
                entries.Add((key, Expression()));
                if (!Take(","))
                {
                    Expect("}");
                    break;
                }
            }

            return new CelMapLiteral(entries);
        }

        throw Unexpected();
    }

    private CelExpression Call(CelExpression? target, string function)
    {
        var arguments = Arguments(")");
        if (target is null && function == "has")
        {
            return arguments is [CelSelect { TestOnly: false } select]
                ? select with { TestOnly = true }
                : throw new CelException("invalid argument to has() macro");
        }

        if (target is not null && function is "all" or "exists" or "exists_one" or "existsOne" or "filter" or "map" && target is not null)
        {
            if (arguments is not [CelIdentifier variable, ..] || arguments.Count != 2 && !(function == "map" && arguments.Count == 3))
            {
                throw new CelException($"{function}() needs a variable and an expression");
            }

            return new CelMacro(target, function == "existsOne" ? "exists_one" : function, variable.Name, arguments.Count == 3 ? arguments[1] : null, arguments[^1]);
        }

        return new CelCall(target, function, arguments);
    }

    private List<CelExpression> Arguments(string end)
    {
        var arguments = new List<CelExpression>();
        while (!Take(end))
        {
            arguments.Add(Expression());
            if (!Take(","))
            {
                Expect(end);
                break;
            }
        }

        return arguments;
    }

    private void Scan(string source)
    {
        var i = 0;
        while (i < source.Length)
        {
            var c = source[i];
            if (char.IsWhiteSpace(c))
            {
                i++;
            }
            else if (c == '/' && i + 1 < source.Length && source[i + 1] == '/')
            {
                while (i < source.Length && source[i] != '\n')
                {
                    i++;
                }
            }
            else if (IsTextStart(source, i))
            {
                i = ScanText(source, i);
            }
            else if (char.IsAsciiDigit(c) || (c == '.' && i + 1 < source.Length && char.IsAsciiDigit(source[i + 1])))
            {
                i = ScanNumber(source, i);
            }
            else if (char.IsAsciiLetter(c) || c == '_')
            {
                var start = i;
                while (i < source.Length && (char.IsAsciiLetterOrDigit(source[i]) || source[i] == '_'))
                {
                    i++;
                }

                _tokens.Add((CelToken.Identifier, source[start..i], null, start));
            }
            else
            {
                var symbol = Symbols.FirstOrDefault(s => string.CompareOrdinal(source, i, s, 0, s.Length) == 0)
                    ?? throw new CelException($"Syntax error at column {i + 1}: unexpected '{c}'");
                _tokens.Add((CelToken.Symbol, symbol, null, i));
                i += symbol.Length;
            }
        }

        _tokens.Add((CelToken.End, "", null, source.Length));
    }

    private static bool IsTextStart(string source, int i)
    {
        while (i < source.Length && source[i] is 'r' or 'R' or 'b' or 'B')
        {
            i++;
            if (i < source.Length && source[i] is '"' or '\'')
            {
                return true;
            }
        }

        return i < source.Length && source[i] is '"' or '\'';
    }

    private int ScanText(string source, int i)
    {
        var start = i;
        var raw = false;
        var bytes = false;
        while (source[i] is not ('"' or '\''))
        {
            raw |= source[i] is 'r' or 'R';
            bytes |= source[i] is 'b' or 'B';
            i++;
        }

        var quote = source[i].ToString();
        if (string.CompareOrdinal(source, i, new string(source[i], 3), 0, 3) == 0)
        {
            quote = new string(source[i], 3);
        }

        i += quote.Length;
        var text = new StringBuilder();
        while (true)
        {
            if (i >= source.Length)
            {
                throw new CelException($"Syntax error at column {start + 1}: the text does not end");
            }

            if (string.CompareOrdinal(source, i, quote, 0, quote.Length) == 0)
            {
                i += quote.Length;
                break;
            }

            if (source[i] == '\\' && !raw && i + 1 < source.Length)
            {
                i = Escape(source, i + 1, text);
            }
            else
            {
                text.Append(source[i++]);
            }
        }

        _tokens.Add(bytes
            ? (CelToken.Bytes, source[start..i], Encoding.UTF8.GetBytes(text.ToString()), start)
            : (CelToken.Text, source[start..i], text.ToString(), start));
        return i;
    }

    private static int Escape(string source, int i, StringBuilder text)
    {
        var length = source[i] switch { 'x' or 'X' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (length > 0)
        {
            if (i + length >= source.Length || !int.TryParse(source.AsSpan(i + 1, length), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code))
            {
                throw new CelException($"Syntax error at column {i}: bad escape");
            }

            text.Append(char.ConvertFromUtf32(code));
            return i + 1 + length;
        }

        text.Append(source[i] switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '\\' or '"' or '\'' or '`' or '?' => source[i],
            _ => throw new CelException($"Syntax error at column {i}: unknown escape \\{source[i]}"),
        });
        return i + 1;
    }

    private int ScanNumber(string source, int i)
    {
        var start = i;
        if (source[i] == '0' && i + 1 < source.Length && source[i + 1] is 'x' or 'X')
        {
            i += 2;
            while (i < source.Length && char.IsAsciiHexDigit(source[i]))
            {
                i++;
            }

            _tokens.Add((CelToken.Integer, source[start..i], long.Parse(source.AsSpan(start + 2, i - start - 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture), start));
            return i;
        }

        var isDouble = false;
        while (i < source.Length && (char.IsAsciiDigit(source[i]) || source[i] is '.' or 'e' or 'E' || (source[i] is '+' or '-' && source[i - 1] is 'e' or 'E')))
        {
            // `1.size()` is a call, not a fraction.
            if (source[i] == '.' && (i + 1 >= source.Length || !char.IsAsciiDigit(source[i + 1])))
            {
                break;
            }

            isDouble |= source[i] is '.' or 'e' or 'E';
            i++;
        }

        var text = source[start..i];
        if (isDouble)
        {
            _tokens.Add((CelToken.Double, text, double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture), start));
        }
        else if (i < source.Length && source[i] is 'u' or 'U')
        {
            i++;
            _tokens.Add((CelToken.Unsigned, text, ulong.Parse(text, CultureInfo.InvariantCulture), start));
        }
        else if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            _tokens.Add((CelToken.Integer, text, value, start));
        }
        else
        {
            throw new CelException($"Syntax error at column {start + 1}: '{text}' is no number");
        }

        return i;
    }
}
