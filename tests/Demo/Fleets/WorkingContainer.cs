using DevCluster.Pods;
using KlosetWorker.Contract;

namespace Demo.Fleets;

/// <summary>A worker that does well at once: what is measured is the operator.</summary>
internal sealed class WorkingContainer(ContainerStart start) : IContainerProcess
{
    public int ProcessId => 0;

    public Task<int> Completion { get; } = Task.Run(() =>
    {
        var run = RunFile.Parse(File.ReadAllText(start.Environment[WorkerEnvironment.Run]));
        File.WriteAllText(start.Environment[WorkerEnvironment.Result], new RunResult
        {
            RunId = run.RunId,
            Outcome = RunOutcome.Succeeded,
            Reason = "Succeeded",
            RepositoryId = run.Repository.RepositoryId,
            SnapshotId = new string('b', 64),
            Library = new LibraryTotals(48_214, 210_000_000_000),
            Repository = new RepositoryTotals(121, 900_000_000_000, 900),
        }.ToTerminationMessage());
        return 0;
    });

    public void Terminate()
    {
        // It has ended.
    }

    public void Kill()
    {
        // It has ended.
    }
}
