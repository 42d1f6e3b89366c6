using System.CommandLine;
using GooglePhotos.Credentials;
using GooglePhotos.Library;
using Kloset.Snapshots;
using KlosetWorker.Access;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Restoring.GoogleLibrary;
using KlosetWorker.Running;

namespace KlosetWorker.Commands;

/// <summary>`kloset restore --to googlephotos:ADDRESS`: its options, the plan, and what is told at the end.</summary>
internal sealed class GoogleRestoreVerb
{
    private const string Prefix = "googlephotos:";

    private readonly Option<string?> _credentials = new("--google-credentials")
    {
        Description = $"file with the sign-in of the account (default: {WorkerEnvironment.GoogleCredentials}); kloset login --for restore makes one",
        HelpName = "FILE",
    };

    private readonly Option<bool> _plan = new("--plan") { Description = "to Google Photos: print what would be done, and do nothing" };

    private readonly Option<string?> _approve = new("--approve") { Description = "to Google Photos: go ahead with a plan of more than 500 items", HelpName = "HASH" };

    private readonly Option<long> _requests = new("--requests-per-day")
    {
        Description = "to Google Photos: how much of the project's daily quota may be used",
        DefaultValueFactory = _ => LibraryLimits.RequestsPerDay,
        HelpName = "NUMBER",
    };

    private readonly Option<bool> _uncorrected = new("--uncorrected")
    {
        Description = "to Google Photos: upload all files as they are, also where date and place must be written into them to be right",
    };

