using System.Buffers.Binary;
using Kloset.Msgpack;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>
/// Writes the dirpacks and summaries of the directories that change: the basis' records as a stream, merged with sorted changes. What differs in the
/// trees of entries, of content types and of attributes is noted on the way.
/// </summary>
internal sealed class DirectoryMerge(
    WritingSession session, SnapshotTree? basis, DirectoryPlan plan, TreeDeltas entries, TreeDeltas types, XattrMerge attributes)
{
    private readonly MsgpackWriter _writer = new(2048);
    private readonly Dictionary<EntryPath, Mac> _dirpacks = [];
    private readonly Dictionary<EntryPath, Mac> _summaries = [];

    /// <summary>What was written, by directory.</summary>
    public IReadOnlyDictionary<EntryPath, Mac> Dirpacks => _dirpacks;

    /// <inheritdoc cref="Dirpacks"/>
    public IReadOnlyDictionary<EntryPath, Mac> Summaries => _summaries;

    /// <param name="directories">All of the new tree, in <see cref="TreeKeys.SubtreeOrder"/>.</param>
    /// <returns>The summary of the root.</returns>
    public async Task<DirectorySummary> RunAsync(
        EntryPath[] directories, ExternalSorter sortedChanges, IReadOnlyDictionary<EntryPath, ulong> errorCounts, CancellationToken cancellationToken)
    {
        var dirty = plan.FindDirty(directories);
        var summaries = await LoadSummariesAsync(directories, dirty, cancellationToken);
        var stack = new Stack<Frame>();
        DirectorySummary? root = null;
        using var changes = new ChangeCursor(sortedChanges.Read());
        foreach (var directory in directories)
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (stack.TryPeek(out var top) && !directory.IsAtOrBelow(top.Path))
                await CloseAsync();
            if (!dirty.Contains(directory))
            {
                if (stack.TryPeek(out var parent) && parent.Path == directory.Parent)
                    parent.Children.Add((directory, summaries[plan.BasisSummaries[directory]]));
                continue;
            }

            var frame = new Frame(directory);
            stack.Push(frame);
            if (plan.HasNewRecords(directory, out var dirpack))
                _dirpacks[directory] = await MergeRecordsAsync(directory, dirpack, frame, directories, changes, cancellationToken);
            else
                frame.Summary = frame.Summary with { Directory = summaries[plan.BasisSummaries[directory]].Directory };
        }

        while (stack.Count > 0)
            await CloseAsync();
        return root!;

        async ValueTask CloseAsync()
        {
            var frame = stack.Pop();
            frame.Children.Sort((a, b) => a.Path.CompareTo(b.Path));
            foreach (var (_, child) in frame.Children)
                SummaryBuilder.AddBelow(frame.Summary.Below, child);
            frame.Summary.Below.Errors += errorCounts.GetValueOrDefault(frame.Path);
            if (frame.HasOwnRecords)
                SummaryBuilder.Finish(frame.Summary.Directory);
            _writer.Reset();
            SummaryCodec.Write(_writer, frame.Summary);
            _summaries[frame.Path] = await session.StoreByContentAsync(session.Sink.Metadata, BlobType.VfsSummary, _writer.WrittenMemory);
            if (stack.TryPeek(out var parent))
                parent.Children.Add((frame.Path, frame.Summary));
            else
                root = frame.Summary;
        }
    }

    /// <summary>Summaries of the basis that are needed: clean children of dirty directories, and directories that are dirty only for what lies below.</summary>
    private async Task<Dictionary<Mac, DirectorySummary>> LoadSummariesAsync(
        EntryPath[] directories, HashSet<EntryPath> dirty, CancellationToken cancellationToken)
    {
        var wanted = new HashSet<Mac>();
        foreach (var directory in directories)
        {
            if (!plan.NeedsBasisSummary(directory, dirty))
                continue;
            if (!plan.BasisSummaries.TryGetValue(directory, out var id))
                throw RepositoryException.Damaged($"The basis has no summary of {directory}.");
            wanted.Add(id);
        }

        var loaded = new Dictionary<Mac, DirectorySummary>(wanted.Count);
        if (wanted.Count > 0)
        {
            await session.Repository.Blobs.ReadManyAsync(
                BlobType.VfsSummary, wanted, (id, bytes) => loaded[id] = BlobReader.Parse(BlobType.VfsSummary, in id, bytes, SummaryCodec.Read), cancellationToken);
        }

        return loaded;
    }

    /// <summary>Merges one directory's records with its changes, and writes its dirpack.</summary>
    private async Task<Mac> MergeRecordsAsync(
        EntryPath directory, Mac? dirpack, Frame frame, EntryPath[] directories, ChangeCursor changes, CancellationToken cancellationToken)
    {
        frame.HasOwnRecords = true;
        var prefix = TreeKeys.ChangePrefix(directory);
        changes.SkipBefore(prefix);
        using var output = new ObjectAssembler(session, session.Sink.Metadata, ObjectOptions.Default, isListing: true, expectedSize: null);
        if (dirpack is { } old)
        {
            await foreach (var record in basis!.FramesAsync(old, directory, cancellationToken))
            {
                var name = NameOf(record);
                while (changes.TryPeekName(prefix, out var changed) && changed.Span.SequenceCompareTo(name.Span) < 0)
                    await ApplyAsync(null);
                if (changes.TryPeekName(prefix, out var same) && same.Span.SequenceEqual(name.Span))
                    await ApplyAsync(record);
                else
                {
                    await WriteRecordAsync(output, record.IsDirectory, record.Entry, record.EntryId);
                    Count(frame, record.Entry.Span);
                }
            }
        }

        while (changes.TryPeekName(prefix, out _))
            await ApplyAsync(null);
        return (await output.FinishAsync()).Id;

        async ValueTask ApplyAsync(DirpackFrame? replaced)
        {
            var (name, put) = changes.TakeLast(prefix);
            var path = directory.Append(name);
            if (replaced is { } gone)
                Forget(path, gone);
            if (put is not { } entry)
            {
                // A directory below which something is put again has been made anew, which is a later change.
                entries.Remove(TreeKeys.OfPath(path.Bytes));
                return;
            }

            var isDirectory = EntryFacts.Read(entry.Span).IsDirectory;
            if (!isDirectory && Array.BinarySearch(directories, path, TreeKeys.SubtreeOrder) >= 0)
                throw new InvalidOperationException($"{path} is put as a file, and other entries are put below it.");
            var id = await session.StoreByContentAsync(session.Sink.Metadata, BlobType.VfsEntry, entry);
            entries.Put(TreeKeys.OfPath(path.Bytes), id);
            if (!isDirectory)
                types.Put(TreeKeys.OfType(EntryFacts.Read(entry.Span).ContentType, path.Bytes), id);
            await WriteRecordAsync(output, isDirectory, entry, id);
            Count(frame, entry.Span);
        }
    }

    private static ReadOnlyMemory<byte> NameOf(DirpackFrame record)
    {
        try
        {
            return EntryFacts.Read(record.Entry.Span).Name.ToArray();
        }
        catch (MalformedException exception)
        {
            throw RepositoryException.Damaged($"The {BlobReader.Describe(BlobType.VfsEntry, record.EntryId)} is damaged: {exception.Message}.", exception);
        }
    }

    private static void Count(Frame frame, ReadOnlySpan<byte> entry)
    {
        var facts = EntryFacts.Read(entry);
        if (facts.IsDirectory)
        {
            frame.Summary.Directory.Children++;
            frame.Summary.Directory.Directories++;
        }
        else
            SummaryBuilder.AddChild(frame.Summary.Directory, in facts);
    }

    /// <summary>Takes what an entry of the basis has in the other trees out of them.</summary>
    private void Forget(EntryPath path, DirpackFrame record)
    {
        var facts = EntryFacts.Read(record.Entry.Span);
        if (!facts.IsDirectory)
            types.Remove(TreeKeys.OfType(facts.ContentType, path.Bytes));
        attributes.Forget(path, in facts, record.Entry.Span);
    }

    private static async ValueTask WriteRecordAsync(ObjectAssembler output, bool isDirectory, ReadOnlyMemory<byte> entry, Mac id)
    {
        var size = DirpackReader.HeaderSize + entry.Length + Mac.Size;
        var memory = output.GetMemory(size);
        memory.Span[0] = isDirectory ? DirpackReader.DirectoryKind : DirpackReader.OtherKind;
        BinaryPrimitives.WriteInt32LittleEndian(memory.Span[1..], entry.Length + Mac.Size);
        entry.CopyTo(memory[DirpackReader.HeaderSize..]);
        id.CopyTo(memory.Span[(DirpackReader.HeaderSize + entry.Length)..]);
        await output.AdvanceAsync(size);
    }

    private sealed class Frame(EntryPath path)
    {
        public EntryPath Path => path;

        public DirectorySummary Summary { get; set; } = new();

        public bool HasOwnRecords { get; set; }

        public List<(EntryPath Path, DirectorySummary Summary)> Children { get; } = [];
    }
}
