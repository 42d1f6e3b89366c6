using System.Diagnostics;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Events;

namespace KlosetOperator.Jobs;

/// <summary>What came of the wish to start a run. Closed.</summary>
internal abstract record Launch
{
    private Launch()
    {
    }

    public sealed record Started(JobView Job) : Launch;

    /// <summary>Admission refused; ask again then, or when woken.</summary>
    public sealed record Waiting(RunDecision.Wait Wait) : Launch;

    /// <summary>The Job cannot be made as it is.</summary>
    public sealed record Refused(string Reason, string Message) : Launch;
}

/// <summary>Asks for admission, then creates the Job, once: the name is the same for the same run, so a second creation meets the first.</summary>
internal sealed class JobLauncher(
    IApiClient<V1Job> jobs,
    Expectations<V1Job> expected,
    ICache<V1Pod> pods,
    AdmissionLedger ledger,
    JobBuilder builder,
    IEventRecorder events,
    TimeProvider time)
{
    /// <summary>The owner's Jobs as far as known, and what they came to.</summary>
    public IReadOnlyList<JobView> JobsOf(string ownerUid)
    {
        var now = time.GetUtcNow();
        return [.. expected.OwnedBy(ownerUid)
            .Select(job => JobViews.Of(job, pods.OwnedBy(job.Metadata.Uid), now))
            .OfType<JobView>()
            .OrderBy(job => job.Created)];
    }

    /// <param name="request">What to create.</param>
    /// <param name="maxJobs">Jobs that the repository allows at the same time.</param>
    public async Task<Launch> StartAsync(JobRequest request, int maxJobs, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var owner = request.Owner.Metadata;
        V1Job job;
        try
        {
            job = builder.Build(request with { TraceParent = Activity.Current?.Id });
        }
        catch (RunFileTooLargeException tooLarge)
        {
            return new Launch.Refused(Reasons.RunFileTooLarge, tooLarge.Message);
        }

        var key = $"{owner.NamespaceProperty}/{job.Metadata.Name}";
        var claimant = ClaimantOf(request.Owner.Kind, owner);
        var answer = ledger.TryAdmit(
            new AdmissionRequest(claimant, key, request.Ticket, request.Order.Due, request.Order.IsFirst, maxJobs), now);
        if (answer is AdmissionAnswer.Refused refused)
        {
            return new Launch.Waiting(new RunDecision.Wait(refused.Reason, refused.Message, refused.Until));
        }

        try
        {
            var created = await jobs.CreateAsync(job, cancellationToken).ConfigureAwait(false);
            expected.Created(created);
            events.Record(request.Owner, EventKind.Normal, "RunStarted", "CreateJob", $"Created Job '{created.Metadata.Name}' ({RunHistory.KindName(request.Order.Kind)}).", created);
            return Started(created, now);
        }
        catch (ApiException exists) when (exists.IsAlreadyExists)
        {
            return await AdoptAsync(request, job, key, cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException refusal) when (refusal.IsInvalid || refusal.IsForbidden)
        {
            ledger.Release(key, now);
            return new Launch.Refused(Reasons.JobRefused, Messages.Cap($"The API server refused the Job: {refusal.Message}"));
        }

        // What else is thrown may have come after the Job was made: it holds until it is seen, or should have been. The next try meets
        // it, or makes it.
    }

    /// <summary>Lets a Job go on that was paused for maintenance, as soon as there is room again.</summary>
    /// <returns>What it waits for; null when it goes on.</returns>
    public async Task<RunDecision.Wait?> ResumeAsync(IKubernetesObject<V1ObjectMeta> owner, JobView job, int maxJobs, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var metadata = owner.Metadata;
        if (job.IsDraining || job.Ticket is null)
        {
            return new RunDecision.Wait(job.Reason, job.Message);
        }

        var key = $"{metadata.NamespaceProperty}/{job.Name}";
        var ticket = job.Ticket with { IsParked = false };
        if (ledger.TryAdmit(new AdmissionRequest(ClaimantOf(owner.Kind, metadata), key, ticket, job.Created, FirstBackup: false, maxJobs) { IsResumed = true }, now) is AdmissionAnswer.Refused refused)
        {
            return new RunDecision.Wait(refused.Reason, refused.Message, refused.Until);
        }

        try
        {
            await PatchSuspendAsync(metadata.NamespaceProperty, job, suspend: false, pausedFor: null, cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException)
        {
            ledger.Hold(key, job.Ticket, now);
            throw;
        }

        return null;
    }

    /// <summary>Suspends a Job, so that its worker saves what it has and leaves the repository to maintenance.</summary>
    public Task PauseAsync(string @namespace, JobView job, CancellationToken cancellationToken) =>
        PatchSuspendAsync(@namespace, job, suspend: true, Reasons.WaitingForMaintenance, cancellationToken);

    /// <summary>Ends a run for good: its worker gets a minute to save what it has and to release its lock.</summary>
    public Task<bool> CancelAsync(string @namespace, JobView job, CancellationToken cancellationToken) =>
        jobs.DeleteAsync(new NamespacedName(@namespace, job.Name), Deletion.Foreground with { Uid = job.Uid }, cancellationToken);

    /// <summary>Lets go of a Job whose node is dead. Its pod would hold up a deletion that waits for it.</summary>
    public Task<bool> GiveUpAsync(string @namespace, JobView job, CancellationToken cancellationToken) =>
        jobs.DeleteAsync(new NamespacedName(@namespace, job.Name), Deletion.Background with { Uid = job.Uid }, cancellationToken);

    public Task SuspendAsync(string @namespace, JobView job, bool suspend, CancellationToken cancellationToken) =>
        PatchSuspendAsync(@namespace, job, suspend, pausedFor: null, cancellationToken);

    private Task<V1Job> PatchSuspendAsync(string @namespace, JobView job, bool suspend, string? pausedFor, CancellationToken cancellationToken) =>
        jobs.PatchMergeAsync(
            new NamespacedName(@namespace, job.Name),
            new JsonObject
            {
                // The uid makes sure that it is this Job and no later one of its name.
                ["metadata"] = new JsonObject { ["uid"] = job.Uid, ["annotations"] = new JsonObject { [Annotations.PausedFor] = pausedFor } },
                ["spec"] = new JsonObject { ["suspend"] = suspend },
            },
            cancellationToken);

    /// <summary>
    /// Deletes ended Jobs but the newest that succeeded and the three newest that failed: those have logs that somebody may want. Their
    /// results are in the status, and of a fleet of ten thousand each Job that stays is ten thousand in the API server and in memory.
    /// </summary>
    public async Task SweepAsync(string @namespace, IEnumerable<JobView> views, Func<JobView, bool> isRecorded, CancellationToken cancellationToken)
    {
        foreach (var job in views
            .Where(job => !job.IsActive && isRecorded(job))
            .GroupBy(job => job.End!.JobSucceeded)
            .SelectMany(group => group.OrderByDescending(job => job.Created).Skip(group.Key ? 1 : 3)))
        {
            await jobs.DeleteAsync(new NamespacedName(@namespace, job.Name), Deletion.Background with { Uid = job.Uid }, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Withdraw(string kind, V1ObjectMeta metadata) => ledger.Withdraw(ClaimantOf(kind, metadata), time.GetUtcNow());

    public static Claimant ClaimantOf(string kind, V1ObjectMeta metadata) => new(kind, metadata.NamespaceProperty, metadata.Name);

    private async Task<Launch> AdoptAsync(JobRequest request, V1Job wanted, string key, CancellationToken cancellationToken)
    {
        var there = await jobs.GetAsync(NamespacedName.Of(wanted), cancellationToken).ConfigureAwait(false);
        if (there is not null
            && there.Metadata.OwnerReferences?.Any(reference => reference.Uid == request.Owner.Metadata.Uid) == true
            && there.Metadata.Labels?.TryGetValue(Labels.RunId, out var runId) == true && runId == request.RunFile.RunId)
        {
            expected.Created(there);
            return Started(there, time.GetUtcNow());
        }

        ledger.Release(key, time.GetUtcNow());
        return there is null
            ? new Launch.Waiting(new RunDecision.Wait(Reasons.Starting, "The Job was deleted while it was being made.", time.GetUtcNow() + TimeSpan.FromSeconds(10)))
            : new Launch.Refused(Reasons.JobConflict, $"Another object owns Job '{wanted.Metadata.Name}'. Delete that Job.");
    }

    private static Launch.Started Started(V1Job job, DateTimeOffset now) =>
        new(JobViews.Of(job, [], now) ?? throw new InvalidOperationException("the API server answered with a Job without our labels"));
}
