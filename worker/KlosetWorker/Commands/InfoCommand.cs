using System.CommandLine;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class InfoCommand
{
    public static Command Build(Shell shell) => shell.Verb(
        "info",
        """
        Tells what the repository is: identity, key fingerprint, counts, sizes and locks.

        Example:
          kloset info --json
        """,
        async (invocation, cancellationToken) =>
        {
            await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
            var repository = open.Repository;
            await repository.RefreshAsync(cancellationToken);
            var totals = await repository.GetTotalsAsync(cancellationToken);
            var locks = await repository.ListLocksAsync(cancellationToken);
            var configuration = repository.Configuration;
            var output = new InfoOutput(
                open.Store.Location,
                repository.Id,
                configuration.Timestamp.ToDateTimeOffset(),
                configuration.Encryption is not null,
                repository.KeyFingerprint,
                configuration.Hashing.Algorithm,
                configuration.Compression?.Algorithm,
                totals.Snapshots,
                totals.Packfiles,
                totals.States,
                totals.Blobs,
                totals.StoredBytes,
                [.. locks.Select(held => new LockOutput(held.Id.ToString(), held.Timestamp.ToDateTimeOffset(), held.HostName, held.Exclusive, held.Stale))]);
            if (invocation.Json)
            {
                invocation.WriteJson(output, json => json.InfoOutput);
                return (int)ExitCode.Ok;
            }

            invocation.Output.WriteLine($"Location      {output.Location}");
            invocation.Output.WriteLine($"Identity      {output.RepositoryId}");
            invocation.Output.WriteLine($"Created       {Text.Time(output.Created)}");
            invocation.Output.WriteLine($"Encryption    {(output.Encrypted ? $"yes, key fingerprint {output.KeyFingerprint}" : "none")}");
            invocation.Output.WriteLine($"Hashing       {output.Hashing}, compression {output.Compression ?? "none"}");
            invocation.Output.WriteLine($"Snapshots     {Text.Number(output.Snapshots)}");
            invocation.Output.WriteLine($"Packfiles     {Text.Number(output.Packfiles)}, states {Text.Number(output.States)}, blobs {Text.Number(output.Blobs)}");
            invocation.Output.WriteLine($"Stored        {Text.Bytes(output.StoredBytes)}");
            foreach (var held in output.Locks)
            {
                invocation.Output.WriteLine($"Lock          {held.Id[..8]} {(held.Exclusive ? "exclusive" : "shared")} of {Text.Printable(held.HostName)} since {Text.Time(held.Time)}{(held.Stale ? ", stale" : "")}");
            }

            return (int)ExitCode.Ok;
        });
}
