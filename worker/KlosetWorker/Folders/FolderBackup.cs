using System.Threading.Channels;
using Kloset.Snapshots;
using Kloset.Writing;
using KlosetWorker.Files;
using KlosetWorker.Progress;

namespace KlosetWorker.Folders;

/// <param name="FilesRead">Files whose bytes were read, because they are new or changed.</param>
internal sealed record FolderBackupResult(
    SnapshotHeader Snapshot, long Files, long FilesRead, long BytesRead, long Errors, bool Stopped, IReadOnlyList<string> Warnings);

/// <summary>
/// A folder as it is, without any pairing. One walk goes through the disk and the basis side by side, in the order of names; what is new
/// or changed is read by several readers, what is gone is removed, and what is the same costs nothing.
/// </summary>
internal sealed class FolderBackup(RepositoryWriter writer, ProgressTracker tracker, int readers)
{
    private const int MaxWarnings = 100;
    private readonly List<string> _warnings = [];
    private long _files;
    private long _filesRead;
    private long _bytesRead;
    private long _errors;

    /// <param name="folder">Absolute path of an existing directory.</param>
    /// <param name="stop">Asks for an early end: what was read so far is kept in an incomplete snapshot.</param>
    public async Task<FolderBackupResult> RunAsync(string folder, SnapshotDraft draft, Snapshot? basis, CancellationToken stop, CancellationToken cancellationToken)
    {
        // The header is written when the tree is done, so tags that only then are known can still be added.
        var tags = new List<string>(draft.Tags);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var work = Channel.CreateBounded<(string File, EntryPath Path, FileStatus Status)>(new BoundedChannelOptions(256) { SingleWriter = true });
        var changes = Channel.CreateBounded<TreeChange>(new BoundedChannelOptions(1024) { SingleReader = true });

        tracker.Phase = "Reading";
        var stopped = false;
        async Task ProduceAsync()
        {
            try
            {
                var reading = Enumerable.Range(0, readers).Select(_ => ReadFilesAsync(work.Reader, changes.Writer, stop, failed.Token)).ToArray();
                try
                {
                    stopped = !await WalkAsync(folder, basis, work.Writer, changes.Writer, stop, failed.Token);
                }
                finally
                {
                    work.Writer.TryComplete();
                }

                await Task.WhenAll(reading);
                stopped |= stop.IsCancellationRequested;
                if (stopped)
                {
                    tags.Add(SnapshotMarks.IncompleteTag);
                }

                tracker.Phase = "Committing";
                changes.Writer.TryComplete();
            }
            catch (Exception exception)
            {
                changes.Writer.TryComplete(exception);
                throw;
            }
        }

        var producing = Task.Run(ProduceAsync, CancellationToken.None);
        SnapshotHeader header;
        try
        {
            header = await writer.CommitAsync(draft with { Tags = tags }, basis, changes.Reader.ReadAllAsync(cancellationToken), cancellationToken);
        }
        catch
        {
            await failed.CancelAsync();
            await ((Task)producing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        await producing;
        return new(header, _files, _filesRead, _bytesRead, _errors, stopped, _warnings);
    }

    /// <returns>False when it was stopped before its end.</returns>
    private async Task<bool> WalkAsync(
        string folder,
        Snapshot? basis,
        ChannelWriter<(string, EntryPath, FileStatus)> work,
        ChannelWriter<TreeChange> changes,
        CancellationToken stop,
        CancellationToken cancellationToken)
    {
        var root = EntryPath.Parse(folder);
        await AncestorsAsync(root, basis, changes, cancellationToken);
        var known = basis is null ? null : await basis.FindAsync(root, cancellationToken);
        var pending = new Stack<(string Folder, EntryPath Path, bool Known)>();
        pending.Push((folder, root, known is { Kind: EntryKind.Directory }));
        while (pending.TryPop(out var directory))
        {
            if (stop.IsCancellationRequested)
            {
                return false;
            }

            string[] names;
            try
            {
                names = LosslessFiles.List(directory.Folder);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                await FailAsync(directory.Path, exception.Message, changes, cancellationToken);
                continue;
            }

            Array.Sort(names, FileStatus.CompareNames);
            var children = directory.Known ? basis!.ListAsync(directory.Path, cancellationToken).GetAsyncEnumerator(cancellationToken) : null;
            try
            {
                var old = children is not null && await children.MoveNextAsync() ? children.Current : null;
                foreach (var name in names)
                {
                    while (old is not null && FileStatus.CompareNames(old.Name, name) < 0)
                    {
                        await changes.WriteAsync(new Remove(old.Path), cancellationToken);
                        old = await children!.MoveNextAsync() ? children.Current : null;
                    }

                    var same = old is not null && old.Name == name ? old : null;
                    await VisitAsync(directory.Folder, directory.Path, name, same, pending, work, changes, cancellationToken);
                    if (same is not null)
                    {
                        old = await children!.MoveNextAsync() ? children.Current : null;
                    }
                }

                while (old is not null)
                {
                    await changes.WriteAsync(new Remove(old.Path), cancellationToken);
                    old = await children!.MoveNextAsync() ? children.Current : null;
                }
            }
            finally
            {
                if (children is not null)
                {
                    await children.DisposeAsync();
                }
            }
        }

        return true;
    }

    private async Task VisitAsync(
        string folder,
        EntryPath parent,
        string name,
        Entry? known,
        Stack<(string, EntryPath, bool)> pending,
        ChannelWriter<(string, EntryPath, FileStatus)> work,
        ChannelWriter<TreeChange> changes,
        CancellationToken cancellationToken)
    {
        var full = folder == "/" ? "/" + name : folder + "/" + name;
        var path = parent.Append(name);
        FileStatus status;
        try
        {
            status = FileStatus.Of(full);
        }
        catch (FileNotFoundException)
        {
            return; // it went away while we looked
        }
        catch (IOException exception)
        {
            await FailAsync(path, exception.Message, changes, cancellationToken);
            return;
        }

        switch (status.Kind)
        {
            case EntryKind.Directory:
                if (known is not { Kind: EntryKind.Directory } || !SameAttributes(known, status))
                {
                    await changes.WriteAsync(DirectoryOf(path, status), cancellationToken);
                }

                pending.Push((full, path, known is { Kind: EntryKind.Directory }));
                break;
            case EntryKind.File:
                Interlocked.Increment(ref _files);
                if (known is { Kind: EntryKind.File } && known.Size == status.Size && SameAttributes(known, status))
                {
                    tracker.AddItems(1);
                }
                else if (known is { Kind: EntryKind.File } && known.Size == status.Size && known.ModTime == status.ModTime)
                {
                    await changes.WriteAsync(
                        new PutEntry(path, known with { Mode = status.Mode, UserId = status.UserId, GroupId = status.GroupId }), cancellationToken);
                    tracker.AddItems(1);
                }
                else
                {
                    await work.WriteAsync((full, path, status), cancellationToken);
                }

                break;
            case EntryKind.Symlink:
                await SymlinkAsync(full, path, status, known, changes, cancellationToken);
                break;
            default:
                Warn($"{full}: skipped, it is a {status.Kind.ToString().ToLowerInvariant()}");
                break;
        }
    }

    private async Task SymlinkAsync(string full, EntryPath path, FileStatus status, Entry? known, ChannelWriter<TreeChange> changes, CancellationToken cancellationToken)
    {
        try
        {
            var target = LosslessFiles.ReadLink(full) ?? "";
            if (known is not { Kind: EntryKind.Symlink } || known.SymlinkTarget != target || known.ModTime != status.ModTime)
            {
                await changes.WriteAsync(new PutSymlink(path, target, status.ModTime) { UserId = status.UserId, GroupId = status.GroupId }, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await FailAsync(path, exception.Message, changes, cancellationToken);
        }
    }

    private async Task ReadFilesAsync(
        ChannelReader<(string File, EntryPath Path, FileStatus Status)> work, ChannelWriter<TreeChange> changes, CancellationToken stop, CancellationToken cancellationToken)
    {
        await foreach (var (file, path, status) in work.ReadAllAsync(cancellationToken))
        {
            if (stop.IsCancellationRequested)
            {
                continue; // drain, so that the walk can end
            }

            try
            {
                await using var content = LosslessFiles.OpenRead(file);
                var stored = await writer.WriteObjectAsync(
                    content,
                    new ObjectOptions { FileName = path.Name, Tee = bytes => Count(bytes.Length) },
                    cancellationToken);
                if (stored.Size != status.Size)
                {
                    Warn($"{file}: changed while it was read");
                }

                await changes.WriteAsync(
                    new PutFile(path, stored, status.Mode & ~GoFileMode.Irregular, status.ModTime) { UserId = status.UserId, GroupId = status.GroupId }, cancellationToken);
                Interlocked.Increment(ref _filesRead);
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                Warn($"{file}: went away before it was read");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                await FailAsync(path, exception.Message, changes, cancellationToken);
            }

            tracker.AddItems(1);
        }
    }

    private void Count(long bytes)
    {
        Interlocked.Add(ref _bytesRead, bytes);
        tracker.AddBytes(bytes);
    }

    /// <summary>The directories above the folder, as they are on the disk, so that the tree is whole.</summary>
    private static async Task AncestorsAsync(EntryPath root, Snapshot? basis, ChannelWriter<TreeChange> changes, CancellationToken cancellationToken)
    {
        for (var path = root; ; path = path.Parent)
        {
            try
            {
                var status = FileStatus.Of(path.ToString());
                var known = basis is null ? null : await basis.FindAsync(path, cancellationToken);
                if (known is null || !SameAttributes(known, status))
                {
                    await changes.WriteAsync(DirectoryOf(path, status), cancellationToken);
                }
            }
            catch (IOException)
            {
                // The engine makes missing parents; their attributes are of no use for a restore.
            }

            if (path.IsRoot)
            {
                return;
            }
        }
    }

    private static PutDirectory DirectoryOf(EntryPath path, FileStatus status) =>
        new(path, status.Mode & ~GoFileMode.Directory, status.ModTime) { UserId = status.UserId, GroupId = status.GroupId };

    private static bool SameAttributes(Entry known, FileStatus status) =>
        known.ModTime == status.ModTime && known.Mode == status.Mode && known.UserId == status.UserId && known.GroupId == status.GroupId;

    private async Task FailAsync(EntryPath path, string message, ChannelWriter<TreeChange> changes, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _errors);
        Warn($"{path}: {message}");
        await changes.WriteAsync(new PutError(path, message), cancellationToken);
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
