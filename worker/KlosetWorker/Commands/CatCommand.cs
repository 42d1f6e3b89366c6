using System.CommandLine;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Commands;

internal static class CatCommand
{
    public static Command Build(Shell shell)
    {
        var snapshotAndPath = new Argument<string>("SNAPSHOT:PATH") { Description = "latest, or the first digits of a snapshot's identifier, and the path of a file in it" };
        var command = shell.Verb(
            "cat",
            """
            Writes a file's bytes to standard output, verified.

            Example:
              kloset cat "latest:/Google Photos/Photos from 2023/IMG_0186.HEIC" > IMG_0186.HEIC
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var (snapshot, path) = await SnapshotArgument.Parse(invocation.Value(snapshotAndPath)!).OpenAsync(open.Repository, cancellationToken);
                var entry = await SnapshotArgument.RequireAsync(snapshot, path, cancellationToken);
                if (entry.Kind != EntryKind.File)
                {
                    throw new WorkerException(ErrorCatalogue.PathNotFound, $"{path} is not a file.");
                }

                await using var content = snapshot.OpenRead(entry);
                await content.CopyToAsync(shell.Host.OutputBytes, cancellationToken);
                await shell.Host.OutputBytes.FlushAsync(cancellationToken);
                return (int)ExitCode.Ok;
            });
        command.Add(snapshotAndPath);
        return command;
    }
}
