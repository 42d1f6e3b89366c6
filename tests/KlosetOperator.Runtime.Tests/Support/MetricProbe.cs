using System.Diagnostics.Metrics;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Tests.Support;

/// <summary>Adds up what one set of instruments measures.</summary>
internal sealed class MetricProbe : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, double> _sums = [];

    public MetricProbe(RuntimeMetrics metrics)
    {
        var meter = metrics.ReconcileTotal.Meter;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>The sum over all labels, or over the measurements that have a label of this value.</summary>
    public double Sum(string instrument, string? label = null)
    {
        lock (_sums)
        {
            return _sums.GetValueOrDefault(label is null ? instrument : $"{instrument}|{label}");
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_sums)
        {
            _sums[instrument.Name] = _sums.GetValueOrDefault(instrument.Name) + value;
            foreach (var tag in tags)
            {
                var key = $"{instrument.Name}|{tag.Value}";
                _sums[key] = _sums.GetValueOrDefault(key) + value;
            }
        }
    }
}
