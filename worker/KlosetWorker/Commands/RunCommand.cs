using System.CommandLine;
using KlosetWorker.Contract;
using KlosetWorker.Hosting;
using KlosetWorker.Running;

namespace KlosetWorker.Commands;

internal static class RunCommand
{
    public static Command Build(Shell shell) => shell.Verb(
        "run",
        $"""
        Does what a run file says; this is how the operator calls. The run file is at {WorkerEnvironment.Run}, mounts are below {WorkerEnvironment.Secrets}
        and {WorkerEnvironment.Source}, the result goes to {WorkerEnvironment.Result}, progress lines to standard output.

        Example:
          KLOSET_RUN=run.json KLOSET_SECRETS=/secrets KLOSET_SOURCE=/source KLOSET_RESULT=/dev/termination-log kloset run
        """,
        (_, cancellationToken) => RunAsync(shell.Host, cancellationToken));

    public static async Task<int> RunAsync(WorkerHost host, CancellationToken cancellationToken) =>
        await new RunProcess(host).ExecuteAsync(cancellationToken);
}
