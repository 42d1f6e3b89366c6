using System.Text.Json;
using KlosetOperator.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Runs;

/// <summary>What a run came to.</summary>
/// <param name="Outcome">One of <see cref="Outcomes"/>.</param>
/// <param name="Reason">CamelCase; from the worker's catalogue, the table of exit codes or <see cref="Reasons"/>.</param>
/// <param name="Message">For people, with the remedy.</param>
/// <param name="Retry">What happens next.</param>
/// <param name="Result">What the worker said, when it said something.</param>
internal sealed record Verdict(string Outcome, string Reason, string Message, RetryClass Retry, RunResult? Result = null)
{
    /// <summary>
    /// Judges by the exit code and the termination message together, and believes the worse of the two. Where neither is
    /// left, the run is <see cref="Outcomes.Lost"/>: it is looked up, never guessed.
    /// </summary>
    public static Verdict Of(string runId, RunEnd end)
    {
        var result = Read(runId, end.TerminationMessage);
        if (end.ExitCode is not { } code)
        {
            return result is null
                ? new(Outcomes.Lost, Reasons.ResultLost, Sentence("The Job ended and left no result", end.JobMessage), RetryClass.BackOff)
                : OfOutcome(result);
        }

        if (ExitCodes.Find(code) is not { } known)
        {
            return end.OutOfMemory
                ? new(Outcomes.Failed, Reasons.OutOfMemory,
                    "The worker used more memory than its limit and was killed. Raise spec.job.resources.limits.memory.", RetryClass.BackOff, result)
                : new(Outcomes.Failed, result?.Reason ?? Reasons.WorkerCrashed,
                    Words(result, $"The worker ended with the unknown exit code {code}.", "Look at the log of its pod."), RetryClass.BackOff, result);
        }

        if (known.Code == ExitCode.Ok)
        {
            return result switch
            {
                null => new(Outcomes.Lost, Reasons.ResultLost, "The Job succeeded and left no result.", RetryClass.BackOff),
                { Outcome: RunOutcome.Succeeded or RunOutcome.NothingNew } => OfOutcome(result),
                _ => OfOutcome(result), // exit 0 with a bad outcome: the outcome is believed
            };
        }

        var outcome = known.Code switch
        {
            ExitCode.Incomplete => Outcomes.Incomplete,
            ExitCode.Paused => Outcomes.Paused,
            ExitCode.Cancelled => Outcomes.Cancelled,
            ExitCode.ApprovalNeeded => Outcomes.Waiting,
            _ => Outcomes.Failed,
        };
        return new(outcome, result?.Reason ?? known.Reason, Words(result, known.Meaning, known.Remedy), RetryOf(result, known.Retry), result);
    }

    private static Verdict OfOutcome(RunResult result)
    {
        var (outcome, code) = result.Outcome switch
        {
            RunOutcome.Succeeded => (Outcomes.Succeeded, ExitCode.Ok),
            RunOutcome.NothingNew => (Outcomes.NothingNew, ExitCode.Ok),
            RunOutcome.Incomplete => (Outcomes.Incomplete, ExitCode.Incomplete),
            RunOutcome.Paused => (Outcomes.Paused, ExitCode.Paused),
            _ => (Outcomes.Failed, ErrorExit(result.Reason)),
        };
        var known = ExitCodes.Find((int)code);
        return new(outcome, result.Reason, Words(result, known?.Meaning ?? "The run failed.", known?.Remedy ?? ""), RetryOf(result, known?.Retry ?? RetryClass.BackOff), result);
    }

    private static RetryClass RetryOf(RunResult? result, RetryClass byExit) =>
        result is { Reason: { } reason } && ErrorCatalogue.Find(reason)?.Retry is { } own ? own : byExit;

    private static ExitCode ErrorExit(string reason) =>
        ErrorCatalogue.All.FirstOrDefault(error => error.Code == reason)?.ExitCode
        ?? ExitCodes.All.FirstOrDefault(row => row.Reason == reason)?.Code
        ?? (ExitCode)1;

    private static RunResult? Read(string runId, string? message)
    {
        if (string.IsNullOrWhiteSpace(message))
        {
            return null;
        }

        try
        {
            var result = RunResult.Parse(message);
            return result.Schema == RunResult.CurrentSchema && result.RunId == runId ? result : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Words(RunResult? result, string meaning, string remedy) =>
        string.Join(' ', new[] { result?.Message is { Length: > 0 } said ? said : meaning, result?.Hint is { Length: > 0 } hint ? hint : remedy }
            .Concat(result?.Warnings ?? [])
            .Where(part => part.Length > 0)
            .Select(part => part[^1] is '.' or '!' or '?' or '…' ? part : part + "."));

    private static string Sentence(string text, string? detail) => string.IsNullOrEmpty(detail) ? text + "." : $"{text}: {detail}";
}

/// <summary>Outcomes in `status.runs`. Part of the API.</summary>
internal static class Outcomes
{
    public const string Succeeded = "Succeeded";
    public const string NothingNew = "NothingNew";
    public const string Incomplete = "Incomplete";
    public const string Paused = "Paused";
    public const string Failed = "Failed";
    public const string Cancelled = "Cancelled";
    public const string Lost = "Lost";

    /// <summary>Did what it may do without a person, and says what waits for one.</summary>
    public const string Waiting = "WaitingForApproval";
}
