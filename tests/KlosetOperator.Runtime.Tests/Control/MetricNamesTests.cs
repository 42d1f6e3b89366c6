using System.Diagnostics.Metrics;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Tests.Control;

public sealed class MetricNamesTests
{
    /// <summary>Dashboards and alerts read these: changing one is a change of the API.</summary>
    private static readonly string[] Names =
    [
        "controller_runtime_active_workers",
        "controller_runtime_max_concurrent_reconciles",
        "controller_runtime_reconcile_errors_total",
        "controller_runtime_reconcile_panics_total",
        "controller_runtime_reconcile_time_seconds",
        "controller_runtime_reconcile_total",
        "controller_runtime_terminal_reconcile_errors_total",
        "leader_election_master_status",
        "reflector_lists_total",
        "rest_client_requests_total",
        "workqueue_adds_total",
        "workqueue_depth",
        "workqueue_longest_running_processor_seconds",
        "workqueue_queue_duration_seconds",
        "workqueue_retries_total",
        "workqueue_unfinished_work_seconds",
        "workqueue_work_duration_seconds",
    ];

    [Fact]
    public void The_instruments_have_the_names_that_dashboards_know()
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        using var metrics = new RuntimeMetrics();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (ReferenceEquals(instrument.Meter, metrics.ReconcileTotal.Meter))
                {
                    found.Add(instrument.Name);
                    Assert.True(string.IsNullOrEmpty(instrument.Unit), "a unit would be appended to the name by exporters");
                }
            },
        };
        listener.Start();
        Assert.Equal(Names, found);
    }
}
