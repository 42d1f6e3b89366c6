using System.Globalization;
using System.Text;
using Demo.Staging;
using DevCluster;

namespace Demo.Story;

/// <summary>Prints the tables of <c>kubectl get</c> whenever something in them changes, ages apart.</summary>
internal sealed class TablePrinter(Cluster cluster, TextWriter output)
{
    private static readonly (string Resource, string Short)[] Kinds =
        [(Stage.Repositories, "klr"), (Stage.Backups, "phb"), (Stage.Restores, "phr")];

    private static readonly string[] Moving = ["AGE", "LAST SUCCESS", "LAST CHECK", "ETA"];

    private readonly Dictionary<string, string> _shown = new(StringComparer.Ordinal);
    private readonly long _started = TimeProvider.System.GetTimestamp();

    public void PrintChanges()
    {
        foreach (var (resource, shortName) in Kinds)
        {
            var rows = cluster.Table(resource, Stage.Namespace);
            if (rows.Count < 2)
            {
                continue;
            }

            var still = rows[0].Select((name, i) => (name, i)).Where(column => !Moving.Contains(column.name)).Select(column => column.i).ToArray();
            var essence = string.Join('\n', rows.Skip(1).Select(row => string.Join('\t', still.Select(i => row[i]))));
            if (_shown.GetValueOrDefault(resource) == essence)
            {
                continue;
            }

            _shown[resource] = essence;
            var elapsed = TimeProvider.System.GetElapsedTime(_started).TotalSeconds;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n[{elapsed,5:0.0} s] kubectl -n {Stage.Namespace} get {shortName}"));
            output.Write(Render(rows));
        }
    }

    public static string Render(IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Count).Select(i => rows.Max(row => row[i].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.AppendLine(string.Join("   ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
        }

        return text.ToString();
    }
}
