using System.Text;

namespace KlosetWorker.Output;

/// <summary>A plain table: the same on a terminal and in a pipe. Columns whose heading begins with '>' are aligned to the right.</summary>
internal sealed class Columns(params string[] headings)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(TextWriter output)
    {
        var right = headings.Select(heading => heading.StartsWith('>')).ToArray();
        string[][] all = [[.. headings.Select(heading => heading.TrimStart('>'))], .. _rows];
        var widths = Enumerable.Range(0, headings.Length).Select(column => all.Max(row => Width(row[column]))).ToArray();
        var line = new StringBuilder();
        foreach (var row in all)
        {
            line.Clear();
            for (var column = 0; column < row.Length; column++)
            {
                var padding = new string(' ', widths[column] - Width(row[column]));
                line.Append(right[column] ? padding + row[column] : row[column] + padding).Append("   ");
            }

            output.WriteLine(line.ToString().TrimEnd());
        }
    }

    private static int Width(string text) => text.EnumerateRunes().Count();
}