    public static bool IsMeant(string target) => target.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase);

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _credentials, _plan, _approve, _requests, _uncorrected })
        {
            command.Add(option);
        }
    }

    public bool IsPlan(Shell.Invocation invocation) => invocation.Value(_plan);

    /// <param name="edition">Null for the one as seen.</param>
    /// <param name="onlyMissing">Leaves out what the account may hold still.</param>
    public async Task<int> RunAsync(Shell.Invocation invocation, string target, OpenRepository open, Snapshot snapshot, EntryPath path, CatalogQuery query, Edition? edition, bool onlyMissing, CancellationToken cancellationToken)
    {
        var address = target[Prefix.Length..].Trim('/');
        if (!address.Contains('@', StringComparison.Ordinal))
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"'{target}' does not say into whose library: give {Prefix}ADDRESS, such as {Prefix}alice@example.com.");
        }

        if (invocation.Value(_requests) is not (>= 20 and <= 10_000_000) and var requests)
        {
            throw new WorkerException(ErrorCatalogue.InvalidArguments, $"--requests-per-day {requests} is too little to work with: give at least 20.");
        }

        var request = new UploadRequest
        {
            SnapshotId = snapshot.Id.ToString(),
            Query = path.IsRoot ? query : query with { Paths = [.. query.Paths, path.ToString()] },
            Edition = edition ?? Edition.AsSeen,
            RequestsPerDay = invocation.Value(_requests),
            OnlyMissing = onlyMissing,
        };
        if (invocation.Value(_plan))
        {
            Print(invocation, await NonEmptyAsync(snapshot, request, cancellationToken), snapshot, address);
            return (int)ExitCode.Ok;
        }

        var tracker = new ProgressTracker(invocation.Host.Time);
        var access = new GoogleAccess(invocation.Host, tracker);
        var signIn = await access.OpenPhotosAsync(access.FromFile(invocation.Value(_credentials)), LoginPurpose.Restore, address, unattended: false, cancellationToken);
        var plan = await NonEmptyAsync(snapshot, request, cancellationToken);
        if (plan.Items.Count > GooglePhotosRestoreRun.ItemsWithoutApproval && invocation.Value(_approve) != plan.Hash)
        {
            if (!invocation.Json)
            {
                Print(invocation, plan, snapshot, address);
            }

            throw new WorkerException(ErrorCatalogue.ApprovalNeeded, GooglePhotosRestoreRun.NeedsApproval(plan)) { Remedy = $"Read the plan (--plan), then give --approve {plan.Hash}." };
        }

        var options = new GoogleRestoreOptions
        {
            // The same command goes on with the same restore.
            RestoreId = "cli-" + plan.Hash + "-" + RestoreJournal.Short(address.ToLowerInvariant()),
            Target = address,
            CacheFolder = invocation.CacheFolder,
            RequestsPerDay = invocation.Value(_requests),
            WithoutCorrections = invocation.Value(_uncorrected),
        };
        GoogleRestoreEnd end;
        await using (invocation.ReportProgress(tracker))
        {
            end = await new GooglePhotosRestore(open, snapshot, signIn, access.Calls(), options, invocation.Host.Time, tracker).RunAsync(plan, invocation.Host.Stop, cancellationToken);
        }

        Tell(invocation, end, tracker);
        foreach (var action in access.Replaced)
        {
            invocation.Host.Error.WriteLine($"warning: {action.Message}");
        }

        return end switch
        {
            { Report.Stopped: true } => (int)ExitCode.Cancelled,
            { Error: { } error } => invocation.Json ? (int)error.Error.ExitCode : invocation.Fail(error),
            _ => (int)ExitCode.Ok,
        };
    }

    private static async Task<UploadPlan> NonEmptyAsync(Snapshot snapshot, UploadRequest request, CancellationToken cancellationToken) =>
        await GooglePhotosRestore.PlanAsync(snapshot, request, cancellationToken) is { Items.Count: > 0 } plan
            ? plan
            : throw new WorkerException(ErrorCatalogue.NothingSelected, $"The selection matches nothing in snapshot {snapshot.Id.Short} that Google Photos takes.");

    private static void Print(Shell.Invocation invocation, UploadPlan plan, Snapshot snapshot, string address)
    {
        if (invocation.Json)
        {
            invocation.WriteJson(
                new GooglePlanOutput(
                    snapshot.Id.ToString(), address, plan.Items.Count, plan.Bytes, plan.Albums.Count, plan.Cost.Requests, plan.Cost.Days, plan.LikelyDuplicates, plan.Hash, plan.Losses, plan.LeftOut),
                json => json.GooglePlanOutput);
            return;
        }

        var output = invocation.Output;
        output.WriteLine($"Snapshot {snapshot.Id.Short} into the Google Photos library of {address}:");
        output.WriteLine($"  items     {Text.Number(plan.Items.Count)} ({Text.Bytes(plan.Bytes)}), {Text.Count(plan.Albums.Count, "album")}");
        output.WriteLine($"  takes     {Text.Count(plan.Cost.Days, "day")}, because of {Text.Number(plan.Cost.Requests)} requests of a daily quota");
        output.WriteLine($"  plan      {plan.Hash}");
        output.WriteLine("What cannot be given back, and what to know:");
        foreach (var loss in plan.Losses)
        {
            output.WriteLine($"  - {Text.Printable(loss)}");
        }
    }

    private static void Tell(Shell.Invocation invocation, GoogleRestoreEnd end, ProgressTracker tracker)
    {
        var report = end.Report;
        if (invocation.Json)
        {
            invocation.WriteJson(new GoogleRestoreOutput(end.Error is null, end.Error?.Error.Code, end.Error?.Message, end.Error?.ResumeAfter, tracker.Elapsed.TotalSeconds, report), json => json.GoogleRestoreOutput);
            return;
        }

        foreach (var warning in GooglePhotosRestoreRun.Warnings(report).Take(20))
        {
            invocation.Host.Error.WriteLine($"warning: {Text.Printable(warning)}");
        }

        invocation.Output.WriteLine(
            $"{Text.Number(report.Items)} of {Text.Count(report.Planned, "item")} ({Text.Bytes(report.Bytes)}) are in the library of {report.Target}, {Text.Number(report.Verified)} of them seen in its listing; "
            + $"{Text.Count(report.Albums, "album")}; {Text.Number(report.Corrected)} with date or place written; in {Text.Duration(tracker.Elapsed)}.");
        if (end.Error?.ResumeAfter is { } resume)
        {
            invocation.Output.WriteLine($"Run the same command again after {Text.Time(resume)}: it goes on from there.");
        }
    }
}
