using System.CommandLine;
using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Commands;

/// <summary>`SNAPSHOT[:PATH]`: `latest`, or the first digits of an identifier; a path without a leading slash begins at the snapshot's own directory.</summary>
internal sealed record SnapshotArgument(string Snapshot, string? Path)
{
    public static Argument<string> Create(string description = "latest, or the first digits of a snapshot's identifier, and a path in it") => new("SNAPSHOT[:PATH]")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        DefaultValueFactory = _ => "latest",
    };

    public static SnapshotArgument Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? new(text, null) : new(text[..colon] is { Length: > 0 } snapshot ? snapshot : "latest", text[(colon + 1)..]);
    }

    public async Task<(Snapshot Snapshot, EntryPath Path)> OpenAsync(Repository repository, CancellationToken cancellationToken)
    {
        var snapshot = await repository.OpenSnapshotAsync(await repository.ResolveSnapshotAsync(Snapshot, cancellationToken), cancellationToken);
        return (snapshot, Resolve(snapshot, Path));
    }

    public static EntryPath Resolve(Snapshot snapshot, string? path)
    {
        var directory = snapshot.Header.Source.Directory;
        return path switch
        {
            null or "" => EntryPath.Parse(directory),
            ['/', ..] => EntryPath.Parse(path),
            _ => EntryPath.Parse(directory + "/" + path),
        };
    }

    public static async Task<Entry> RequireAsync(Snapshot snapshot, EntryPath path, CancellationToken cancellationToken) =>
        await snapshot.FindAsync(path, cancellationToken)
        ?? throw new WorkerException(ErrorCatalogue.PathNotFound, $"Snapshot {snapshot.Id.Short} holds no {path}.");
}
