using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Generate;

/// <summary>`charts/kloset-operator/README.md`: a short text, and the table of values from the comments in `values.yaml`.</summary>
internal static partial class ChartReadme
{
    private const string Introduction = """
        <!-- The table is generated from values.yaml by `make gen`. Do not edit. -->
        # kloset-operator

        Backs up Google Photos libraries into encrypted, versioned, verifiable Kloset repositories on storage that you own.

            helm install kloset-operator charts/kloset-operator --namespace kloset-system --create-namespace
            helm test kloset-operator --namespace kloset-system

        The definitions of the resources come with the chart, are upgraded with it, and stay when it is uninstalled, and so do all
        resources and data. What to do next is in the [quick start](../../docs/quick-start.md); what the values are checked against is
        `values.schema.json`, and examples of them are in `ci/`.

        ## Values


        """;

    /// <param name="values">Text of `values.yaml`: two spaces a level, and `# --` before each value.</param>
    public static string Build(string values)
    {
        var page = new StringBuilder(Introduction.ReplaceLineEndings("\n"));
        page.Append("| Value | Default | Meaning |\n| --- | --- | --- |\n");
        var lines = values.ReplaceLineEndings("\n").Split('\n');
        var path = new List<string>();
        var meaning = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            var text = lines[i].Trim();
            if (text.StartsWith("# -- ", StringComparison.Ordinal))
            {
                meaning = [text[5..]];
            }
            else if (text.StartsWith("# ", StringComparison.Ordinal) && meaning.Count > 0)
            {
                meaning.Add(text[2..]);
            }
            else if (Entry().Match(lines[i]) is { Success: true } entry)
            {
                var depth = entry.Groups["indent"].Length / 2;
                path = [.. path.Take(depth), entry.Groups["name"].Value];
                if (meaning.Count > 0)
                {
                    var inline = entry.Groups["value"].Value;
                    var nested = lines.Skip(i + 1).TakeWhile(line => line.Length > 0 && line.Length - line.TrimStart().Length > depth * 2).Select(line => line[((depth * 2) + 2)..]);
                    var value = inline.Length > 0 ? inline : string.Join("; ", nested.Select(line => line.Trim())).Replace(":; ", ": ", StringComparison.Ordinal);
                    page.Append(CultureInfo.InvariantCulture, $"| `{string.Join('.', path)}` | `{value}` | {string.Join(' ', meaning)} |\n");
                    meaning = [];
                }
            }
        }

        return page.ToString();
    }

    [GeneratedRegex("^(?<indent> *)(?<name>[A-Za-z]+): *(?<value>.*)$")]
    private static partial Regex Entry();
}
