using KlosetOperator.Options;
using KlosetOperator.Runs;
using KlosetOperator.Runtime.Api;
using KlosetWorker.Contract;

namespace KlosetOperator.Jobs;

/// <summary>Reads progress from the end of a worker's log, and only as often as it may be written.</summary>
internal sealed class ProgressReader(IPodLogs logs, OperatorOptions options, TimeProvider time)
{
    private const int TailLines = 20;
    private const int LimitBytes = 64 * 1024;

    /// <summary>Null when there is nothing new to write.</summary>
    /// <param name="written">When progress of this run was written last.</param>
    public async Task<RunProgress?> ReadAsync(string @namespace, JobView job, DateTimeOffset? written, CancellationToken cancellationToken)
    {
        if (job.Pod is null || (written is { } last && time.GetUtcNow() - last < options.ProgressWriteInterval))
        {
            return null;
        }

        try
        {
            var tail = await logs.TailAsync(new NamespacedName(@namespace, job.Pod), JobBuilder.Container, TailLines, LimitBytes, cancellationToken).ConfigureAwait(false);
            return tail?.Split('\n').Reverse().Select(RunProgress.TryParseLine).FirstOrDefault(progress => progress is not null);
        }
        catch (ApiException)
        {
            return null; // a log that cannot be read now is read at the next look; the run does not depend on it
        }
    }
}
