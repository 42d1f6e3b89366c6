using System.CommandLine;
using Kloset.Encryption;
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
            var problems = repository.StateProblems;
            // A list that may lack some is not given out; what is wrong stands below instead.
            var snapshots = problems.Count == 0 ? await repository.ListSnapshotsAsync(cancellationToken) : [];
            var output = new InfoOutput(
                open.Store.Location,
                repository.Id,
                configuration.Timestamp.ToDateTimeOffset(),
                configuration.Encryption is not null,
                repository.KeyFingerprint,
                configuration.Encryption?.KeyDerivation is { } key ? Describe(key) : null,
                configuration.Hashing.Algorithm,
                configuration.Compression?.Algorithm,
                $"{configuration.Chunking.Algorithm} {Text.Bytes(configuration.Chunking.MinSize)} / {Text.Bytes(configuration.Chunking.NormalSize)} / {Text.Bytes(configuration.Chunking.MaxSize)}",
                (long)configuration.Packfile.MaxSize,
                totals.Snapshots,
                totals.Packfiles,
                totals.States,
                totals.Blobs,
                totals.StoredBytes,
                snapshots.Count > 0 ? snapshots[0].Timestamp.ToDateTimeOffset() : null,
                snapshots.Count > 0 ? snapshots[^1].Timestamp.ToDateTimeOffset() : null,
                await repository.FindLastFullReadAsync(cancellationToken),
                Lineages.Of(snapshots),
                [.. locks.Select(held => new LockOutput(held.Id.ToString(), held.Timestamp.ToDateTimeOffset(), held.HostName, held.Exclusive, held.Stale))],
                problems);
            if (invocation.Json)
            {
                invocation.WriteJson(output, json => json.InfoOutput);
                return (int)ExitCode.Ok;
            }

            invocation.Output.WriteLine($"Location      {output.Location}");
            invocation.Output.WriteLine($"Identity      {output.RepositoryId}");
            invocation.Output.WriteLine($"Created       {Text.Time(output.Created)}");
            invocation.Output.WriteLine($"Encryption    {(output.Encrypted ? $"yes, key fingerprint {output.KeyFingerprint}" : "none")}");
            if (output.KeyDerivation is { } derivation)
            {
                invocation.Output.WriteLine($"Key           {derivation}");
            }

            invocation.Output.WriteLine($"Hashing       {output.Hashing}, compression {output.Compression ?? "none"}");
            invocation.Output.WriteLine($"Chunking      {output.Chunking}");
            invocation.Output.WriteLine($"Snapshots     {Text.Number(output.Snapshots)}");
            invocation.Output.WriteLine($"Packfiles     {Text.Number(output.Packfiles)}, states {Text.Number(output.States)}, blobs {Text.Number(output.Blobs)}");
            invocation.Output.WriteLine($"Stored        {Text.Bytes(output.StoredBytes)}");
            if (output.AllDataRead is { } read)
            {
                invocation.Output.WriteLine($"Data read     everything, by checks with a budget, up to {Text.Time(read)}");
            }

            foreach (var lineage in output.Lineages)
            {
                invocation.Output.WriteLine(
                    $"Lineage       {Text.Printable(lineage.Type)} {Text.Printable(lineage.Origin)} {Text.Printable(lineage.Directory)}: {Text.Count(lineage.Snapshots, "snapshot")}, newest {Text.Time(lineage.Newest)}{(lineage.Incomplete ? ", incomplete" : "")}");
            }

            foreach (var problem in output.Problems)
            {
                invocation.Output.WriteLine($"Problem       {Text.Printable(problem)} Run: kloset check");
            }

            foreach (var held in output.Locks)
            {
                invocation.Output.WriteLine($"Lock          {held.Id[..8]} {(held.Exclusive ? "exclusive" : "shared")} of {Text.Printable(held.HostName)} since {Text.Time(held.Time)}{(held.Stale ? ", stale" : "")}");
            }

            return (int)ExitCode.Ok;
        });

    private static string Describe(KeyDerivationParameters key) => key switch
    {
        Argon2idParameters argon => $"{key.Name}, {argon.Time} passes, {argon.Memory >> 10} MiB, {argon.Threads} lanes",
        ScryptParameters scrypt => $"{key.Name}, N {scrypt.N}, r {scrypt.R}, p {scrypt.P}",
        Pbkdf2Parameters pbkdf2 => $"{key.Name}, {Text.Number(pbkdf2.Iterations)} iterations",
        _ => key.Name,
    };
}
