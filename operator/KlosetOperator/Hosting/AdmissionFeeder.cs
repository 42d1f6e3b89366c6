using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Jobs;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;

namespace KlosetOperator.Hosting;

/// <summary>Keeps the admission ledger true to the Jobs that there are, and wakes who may start when one ends.</summary>
internal sealed class AdmissionFeeder : IDisposable
{
    private readonly AdmissionLedger _ledger;
    private readonly TimeProvider _time;
    private readonly IEntityQueue<PhotoBackup> _backups;
    private readonly IEntityQueue<PhotoRestore> _restores;
    private readonly IEntityQueue<KlosetRepository> _repositories;
    private readonly List<IDisposable> _subscriptions;

    public AdmissionFeeder(
        AdmissionLedger ledger,
        IInformer<V1Job> jobs,
        IInformer<PhotoBackup> backups,
        IInformer<PhotoRestore> restores,
        IInformer<KlosetRepository> repositories,
        IEntityQueue<PhotoBackup> backupQueue,
        IEntityQueue<PhotoRestore> restoreQueue,
        IEntityQueue<KlosetRepository> repositoryQueue,
        TimeProvider time)
    {
        _ledger = ledger;
        _time = time;
        _backups = backupQueue;
        _restores = restoreQueue;
        _repositories = repositoryQueue;
        _ledger.Freed += Wake;
        _subscriptions =
        [
            jobs.Subscribe(Observe),
            backups.Subscribe(change => Observe(PhotoBackup.KubeKind, change is CacheEvent<PhotoBackup>.Deleted, change.Entity.Metadata, change.Entity.Status)),
            restores.Subscribe(change => Observe(PhotoRestore.KubeKind, change is CacheEvent<PhotoRestore>.Deleted, change.Entity.Metadata, change.Entity.Status)),
            repositories.Subscribe(change => Observe(KlosetRepository.KubeKind, change is CacheEvent<KlosetRepository>.Deleted, change.Entity.Metadata, change.Entity.Status)),
        ];
    }

    public void Dispose()
    {
        _ledger.Freed -= Wake;
        _subscriptions.ForEach(subscription => subscription.Dispose());
    }

    private void Observe(CacheEvent<V1Job> change)
    {
        var key = change.Key.ToString();
        if (change is CacheEvent<V1Job>.Deleted || JobViews.IsFinished(change.Entity))
        {
            _ledger.Release(key, _time.GetUtcNow());
        }
        else if (JobViews.Ticket(change.Entity) is { } ticket)
        {
            _ledger.Hold(key, ticket, _time.GetUtcNow());
        }
    }

    private void Observe(string kind, bool deleted, V1ObjectMeta metadata, IRunStatus? status)
    {
        if (deleted)
        {
            _ledger.Withdraw(JobLauncher.ClaimantOf(kind, metadata), _time.GetUtcNow());
        }
        else if (status is { RetryAfter: { } until } && status.Runs is [{ QuotaGroup: { } group }, ..])
        {
            // From the status, so that the pause of a whole group outlives the operator that heard of it.
            _ledger.PauseQuota(group, until);
        }
    }

    private void Wake(IReadOnlyList<Claimant> claimants)
    {
        foreach (var claimant in claimants)
        {
            var key = new NamespacedName(claimant.Namespace, claimant.Name);
            switch (claimant.Kind)
            {
                case PhotoBackup.KubeKind:
                    _backups.Enqueue(key);
                    break;
                case PhotoRestore.KubeKind:
                    _restores.Enqueue(key);
                    break;
                default:
                    _repositories.Enqueue(key);
                    break;
            }
        }
    }
}
