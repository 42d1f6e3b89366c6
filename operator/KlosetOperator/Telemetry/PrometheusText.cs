using System.Diagnostics.Metrics;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace KlosetOperator.Telemetry;

/// <summary>
/// Writes gauges in Prometheus' text format, series by series. The metrics SDK would keep each series of a fleet in memory, for every
/// gauge, and those of deleted objects too; and beyond its limit of 2,000 it tells of no further object.
/// </summary>
internal static class PrometheusText
{
    private const int FlushAt = 64 << 10;

    public static async Task WriteAsync(IEnumerable<ObjectGauge> gauges, PipeWriter output, CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        foreach (var gauge in gauges)
        {
            line.Append("# HELP ").Append(gauge.Name).Append(' ').Append(gauge.Description).Append('\n');
            line.Append("# TYPE ").Append(gauge.Name).Append(" gauge\n");
            foreach (var measurement in gauge.Observe())
            {
                Append(line, gauge.Name, measurement);
                if (line.Length >= FlushAt)
                {
                    await FlushAsync(line, output, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        await FlushAsync(line, output, cancellationToken).ConfigureAwait(false);
    }

    private static async Task FlushAsync(StringBuilder text, PipeWriter output, CancellationToken cancellationToken)
    {
        foreach (var chunk in text.GetChunks())
        {
            Encoding.UTF8.GetBytes(chunk.Span, output);
        }

        text.Clear();
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private static void Append(StringBuilder line, string name, in Measurement<double> measurement)
    {
        line.Append(name);
        var before = '{';
        foreach (var (label, value) in measurement.Tags)
        {
            line.Append(before).Append(label).Append("=\"");
            Escape(line, value as string ?? "");
            line.Append('"');
            before = ',';
        }

        line.Append(before == ',' ? "} " : " ").Append(CultureInfo.InvariantCulture, $"{measurement.Value:R}").Append('\n');
    }

    private static void Escape(StringBuilder line, string value)
    {
        foreach (var character in value)
        {
            _ = character switch
            {
                '\\' => line.Append("\\\\"),
                '"' => line.Append("\\\""),
                '\n' => line.Append("\\n"),
                _ => line.Append(character),
            };
        }
    }
}
