using System.Diagnostics.Metrics;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Backups;
using KlosetOperator.References;
using KlosetOperator.Runtime.Cache;

namespace KlosetOperator.Telemetry;

/// <summary>
/// What the operator says about photos in numbers. Gauges are read from the caches when somebody asks, so that the series of
/// a deleted object are gone with it; each is an instrument, and stands in <see cref="Gauges"/> for who can do without the SDK. Names are those of the reference documentation and never change.
/// </summary>
internal sealed class OperatorMetrics : IDisposable
{
    public const string MeterName = "KlosetOperator";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _runs;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _bytesNew;
    private readonly List<ObjectGauge> _gauges = [];

    public OperatorMetrics(ICache<PhotoBackup> backups, ICache<KlosetRepository> repositories, ReferencedObjects references, AdmissionLedger ledger)
    {
        _runs = _meter.CreateCounter<long>("photos_backup_runs_total", description: "Runs that ended, by outcome and reason.");
        _duration = _meter.CreateHistogram<double>("photos_backup_run_duration_seconds", description: "How long runs took, by outcome.");
        _bytesNew = _meter.CreateCounter<long>("photos_backup_bytes_new_total", description: "Bytes that runs sent to the store.");

        Backup("photos_backup_protected", "1 when the covered state is younger than the objective's maximum age.", backup => Condition(backup.Status, ConditionTypes.Protected));
        Backup("photos_backup_complete", "1 when nothing is known to be missing.", backup => Condition(backup.Status, ConditionTypes.Complete));
        Backup("photos_backup_stalled", "1 when nothing is tried any more until something changes.", backup => Condition(backup.Status, ConditionTypes.Stalled));
        Backup("photos_backup_library_shrunk", "1 when the source suddenly holds far less than the library.", backup => backup.Status?.Library is { } library ? library.Shrunk == true ? 1 : 0 : null);
        Backup("photos_backup_last_success_timestamp_seconds", "When a run last succeeded.", backup => Seconds(backup.Status?.LastSuccessTime));
        Backup("photos_backup_objective_seconds", "The objective's maximum age.", backup => BackupStatuses.Objective(backup.Spec)?.TotalSeconds);
        Backup("photos_backup_next_run_timestamp_seconds", "When the next run is due.", backup => Seconds(backup.Status?.NextRunTime));
        Backup("photos_backup_consecutive_failures", "Failed runs in a row.", backup => backup.Status?.ConsecutiveFailures);
        Backup("photos_backup_library_items", "Photos and videos that the repository holds.", backup => backup.Status?.Library?.Items);
        Backup("photos_backup_items_unreadable", "What is known to be missing.", backup => backup.Status?.Library?.Missing);
        Backup("photos_backup_covered_through_timestamp_seconds", "Creation time of the newest covered export.", backup => Seconds(backup.Status?.CoveredThrough));
        Backup("photos_backup_credentials_expiry_timestamp_seconds", "When the grant of the source ends.", backup => Seconds(references.GrantEnds(backup)));
        Gauge(
            "photos_backup_action_required",
            "1 for each thing that a person must do.",
            () => backups.List().SelectMany(backup => (backup.Status?.Actions ?? []).Select(action => new Measurement<double>(1, [.. Tags(backup), new("kind", action.Kind)]))));
        Gauge(
            "photos_backup_waiting",
            "Backups that wait, by reason.",
            () => backups.List()
                .Select(backup => (backup.Status?.Conditions ?? []).FirstOrDefault(condition => condition.Type == ConditionTypes.Running))
                .Where(running => running is { Status: "False" } && running.Reason != Reasons.Idle)
                .GroupBy(running => running!.Reason)
                .Select(group => new Measurement<double>(group.Count(), new KeyValuePair<string, object?>("reason", group.Key))));
        _meter.CreateObservableGauge("photos_jobs_admitted", () => ledger.Held, description: "Jobs that are active.");
        _meter.CreateObservableGauge("photos_jobs_queued", () => ledger.Waiting, description: "Runs that wait for admission.");

        Repository("photos_repository_ready", "1 when the repository can be used.", repository => Condition(repository.Status, ConditionTypes.Ready));
        Repository("photos_repository_maintained", "0 when maintenance fails or is overdue.", repository => Condition(repository.Status, ConditionTypes.Maintained));
        Repository("photos_repository_verified", "0 when the check failed or is overdue.", repository => Condition(repository.Status, ConditionTypes.Verified));
        Repository(
            "photos_repository_damaged", "1 when the last check found damage.",
            repository => repository.Status?.Conditions?.FirstOrDefault(condition => condition.Type == ConditionTypes.Verified) is { } verified ? verified.Reason == Reasons.DamageFound ? 1 : 0 : null);
        Repository("photos_repository_stored_bytes", "Bytes in the store.", repository => repository.Status?.Totals?.StoredBytes);
        Repository("photos_repository_snapshots", "Snapshots in the repository.", repository => repository.Status?.Totals?.Snapshots);
        Repository("photos_repository_breaker_open_since_timestamp_seconds", "Since when Jobs fail because of the store.", repository => Seconds(repository.Status?.BreakerOpenSince));
        Repository("photos_repository_last_maintenance_success_timestamp_seconds", "When maintenance last succeeded.", repository => Seconds(repository.Status?.Maintenance?.LastSuccessTime));
        Repository("photos_repository_last_check_success_timestamp_seconds", "When a check last found no damage.", repository => Seconds(repository.Status?.Check?.LastSuccessTime));

        void Backup(string name, string description, Func<PhotoBackup, double?> value) => Gauge(name, description, () => Each(backups, value));

        void Repository(string name, string description, Func<KlosetRepository, double?> value) => Gauge(name, description, () => Each(repositories, value));

        void Gauge(string name, string description, Func<IEnumerable<Measurement<double>>> observe)
        {
            _gauges.Add(new ObjectGauge(name, description, observe));
            _meter.CreateObservableGauge(name, observe, description: description);
        }
    }

    public IReadOnlyList<ObjectGauge> Gauges => _gauges;

    /// <summary>Whether an instrument is one of <see cref="Gauges"/>.</summary>
    public static bool IsOfObjects(Instrument instrument) => instrument is ObservableGauge<double> && instrument.Meter.Name == MeterName;

    public void RunEnded(RunRecord run)
    {
        _runs.Add(1, new("outcome", run.Outcome), new("reason", run.Reason ?? ""));
        if (run is { StartTime: { } start, CompletionTime: { } end })
        {
            _duration.Record(Math.Max(0, (end - start).TotalSeconds), new KeyValuePair<string, object?>("outcome", run.Outcome));
        }

        if (run.BytesStored is { } bytes and > 0)
        {
            _bytesNew.Add(bytes);
        }
    }

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?>[] Tags(k8s.IKubernetesObject<k8s.Models.V1ObjectMeta> entity) =>
        [new("namespace", entity.Metadata.NamespaceProperty), new("name", entity.Metadata.Name)];

    private static IEnumerable<Measurement<double>> Each<T>(ICache<T> cache, Func<T, double?> value)
        where T : k8s.IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        foreach (var entity in cache.List())
        {
            if (value(entity) is { } number)
            {
                yield return new Measurement<double>(number, Tags(entity));
            }
        }
    }

    private static double? Condition(IConditionedStatus? status, string type) =>
        (status?.Conditions ?? []).FirstOrDefault(condition => condition.Type == type)?.Status switch { "True" => 1, "False" => 0, _ => null };

    private static double? Seconds(DateTimeOffset? time) => time?.ToUnixTimeSeconds();
}
