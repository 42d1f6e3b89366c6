using System.Collections.Concurrent;
using System.Globalization;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage.S3;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Files;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring;

/// <summary>
/// Writes the files of a snapshot into a bucket, each verified by the engine while it is read. An object appears as a whole or not at all,
/// and says in its metadata which content it holds, so that a second try knows what is there without reading it.
/// </summary>
internal sealed class BucketRestore(Snapshot snapshot, S3Store target, RestoreOptions options, ProgressTracker tracker) : IRestore
{
    private const int MaxWarnings = 100;

    /// <summary>The MAC of the object in the repository that was restored from.</summary>
    private const string ContentKey = "kloset-object";

    /// <summary>Seconds since 1970 with fraction: the name and the form that rclone reads and writes.</summary>
    private const string ModifiedKey = "mtime";

    private readonly ConcurrentQueue<string> _warnings = new();
    private long _files;
    private long _bytes;
    private long _alreadyThere;
    private long _skipped;
    private long _failed;

    public async Task<RestoreReport> RunAsync(IAsyncEnumerable<Entry> entries, EntryPath root, CancellationToken stop, CancellationToken cancellationToken)
    {
        tracker.Phase = "Restoring";
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, cancellationToken);
        try
        {
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Writers, CancellationToken = either.Token };
            await Parallel.ForEachAsync(entries, parallel, async (entry, cancel) => await WriteAsync(entry, PlaceNames.Of(PlaceNames.Relative(entry.Path, root)), cancel));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // What was not finished is not there, and is written by the next try.
        }

        return new(_files, _bytes, _alreadyThere, _skipped, _failed, stop.IsCancellationRequested, [.. _warnings]);
    }

    private async Task WriteAsync(Entry entry, string key, CancellationToken cancellationToken)
    {
        if (entry.Kind == EntryKind.Directory)
        {
            return; // a bucket has none
        }

        if (entry.Kind != EntryKind.File)
        {
            Interlocked.Increment(ref _skipped);
            Warn($"{entry.Path}: skipped, a bucket holds no {entry.Kind.ToString().ToLowerInvariant()}");
            return;
        }

        try
        {
            await WriteFileAsync(entry, key, cancellationToken);
        }
        catch (RepositoryException exception) when (exception.Failure == RepositoryFailure.Damaged)
        {
            Interlocked.Increment(ref _failed);
            Warn($"{entry.Path}: {exception.Message}");
        }

        tracker.AddItems(1);
    }

    private async Task WriteFileAsync(Entry entry, string key, CancellationToken cancellationToken)
    {
        if (await target.ReadMetadataAsync(key, cancellationToken) is { } there)
        {
            if (there.GetValueOrDefault(ContentKey) == entry.Object.ToString())
            {
                Interlocked.Increment(ref _alreadyThere);
                tracker.AddBytes(entry.Size);
                return;
            }

            switch (options.ExistingFiles)
            {
                case ExistingFiles.Fail:
                    throw new WorkerException(ErrorCatalogue.TargetFileExists, $"{target.Location}/{key} is there already.");
                case ExistingFiles.Skip:
                    Interlocked.Increment(ref _skipped);
                    return;
                default:
                    break;
            }
        }

        var metadata = new Dictionary<string, string>
        {
            [ContentKey] = entry.Object.ToString(),
            [ModifiedKey] = ((entry.ModTime.ToDateTimeOffset() - DateTimeOffset.UnixEpoch).Ticks / 1e7m).ToString(CultureInfo.InvariantCulture),
        };
        await using var content = new LengthCheckedStream(snapshot.OpenRead(entry), entry, tracker);
        await target.PutFileAsync(key, content, entry.Size, entry.ContentType is { Length: > 0 } type ? type : "application/octet-stream", metadata, cancellationToken);
        Interlocked.Increment(ref _files);
        Interlocked.Add(ref _bytes, entry.Size);
    }

    private void Warn(string message)
    {
        if (_warnings.Count < MaxWarnings)
        {
            _warnings.Enqueue(message);
        }
    }
}
