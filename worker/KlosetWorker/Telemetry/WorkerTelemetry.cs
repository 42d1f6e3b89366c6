using System.Diagnostics;
using System.Diagnostics.Metrics;
using KlosetWorker.Contract;
using KlosetWorker.Hosting;
using KlosetWorker.Progress;
using KlosetWorker.Running;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace KlosetWorker.Telemetry;

/// <summary>
/// Traces, metrics and the log of one run by OTLP, when the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`); otherwise nothing is
/// loaded and nothing is measured. The run is part of the trace of the reconciliation that ordered it (`TRACEPARENT`), and each request to a
/// store or to Google is a part of the run.
/// </summary>
internal sealed partial class WorkerTelemetry : IDisposable
{
    public const string Name = "KlosetWorker";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter = new(Name);
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;
    private readonly ILoggerFactory _logs;

    private WorkerTelemetry(WorkerHost host, ProgressTracker tracker)
    {
        var environment = new ConfigurationBuilder().Add(new HostEnvironment(host)).Build();
        _meter.CreateObservableCounter("kloset_worker_items", () => tracker.ItemsDone, description: "items that the run has done");
        _meter.CreateObservableCounter("kloset_worker_bytes", () => tracker.BytesDone, "By", "bytes of the source or of the snapshot that the run has done");
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton<IConfiguration>(environment))
            .ConfigureResource(resource => resource.AddService("kloset-worker"))
            .AddSource(Name, "System.Net.Http")
            .AddOtlpExporter()
            .Build();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton<IConfiguration>(environment))
            .ConfigureResource(resource => resource.AddService("kloset-worker"))
            .AddMeter(Name)
            .AddOtlpExporter()
            .Build();
        _logs = LoggerFactory.Create(logging =>
        {
            logging.Services.AddSingleton<IConfiguration>(environment);
            logging.AddOpenTelemetry(options => options.SetResourceBuilder(ResourceBuilder.CreateDefault().AddService("kloset-worker")).AddOtlpExporter());
        });
    }

    /// <returns>Null when no collector is named.</returns>
    public static WorkerTelemetry? Start(WorkerHost host, ProgressTracker tracker) =>
        host.Environment("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } && host.Environment("OTEL_SDK_DISABLED") is not "true" ? new(host, tracker) : null;

    /// <summary>The span of a run; null when nobody listens.</summary>
    public static Activity? StartRun(WorkerHost host, RunFile run)
    {
        ActivityContext.TryParse(host.Environment(WorkerEnvironment.TraceParent), host.Environment(WorkerEnvironment.TraceState), isRemote: true, out var parent);
        var activity = Source.StartActivity($"run {run.Kind.ToString().ToLowerInvariant()}", ActivityKind.Consumer, parent);
        activity?.SetTag("kloset.run.id", run.RunId);
        activity?.SetTag("kloset.account", run.Account?.Id);
        return activity;
    }

    /// <summary>Tells the span, and the log, how the run ended.</summary>
    public static void Finish(WorkerTelemetry? telemetry, Activity? run, RunEnd end)
    {
        if (telemetry is not null)
        {
            var log = telemetry._logs.CreateLogger(Name);
            var level = end.ExitCode == ExitCode.Ok ? LogLevel.Information : LogLevel.Error;
            LogEnd(log, level, end.Result.RunId, end.Result.Outcome, end.Result.Reason, end.Result.Message);
            foreach (var warning in end.Result.Warnings ?? [])
            {
                LogWarning(log, end.Result.RunId, warning);
            }
        }

        run?.SetTag("kloset.outcome", end.Result.Outcome.ToString());
        run?.SetTag("kloset.reason", end.Result.Reason);
        run?.SetTag("kloset.snapshot", end.Result.SnapshotId);
        run?.SetStatus(end.ExitCode == ExitCode.Ok ? ActivityStatusCode.Ok : ActivityStatusCode.Error, end.Result.Message);
    }

    /// <summary>Sends what is left, for a few seconds at most: a collector that is gone must not hold up a pod.</summary>
    public void Dispose()
    {
        _traces.ForceFlush(5_000);
        _metrics.ForceFlush(5_000);
        _logs.Dispose();
        _traces.Dispose();
        _metrics.Dispose();
        _meter.Dispose();
    }

    [LoggerMessage(EventId = 1, Message = "Run {RunId} ended: {Outcome}, {Reason}. {Text}")]
    private static partial void LogEnd(ILogger logger, LogLevel level, string runId, RunOutcome outcome, string reason, string? text);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Run {RunId}: {Warning}")]
    private static partial void LogWarning(ILogger logger, string runId, string warning);

    /// <summary>The environment that the host was given, as the SDK's configuration.</summary>
    private sealed class HostEnvironment(WorkerHost host) : ConfigurationProvider, IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        public override bool TryGet(string key, out string? value) => (value = host.Environment(key)) is not null;
    }
}
