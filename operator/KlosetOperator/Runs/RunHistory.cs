using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Runs;

/// <summary>
/// The newest runs of an object and what follows from them: failures in a row, the back-off, and the stall. Pure; the same
/// run folded twice counts once.
/// </summary>
internal sealed record RunHistory
{
    public const int MostRuns = 10;

    private static readonly TimeSpan LongestQuota = TimeSpan.FromDays(8);

    /// <summary>Newest first.</summary>
    public IReadOnlyList<RunRecord> Runs { get; init; } = [];

    public int ConsecutiveFailures { get; init; }

    public DateTimeOffset? RetryAfter { get; init; }

    public StalledOn? StalledOn { get; init; }

    /// <summary>What the status says, and heard of what a person changed since: a stall that its cause outlived is over.</summary>
    public static RunHistory Of(IRunStatus? status, StalledOn mark)
    {
        var history = new RunHistory
        {
            Runs = status?.Runs ?? [],
            ConsecutiveFailures = status?.ConsecutiveFailures ?? 0,
            RetryAfter = status?.RetryAfter,
            StalledOn = status?.StalledOn,
        };
        return history.StalledOn is { } stalled && !StallMark.Holds(stalled, mark) ? history.Reopened() : history;
    }

    /// <summary>Ends the back-off when `kloset.dev/retry` has a value that was not heard yet. After the ended runs are folded in: it means them, too.</summary>
    public RunHistory Hearing(StalledOn mark, HandledRequests? handled) =>
        mark.Retry is not null && mark.Retry != handled?.Retry ? this with { RetryAfter = null } : this;

    public RunRecord? Newest => Runs.Count > 0 ? Runs[0] : null;

    /// <summary>The run that is to be looked up because its result was lost.</summary>
    public RunRecord? Lost => Newest is { Outcome: Outcomes.Lost } lost ? lost : null;

    /// <summary>Whether the newest run is to be done again for the same slot.</summary>
    public bool IsPending => Newest?.Outcome is Outcomes.Paused or Outcomes.Failed or Outcomes.Cancelled;

    /// <summary>The sequence of the next run.</summary>
    public long Next => NextAfter(Runs);

    public static long NextAfter(IReadOnlyList<RunRecord>? runs) => (runs is { Count: > 0 } ? runs[0].Sequence ?? 0 : 0) + 1;

    public bool Knows(JobView job) => job.Kind == RunKind.Inspect ? !Asks(job) : IsRecorded(Runs, job);

    /// <summary>Runs of one object follow each other, so a Job that is older than the newest record was recorded once and has left the ring.</summary>
    public static bool IsRecorded(IReadOnlyList<RunRecord>? runs, JobView job) =>
        runs is { Count: > 0 } && (runs.Any(run => run.Id == job.RunId)
            || (job.Sequence is { } sequence && runs[0].Sequence is { } newest ? sequence < newest : runs[0].StartTime is { } time && job.Created < time));

    /// <summary>Up to when slots are dealt with. What the ring dates in the future is from before a clock was set back, and says nothing.</summary>
    public static DateTimeOffset SeenUntil(IReadOnlyList<RunRecord>? runs, DateTimeOffset created, DateTimeOffset now) =>
        (runs ?? []).SelectMany(run => new[] { run.Slot, run.StartTime }).Where(time => time <= now).Max() is { } seen && seen > created ? seen : created;

    /// <summary>What is waited for after the newest run; null when nothing is, or no longer.</summary>
    public RunDecision.Wait? Waiting(DateTimeOffset now)
    {
        // Longer than any class of failure or any quota waits: a clock was set back.
        if (RetryAfter is not { } until || until <= now || until - now > (Newest?.Outcome == Outcomes.Paused ? LongestQuota : BackOff.Longest + BackOff.First))
        {
            return null;
        }

        return Newest switch
        {
            { Outcome: Outcomes.Paused, Reason: nameof(ErrorCatalogue.ExportArriving) } arriving =>
                new RunDecision.Wait(Reasons.WaitingForExport, arriving.Message ?? "", until),
            { Outcome: Outcomes.Paused } paused => new RunDecision.Wait(Reasons.WaitingForQuota, Messages.Cap($"Goes on at {Messages.Time(until)}. {paused.Message}"), until),
            { Outcome: Outcomes.Failed, Reason: Reasons.HistoryMissing } missing =>
                new RunDecision.Wait(Reasons.HistoryMissing, missing.Message ?? "", until, IsReady: false),
            _ => new RunDecision.Wait(Reasons.BackingOff, Messages.Cap($"Tries again at {Messages.Time(until)} after {Newest?.Reason}: {Newest?.Message}"), until),
        };
    }

