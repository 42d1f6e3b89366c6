using System.Diagnostics.Metrics;

namespace KlosetOperator.Telemetry;

/// <summary>A number about each object of a kind, read from the caches when somebody asks.</summary>
internal sealed record ObjectGauge(string Name, string Description, Func<IEnumerable<Measurement<double>>> Observe);
