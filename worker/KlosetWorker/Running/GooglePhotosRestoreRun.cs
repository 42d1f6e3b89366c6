using GooglePhotos.Credentials;
using Kloset.Retention;
using KlosetWorker.Access;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Output;
using KlosetWorker.Restoring;
using KlosetWorker.Restoring.GoogleLibrary;

namespace KlosetWorker.Running;

/// <summary>Gives a library, or a selection of it, back to Google Photos; or only says what that would do.</summary>
internal sealed class GooglePhotosRestoreRun(RunContext context, RunGooglePhotosTarget target) : IRun
{
    /// <summary>Plans of more items wait for a person, because Google's interface cannot delete.</summary>
    internal const long ItemsWithoutApproval = 500;

    private const int MaxWarnings = 5;

    public async Task<RunEnd> ExecuteAsync()
    {
        var restore = context.Order.Restore!;
        var access = new GoogleAccess(context.Host, context.Tracker);
        var credentials = GoogleAccess.FromSecret(context.Secrets, target.CredentialsSecret);

        // Whose library it is comes before everything: a wrong sign-in reads and writes nothing.
        var signIn = await access.OpenPhotosAsync(credentials, LoginPurpose.Restore, target.Email, unattended: true, context.Control.Abort);
        await using var open = await context.OpenAsync();
        await using var guard = await context.WaitForLockAsync(() => RestoreGuard.TakeAsync(open, SnapshotPins.RestoreHolder + restore.RestoreId, context.Control.Abort));
        var snapshot = await open.Repository.OpenSnapshotAsync(await RestoreRun.ChooseAsync(context, open.Repository), context.Control.Abort);
        var origin = snapshot.Header.Source.Origin;
        if (origin != target.AccountId && !target.AllowOtherAccount)
        {
            throw new WorkerException(ErrorCatalogue.WrongAccount, $"The snapshot is of account {origin}, and the target is account {target.AccountId}. Nothing was read from Google or written to it.")
            {
                Remedy = "Set allowOtherAccount if the photos are really meant for that account.",
            };
        }

        context.Tracker.Phase = "Enumerating";
        var request = new UploadRequest
        {
            SnapshotId = snapshot.Id.ToString(),
            Query = CatalogQuery.From(restore.Select),
            Edition = restore.Edition ?? Edition.AsSeen,
            SameAccount = origin == target.AccountId,
            OnlyMissing = restore.ExistingFiles == ExistingFiles.Skip,
        };
        var plan = await GooglePhotosRestore.PlanAsync(snapshot, request, context.Control.Abort);
        var result = new RunResult
        {
            RunId = context.Order.RunId,
            Outcome = RunOutcome.Succeeded,
            Reason = "Succeeded",
            Message = RestoreRun.Remark(snapshot.Header),
            SnapshotId = snapshot.Id.ToString(),
            Plan = plan.ToContract(),
            Actions = access.Warning(credentials) is { } warning ? [warning] : null,
        };
        if (plan.Items.Count == 0)
        {
            return await EndAsync(open, Failed(result, new(ErrorCatalogue.NothingSelected, $"The selection matches nothing in snapshot {snapshot.Id.Short} that Google Photos takes.")));
        }

        if (restore.PlanOnly)
        {
            return await EndAsync(open, (result, ExitCode.Ok));
        }

        if (plan.Items.Count > ItemsWithoutApproval && restore.ApprovedPlan != plan.Hash)
        {
            var (waiting, code) = Failed(result, new(ErrorCatalogue.ApprovalNeeded, NeedsApproval(plan)));
            return await EndAsync(open, (waiting with { Actions = [.. waiting.Actions ?? [], new("ApprovePlan", $"Read the plan, then approve {plan.Hash}.")] }, code));
        }

        await guard.PinAsync(snapshot.Id, context.Control.Abort);
        var options = new GoogleRestoreOptions { RestoreId = restore.RestoreId, Target = target.Email ?? target.AccountId, CacheFolder = context.CacheFolder };
        var end = await new GooglePhotosRestore(open, snapshot, signIn, access.Calls(), options, context.Host.Time, context.Tracker)
            .RunAsync(plan, context.Control.Stop, context.Control.Abort);
        var report = end.Report;
        if (end.Error is null or { Error.ExitCode: ExitCode.Incomplete })
        {
            await guard.UnpinAsync(snapshot.Id, context.Control.Abort);
        }

        result = result with
        {
            Actions = (result.Actions ?? []).Concat(access.Replaced).ToArray() is { Length: > 0 } actions ? actions : null,
            Restored = new(report.Items, report.Bytes, report.LeftOutCount, report.FailedCount),
            Warnings = Warnings(report).Take(MaxWarnings).ToArray() is { Length: > 0 } warnings ? warnings : null,
            Transfer = new(open.Store.Counters.BytesRead, 0, report.Items - report.AlreadyThere, open.Store.Counters.Requests, context.Tracker.Elapsed.TotalSeconds),
        };
        return await EndAsync(open, end.Error is { } error ? Failed(result, error) : (result, ExitCode.Ok));
    }

    internal static string NeedsApproval(UploadPlan plan) =>
        $"{Text.Count(plan.Items.Count, "item")} ({Text.Bytes(plan.Bytes)}, about {Text.Count(plan.Cost.Days, "day")}) would be uploaded, which no program can take back; the plan is {plan.Hash}.";

    internal static IEnumerable<string> Warnings(GoogleRestoreReport report)
    {
        if (report.AlreadyThere > 0)
        {
            yield return $"{Text.Count(report.AlreadyThere, "item")} of {Text.Number(report.Items)} were in Google Photos already.";
        }

        if (report.Uncorrected.Count > 0)
        {
            yield return $"Date or place could not be written into {Text.Count(report.Uncorrected.Count, "file")}; the first: {report.Uncorrected[0].Path}: {report.Uncorrected[0].Reason}.";
        }

        foreach (var problem in report.AlbumProblems)
        {
            yield return problem;
        }

        foreach (var failed in report.Failed)
        {
            yield return $"{failed.Path}: {failed.Reason}";
        }
    }

    private (RunResult Result, ExitCode Code) Failed(RunResult result, WorkerException failure)
    {
        var byQuota = failure.Error == GoogleErrorCatalogue.DayQuota || failure.Error == GoogleErrorCatalogue.MinuteQuota;
        return (result with
        {
            Outcome = failure.Error.ExitCode switch { ExitCode.Paused => RunOutcome.Paused, ExitCode.Incomplete => RunOutcome.Incomplete, _ => RunOutcome.Failed },
            Reason = failure.Error.Code,
            Message = failure.Message,
            Hint = failure.Remedy ?? failure.Error.Remedy,
            ResumeAfter = failure.ResumeAfter,
            QuotaGroup = byQuota ? target.CredentialsSecret : null,
        }, failure.Error.ExitCode);
    }

    private async Task<RunEnd> EndAsync(OpenRepository open, (RunResult Result, ExitCode Code) end) => new(await context.DescribeAsync(open, end.Result), end.Code);
}