    /// <param name="mark">What the object looks like now; remembered when the verdict is terminal.</param>
    public RunHistory Fold(JobView job, Verdict verdict, StalledOn mark, string uid, int most = MostRuns)
    {
        if (Knows(job) || job.End is not { } end)
        {
            return this;
        }

        if (job.Kind == RunKind.Inspect)
        {
            return FoldInspection(job, verdict, mark, uid);
        }

        var record = new RunRecord
        {
            Id = job.RunId,
            Kind = KindName(job.Kind),
            Slot = job.Slot,
            Attempt = job.Attempt,
            Sequence = job.Sequence ?? Next,
            StartTime = job.Created,
            CompletionTime = end.Time,
            Outcome = verdict.Outcome,
            Reason = verdict.Reason,
            Message = Messages.Cap(verdict.Message),
            SnapshotID = verdict.Result?.SnapshotId,
            ItemsNew = verdict.Result?.Transfer?.ItemsNew,
            BytesRead = verdict.Result?.Transfer?.BytesRead,
            BytesStored = verdict.Result?.Transfer?.BytesStored,
            StorageRequests = verdict.Result?.Transfer?.StorageRequests,
            QuotaGroup = verdict.Result is { QuotaGroup: not null, ResumeAfter: not null } ? job.Ticket?.QuotaGroup : null,
        };
        return Follow(this with { Runs = [record, .. Runs.Take(most - 1)] }, verdict, mark, end.Time, uid);
    }

    /// <summary>Whether an inspection asks about the run that is lost now; others were answered before.</summary>
    public bool Asks(JobView job) => job.Kind != RunKind.Inspect || (Lost is { } lost && lost.Id == job.LostRunId);

    /// <summary>A person changed something, so that what was terminal may be tried again at once.</summary>
    public RunHistory Reopened() => this with { StalledOn = null, RetryAfter = null, ConsecutiveFailures = 0 };

    public static string KindName(RunKind kind) => kind switch
    {
        RunKind.Create => "create",
        RunKind.Backup => "backup",
        RunKind.Restore => "restore",
        RunKind.Check => "check",
        RunKind.Maintain => "maintain",
        RunKind.Inspect => "inspect",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static RunHistory Follow(RunHistory history, Verdict verdict, StalledOn mark, DateTimeOffset time, string uid) => verdict.Retry switch
    {
        _ when verdict.Outcome == Outcomes.Lost => history with { RetryAfter = null, StalledOn = null }, // the question comes first, at once
        RetryClass.None when verdict.Outcome == Outcomes.Cancelled => history with { RetryAfter = time + BackOff.First },
        RetryClass.None or RetryClass.NextSlot or RetryClass.Approval => history with { ConsecutiveFailures = 0, RetryAfter = null, StalledOn = null },
        RetryClass.Resume => history with { RetryAfter = verdict.Result?.ResumeAfter ?? Slice(history, time), StalledOn = null },
        RetryClass.BackOff => history with
        {
            ConsecutiveFailures = history.ConsecutiveFailures + 1,
            RetryAfter = time + BackOff.After(history.ConsecutiveFailures + 1, uid),
            StalledOn = null,
        },
        RetryClass.Terminal => history with
        {
            ConsecutiveFailures = history.ConsecutiveFailures + 1,
            RetryAfter = null,
            StalledOn = mark with { Reason = verdict.Reason, Message = Messages.Cap(verdict.Message) },
        },
        _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
    };

    /// <summary>A slice that was over goes on at once; one that was hardly begun would spin.</summary>
    private static DateTimeOffset Slice(RunHistory history, DateTimeOffset time) =>
        history.Newest?.StartTime is { } start && time - start < BackOff.First ? time + BackOff.First : time;

    private RunHistory FoldInspection(JobView job, Verdict verdict, StalledOn mark, string uid)
    {
        if (Lost is not { } lost || lost.Id != job.LostRunId || job.End is not { } end)
        {
            return this; // answered already, or about another run
        }

        var notThere = verdict.Result?.Reason == "RunNotFound";
        if (!notThere && verdict.Outcome is Outcomes.Failed or Outcomes.Lost or Outcomes.Cancelled)
        {
            // The question could not be asked. It stays open; the back-off counts by the attempt's number, since an inspection leaves
            // no record by which a second look would know that it was counted.
            var failures = Math.Max(ConsecutiveFailures, job.Attempt);
            return this with { ConsecutiveFailures = failures, RetryAfter = end.Time + BackOff.After(failures, uid) };
        }

        var answer = notThere
            ? new Verdict(Outcomes.Failed, Reasons.ResultLost, "The run left no result and no snapshot; it is repeated.", RetryClass.BackOff)
            : verdict;
        var answered = lost with
        {
            Outcome = answer.Outcome,
            Reason = answer.Reason,
            Message = Messages.Cap(answer.Message),
            SnapshotID = answer.Result?.SnapshotId,
        };
        return Follow(this with { Runs = [answered, .. Runs.Skip(1)] }, answer, mark, end.Time, uid);
    }
}
