using System.Globalization;
using System.Text;

namespace GooglePhotosEmulator.Drive;

/// <summary>What a query may ask about a file.</summary>
internal sealed record DriveCandidate(DriveFile File, string Me, bool Trashed, bool SharedWithMe);

/// <summary>
/// The language of <c>q</c>: comparisons of name, mimeType, times and flags, <c>in parents</c>, <c>in owners</c>, <c>and</c>,
/// <c>or</c>, <c>not</c> and parentheses.
/// </summary>
internal sealed class DriveQuery
{
    private readonly List<string> _tokens;
    private readonly string _rootId;
    private int _at;

    private DriveQuery(List<string> tokens, string rootId)
    {
        _tokens = tokens;
        _rootId = rootId;
    }

    /// <exception cref="FormatException">When the query is none.</exception>
    public static Func<DriveCandidate, bool> Parse(string? text, string rootId)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return _ => true;
        }

        var query = new DriveQuery(Tokens(text), rootId);
        var condition = query.Or();
        return query._at == query._tokens.Count ? condition : throw new FormatException("trailing text in query");
    }

    private Func<DriveCandidate, bool> Or()
    {
        var left = And();
        while (Accept("or"))
        {
            var (before, right) = (left, And());
            left = file => before(file) || right(file);
        }

        return left;
    }

    private Func<DriveCandidate, bool> And()
    {
        var left = Not();
        while (Accept("and"))
        {
            var (before, right) = (left, Not());
            left = file => before(file) && right(file);
        }

        return left;
    }

    private Func<DriveCandidate, bool> Not()
    {
        if (Accept("not"))
        {
            var inner = Not();
            return file => !inner(file);
        }

        if (Accept("("))
        {
            var inner = Or();
            return Accept(")") ? inner : throw new FormatException("missing )");
        }

        return Term();
    }

    private Func<DriveCandidate, bool> Term()
    {
        var first = Next();
        if (first.StartsWith('\''))
        {
            return Membership(first[1..]);
        }

        if (first == "sharedWithMe" && (_at == _tokens.Count || Peek() is "and" or "or" or ")"))
        {
            return file => file.SharedWithMe;
        }

        var comparison = Next();
        var value = Next();
        return first switch
        {
            "trashed" => Flag(comparison, value, file => file.Trashed),
            "sharedWithMe" => Flag(comparison, value, file => file.SharedWithMe),
            "starred" => Flag(comparison, value, _ => false),
            "name" or "title" => Text(comparison, value, file => file.File.Name),
            "mimeType" => Text(comparison, value, file => file.File.MimeType),
            "modifiedTime" => Time(comparison, value, file => file.File.Modified),
            "createdTime" => Time(comparison, value, file => file.File.Created),
            _ => throw new FormatException($"unknown field {first}"),
        };
    }

    private Func<DriveCandidate, bool> Membership(string value)
    {
        if (!Accept("in"))
        {
            throw new FormatException("in expected");
        }

        switch (Next())
        {
            case "parents":
                var parent = value == "root" ? _rootId : value;
                return file => file.File.ParentId == parent;
            case "owners":
                return file => string.Equals(file.File.Owner, value == "me" ? file.Me : value, StringComparison.OrdinalIgnoreCase);
            case "readers" or "writers":
                return file => file.File.Granted.ContainsKey(value == "me" ? file.Me : value);
            default:
                throw new FormatException("unknown collection");
        }
    }

    private static Func<DriveCandidate, bool> Flag(string comparison, string value, Func<DriveCandidate, bool> of) => (comparison, value) switch
    {
        ("=", "true") or ("!=", "false") => of,
        ("=", "false") or ("!=", "true") => file => !of(file),
        _ => throw new FormatException("true or false expected"),
    };

    private static Func<DriveCandidate, bool> Text(string comparison, string literal, Func<DriveCandidate, string> of)
    {
        var value = Literal(literal);
        return comparison switch
        {
            "=" => file => string.Equals(of(file), value, StringComparison.OrdinalIgnoreCase),
            "!=" => file => !string.Equals(of(file), value, StringComparison.OrdinalIgnoreCase),
            // finds prefixes of words only
            "contains" => file => Words(of(file)).Any(word => word.StartsWith(value, StringComparison.OrdinalIgnoreCase)),
            _ => throw new FormatException($"unknown operator {comparison}"),
        };
    }

    private static Func<DriveCandidate, bool> Time(string comparison, string literal, Func<DriveCandidate, DateTimeOffset> of)
    {
        var value = DateTimeOffset.Parse(Literal(literal), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        return comparison switch
        {
            "<" => file => of(file) < value,
            "<=" => file => of(file) <= value,
            "=" => file => of(file) == value,
            "!=" => file => of(file) != value,
            ">" => file => of(file) > value,
            ">=" => file => of(file) >= value,
            _ => throw new FormatException($"unknown operator {comparison}"),
        };
    }

    private static IEnumerable<string> Words(string name)
    {
        for (var at = 0; at < name.Length; at++)
        {
            if (at == 0 || (char.IsLetterOrDigit(name[at]) && !char.IsLetterOrDigit(name[at - 1])))
            {
                yield return name[at..];
            }
        }
    }

    private static string Literal(string token) => token.StartsWith('\'') ? token[1..] : throw new FormatException("a string in quotes expected");

    private string Next() => _at < _tokens.Count ? _tokens[_at++] : throw new FormatException("query ends too early");

    private string Peek() => _tokens[_at];

    private bool Accept(string token)
    {
        if (_at < _tokens.Count && _tokens[_at] == token)
        {
            _at++;
            return true;
        }

        return false;
    }

    /// <summary>Strings come out unescaped with a leading quote, so that no word is taken for one.</summary>
    private static List<string> Tokens(string text)
    {
        var tokens = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var letter = text[at];
            if (char.IsWhiteSpace(letter))
            {
                at++;
            }
            else if (letter == '\'')
            {
                var value = new StringBuilder("'");
                for (at++; ; at++)
                {
                    if (at >= text.Length)
                    {
                        throw new FormatException("string without end");
                    }

                    if (text[at] == '\\' && at + 1 < text.Length)
                    {
                        value.Append(text[++at]);
                    }
                    else if (text[at] == '\'')
                    {
                        at++;
                        break;
                    }
                    else
                    {
                        value.Append(text[at]);
                    }
                }

                tokens.Add(value.ToString());
            }
            else if (letter is '(' or ')')
            {
                tokens.Add(letter.ToString());
                at++;
            }
            else if (letter is '=' or '!' or '<' or '>')
            {
                var two = at + 1 < text.Length && text[at + 1] == '=';
                tokens.Add(text.Substring(at, two ? 2 : 1));
                at += two ? 2 : 1;
            }
            else
            {
                var start = at;
                while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
                {
                    at++;
                }

                if (at == start)
                {
                    throw new FormatException($"unexpected {letter}");
                }

                tokens.Add(text[start..at]);
            }
        }

        return tokens;
    }
}
