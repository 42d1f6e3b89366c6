using System.Collections.Concurrent;
using System.Threading.Channels;
using Kloset;
using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Files;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring;

/// <summary>
/// Writes entries of a snapshot below a folder. A file is written under a temporary name, verified by the engine while it is read, given
/// its mode and time, and only then renamed; so whatever has its final name is whole, and a second try goes on where the first one ended.
/// </summary>
internal sealed class FolderRestore(Snapshot snapshot, TargetFolder target, RestoreOptions options, ProgressTracker tracker) : IRestore
{
    private const int MaxWarnings = 100;
    private const string TemporarySuffix = ".kloset-part";

    private readonly ConcurrentDictionary<Mac, Lazy<Task<string?>>> _written = new();
    private readonly List<(string Folder, Entry Entry)> _folders = [];
    private readonly List<(string Place, Entry Entry)> _links = [];
    private readonly List<string> _warnings = [];
    private long _files;
    private long _bytes;
    private long _alreadyThere;
    private long _skipped;
    private long _failed;

    public async Task<RestoreReport> RunAsync(IAsyncEnumerable<Entry> entries, EntryPath root, CancellationToken stop, CancellationToken cancellationToken)
    {
        tracker.Phase = "Restoring";
        var work = Channel.CreateBounded<(string Place, Entry Entry)>(new BoundedChannelOptions(512) { SingleWriter = true });
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stop);
        var writing = Enumerable.Range(0, options.Writers).Select(_ => WriteFilesAsync(work.Reader, failed)).ToArray();
        try
        {
            await foreach (var entry in entries.WithCancellation(failed.Token))
            {
                var place = target.Place(PlaceNames.Relative(entry.Path, root));
                switch (entry.Kind)
                {
                    case EntryKind.Directory:
                        Guarded(entry, () => target.MakeFolder(place));
                        _folders.Add((place, entry));
                        break;
                    case EntryKind.File:
                        await work.Writer.WriteAsync((place, entry), failed.Token);
                        break;
                    case EntryKind.Symlink:
                        _links.Add((place, entry));
                        break;
                    default:
                        _skipped++;
                        Warn($"{entry.Path}: skipped, it is a {entry.Kind.ToString().ToLowerInvariant()}");
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Stopped, or a writer failed; its own exception comes out below.
        }
        finally
        {
            work.Writer.TryComplete();
        }

        try
        {
            await Task.WhenAll(writing);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }

        cancellationToken.ThrowIfCancellationRequested();
        var stopped = stop.IsCancellationRequested;
        if (!stopped)
        {
            // Links come last, so that no file can be written through one of them; folder times after all that changes them.
            foreach (var (place, entry) in _links)
            {
                Guarded(entry, () => Link(place, entry));
            }

            foreach (var (place, entry) in _folders.AsEnumerable().Reverse())
            {
                Guarded(entry, () => SetAttributes(place, entry, isFolder: true));
            }
        }

        return new(_files, _bytes, _alreadyThere, _skipped, _failed, stopped, _warnings);
    }

    private async Task WriteFilesAsync(ChannelReader<(string Place, Entry Entry)> work, CancellationTokenSource failed)
    {
        try
        {
            await foreach (var (place, entry) in work.ReadAllAsync(failed.Token))
            {
                try
                {
                    await WriteFileAsync(place, entry, failed.Token);
                }
                catch (RepositoryException exception) when (exception.Failure == RepositoryFailure.Damaged)
                {
                    Fail(entry, exception.Message);
                }
                catch (Exception exception) when (exception is UnauthorizedAccessException || (exception is IOException io && !ErrorTranslation.IsFull(io)))
                {
                    Fail(entry, exception.Message);
                }

                tracker.AddItems(1);
            }
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
    }

    private async Task WriteFileAsync(string place, Entry entry, CancellationToken cancellationToken)
    {
        target.MakeFolder(Path.GetDirectoryName(place)!);
        if (TryStatus(place) is { } there)
        {
            if (there.Kind == EntryKind.File && there.Size == entry.Size && SameTime(there.ModTime, entry.ModTime))
            {
                Interlocked.Increment(ref _alreadyThere);
                tracker.AddBytes(entry.Size);
                _written.TryAdd(entry.Object, new(Task.FromResult<string?>(place)));
                return;
            }

            switch (options.ExistingFiles)
            {
                case ExistingFiles.Fail:
                    throw new WorkerException(ErrorCatalogue.TargetFileExists, $"{place} is there already.");
                case ExistingFiles.Skip:
                    Interlocked.Increment(ref _skipped);
                    return;
                case ExistingFiles.Overwrite when there.Kind is EntryKind.Directory:
                    throw new IOException($"{place} is a directory");
                default:
                    break;
            }
        }

        if (options.HardLinks && entry.Size > 0)
        {
            var first = new Lazy<Task<string?>>(() => WriteContentAsync(place, entry, cancellationToken));
            var holder = _written.GetOrAdd(entry.Object, first);
            if (!ReferenceEquals(holder, first) && await holder.Value is { } twin && TryHardLink(twin, place))
            {
                Interlocked.Increment(ref _files);
                tracker.AddBytes(entry.Size);
                return;
            }

            if (ReferenceEquals(holder, first))
            {
                await first.Value;
                return;
            }
        }

        await WriteContentAsync(place, entry, cancellationToken);
    }

    private async Task<string?> WriteContentAsync(string place, Entry entry, CancellationToken cancellationToken)
    {
        var temporary = Temporary(place);
        try
        {
            await using (var content = snapshot.OpenRead(entry))
            await using (var file = LosslessFiles.Create(temporary, entry.Size))
            {
                var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(256 << 10);
                try
                {
                    int read;
                    while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
                    {
                        await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                        tracker.AddBytes(read);
                    }
                }
                finally
                {
                    System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
                }
            }

            SetAttributes(temporary, entry, isFolder: false);
            LosslessFiles.Move(temporary, place, overwrite: options.ExistingFiles == ExistingFiles.Overwrite);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }

        Interlocked.Increment(ref _files);
        Interlocked.Add(ref _bytes, entry.Size);
        return place;
    }

    /// <summary>A name of its own beside the file; long names are cut so that it still fits.</summary>
    private static string Temporary(string place)
    {
        var name = Path.GetFileName(place);
        var cut = name.Length > 40 ? name[..40] : name;
        cut = char.IsHighSurrogate(cut[^1]) ? cut[..^1] : cut;
        cut = LosslessFiles.AreNeeded(cut) ? "" : cut;
        return $"{Path.GetDirectoryName(place)}/.{cut}.{StableHash(place):x16}{TemporarySuffix}";
    }

    private static ulong StableHash(string text) =>
        text.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211UL);

    private void Link(string place, Entry entry)
    {
        target.MakeFolder(Path.GetDirectoryName(place)!);
        if (TryStatus(place) is { } there)
        {
            if (there.Kind == EntryKind.Symlink && LosslessFiles.ReadLink(place) == entry.SymlinkTarget)
            {
                _alreadyThere++;
                return;
            }

            switch (options.ExistingFiles)
            {
                case ExistingFiles.Fail:
                    throw new WorkerException(ErrorCatalogue.TargetFileExists, $"{place} is there already.");
                case ExistingFiles.Skip:
                    _skipped++;
                    return;
                default:
                    LosslessFiles.Delete(place);
                    break;
            }
        }

        LosslessFiles.MakeLink(place, entry.SymlinkTarget ?? "");
        LosslessFiles.SetLinkTime(place, entry.ModTime);
        _files++;
    }

    private static void SetAttributes(string place, Entry entry, bool isFolder)
    {
        // Set-id bits are not given back: whoever restores is not whom they were meant for.
        var mode = (UnixFileMode)(entry.Mode & GoFileMode.Permissions);
        LosslessFiles.SetAttributes(
            place,
            isFolder ? mode | UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute : mode,
            entry.ModTime.ToDateTimeOffset().Year is > 1601 and < 9999 ? entry.ModTime : null, // Go's zero time stands for none
            isFolder);
    }

    private static FileStatus? TryStatus(string place)
    {
        try
        {
            return FileStatus.Of(place);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>.NET sets times to 100 ns.</summary>
    private static bool SameTime(Timestamp left, Timestamp right) =>
        left.Seconds == right.Seconds && left.Nanoseconds / 100 == right.Nanoseconds / 100;

    private static void TryDelete(string file)
    {
        try
        {
            LosslessFiles.Delete(file);
        }
        catch (IOException)
        {
        }
        catch (UnauthorizedAccessException)
        {
        }
    }

    private bool TryHardLink(string from, string to)
    {
        if (options.ExistingFiles == ExistingFiles.Overwrite)
        {
            TryDelete(to);
        }

        return LosslessFiles.TryHardLink(from, to);
    }

    private void Guarded(Entry entry, Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException || (exception is IOException io && !ErrorTranslation.IsFull(io)))
        {
            Fail(entry, exception.Message);
        }
    }

    private void Fail(Entry entry, string message)
    {
        Interlocked.Increment(ref _failed);
        Warn($"{entry.Path}: {message}");
    }

    private void Warn(string message)
    {
        lock (_warnings)
        {
            if (_warnings.Count < MaxWarnings)
            {
                _warnings.Add(message);
            }
        }
    }
}
