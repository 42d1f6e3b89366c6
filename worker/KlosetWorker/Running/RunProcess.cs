using System.Text;
using System.Text.Json;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Output;
using KlosetWorker.Progress;
using KlosetWorker.Telemetry;

namespace KlosetWorker.Running;

/// <summary>One Job's work: reads the run file, does what it says, and leaves a result whatever happens.</summary>
internal sealed class RunProcess(WorkerHost host)
{
    private readonly ProgressTracker _tracker = new(host.Time);
    private string _runId = "";

    public async Task<int> ExecuteAsync(CancellationToken cancellationToken)
    {
        // The last chance: an exception on a thread of its own would end the process without a word.
        void LastChance(object sender, UnhandledExceptionEventArgs crash) =>
            WriteResult(Failure(ErrorTranslation.Translate(crash.ExceptionObject as Exception ?? new InvalidOperationException("unknown"))).Result);
        AppDomain.CurrentDomain.UnhandledException += LastChance;
        RunEnd end;
        try
        {
            end = await ExecuteGuardedAsync(cancellationToken);
        }
        finally
        {
            AppDomain.CurrentDomain.UnhandledException -= LastChance;
        }

        WriteResult(end.Result);
        host.Output.WriteLine(RunResult.ToJson(end.Result));
        if (end.ExitCode != ExitCode.Ok)
        {
            host.Error.WriteLine($"kloset: {Text.Printable(end.Result.Message ?? end.Result.Reason)} [{end.Result.Reason}]");
        }

        return (int)end.ExitCode;
    }

    private async Task<RunEnd> ExecuteGuardedAsync(CancellationToken cancellationToken)
    {
        try
        {
            var run = ReadRunFile();
            _runId = run.RunId;
            if (run.Problems() is { Count: > 0 } problems)
            {
                throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file is not usable: {string.Join("; ", problems)}.");
            }

            using var telemetry = WorkerTelemetry.Start(host, _tracker);
            using var span = WorkerTelemetry.StartRun(host, run);
            await using var reporter = new ProgressReporter(_tracker, new JsonLinesSink(host.Output), host.Time);
            await using var control = new RunControl(host, run.Limits ?? new(), _tracker, cancellationToken);
            RunEnd end;
            try
            {
                end = await Kind(new(run, control, host, _tracker)).ExecuteAsync();
            }
#pragma warning disable CA1031 // whatever it was becomes a result
            catch (Exception exception)
#pragma warning restore CA1031
            {
                end = Failure(control.Explain(exception));
            }

            WorkerTelemetry.Finish(telemetry, span, end);
            return end;
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Failure(ErrorTranslation.Translate(exception));
        }
    }

    private RunFile ReadRunFile()
    {
        var path = host.Environment(WorkerEnvironment.Run) is { Length: > 0 } named
            ? named
            : throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"{WorkerEnvironment.Run} does not name a run file.");
        try
        {
            return new FileInfo(path).Length <= RunFile.MaxBytes
                ? RunFile.Parse(File.ReadAllText(path))
                : throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file {path} is larger than {RunFile.MaxBytes} bytes.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The run file {path} cannot be read: {exception.Message}", exception);
        }
    }

    private static IRun Kind(RunContext context) => context.Order.Kind switch
    {
        RunKind.Create => new CreateRun(context),
        RunKind.Backup => new BackupRun(context),
        RunKind.Restore => new RestoreRun(context),
        RunKind.Check => new CheckRun(context),
        RunKind.Inspect => new InspectRun(context),
        RunKind.Maintain => new MaintainRun(context),
        var kind => throw new WorkerException(ErrorCatalogue.InvalidRunFile, $"The kind {kind} is not known."),
    };

    private RunEnd Failure(WorkerException failure) => new(
        new()
        {
            RunId = _runId,
            Outcome = failure.Error.ExitCode switch { ExitCode.Paused => RunOutcome.Paused, ExitCode.Incomplete => RunOutcome.Incomplete, _ => RunOutcome.Failed },
            Reason = failure.Error.Code,
            Message = failure.Message,
            Hint = failure.Remedy ?? failure.Error.Remedy,
            ResumeAfter = failure.ResumeAfter,
        },
        failure.Error.ExitCode);

    private void WriteResult(RunResult result)
    {
        if (host.Environment(WorkerEnvironment.Result) is not { Length: > 0 } path)
        {
            return;
        }

        try
        {
            File.WriteAllText(path, result.ToTerminationMessage(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            host.Error.WriteLine($"kloset: the result could not be written to {path}: {exception.Message}");
        }
    }
}
