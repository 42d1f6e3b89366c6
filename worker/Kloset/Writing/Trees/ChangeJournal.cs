using System.Buffers.Binary;
using Kloset.Msgpack;
using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>
/// Takes changes in any order and gives them back by path: fewer slashes first, so that the changes of one directory stand together and after
/// those of its ancestors. Also knows which directories the changes need, and which errors they bring.
/// </summary>
internal sealed class ChangeJournal(string folder, int bufferBytes) : IDisposable
{
    private const string NotRegular = "application/x-not-regular-file";
    private const uint DefaultDirectoryMode = 0x1E8; // 0750, which the reference gives to directories that it makes up

    private readonly ExternalSorter _sorter = new(PathOrder.ByDepth, folder, bufferBytes);
    private readonly MsgpackWriter _encoder = new();
    private readonly HashSet<EntryPath> _needed = [];
    private long _sequence;

    /// <summary>Paths that could not be read, but for those that were put or removed later.</summary>
    public Dictionary<EntryPath, string> Errors { get; } = [];

    /// <summary>Paths that were removed, files or directories.</summary>
    public HashSet<EntryPath> Removed { get; } = [];

    /// <summary>All ancestors of what was put.</summary>
    public IReadOnlySet<EntryPath> NeededDirectories => _needed;

    public void Add(TreeChange change)
    {
        switch (change)
        {
            case PutFile file:
                AddEntry(file.Path, FileEntry(file), file.ExtendedAttributes);
                break;
            case PutDirectory directory:
                AddEntry(directory.Path, DirectoryEntry(directory), []);
                break;
            case PutSymlink link:
                AddEntry(link.Path, SymlinkEntry(link), []);
                break;
            case PutEntry copy:
                // the names of attributes mean nothing without their values, which stay with the original
                AddEntry(copy.Path, Named(copy.Entry with { ExtendedAttributes = null, Summary = null }, copy.Path), []);
                break;
            case Remove removal:
                if (removal.Path.IsRoot)
                    throw new InvalidOperationException("The root of a tree cannot be removed.");
                Removed.Add(removal.Path);
                Errors.Remove(removal.Path);
                _sorter.Add(removal.Path.Bytes, _sequence++, []);
                break;
            case PutError error:
                Errors[error.Path] = error.Message;
                break;
            default:
                throw new InvalidOperationException($"{change.GetType().Name} is no change that a tree knows.");
        }
    }

    /// <summary>Makes a directory that nothing else puts; every other word on the path wins.</summary>
    public void AddMissingDirectory(EntryPath path)
    {
        var entry = DirectoryEntry(new PutDirectory(path, DefaultDirectoryMode, Timestamp.UnixEpoch));
        // after a removal of the old directory the new one is the last word
        Write(path, entry, [], Removed.Contains(path) ? long.MaxValue : -1);
    }

    /// <summary>The last word on each path, in path order. To be called once.</summary>
    public IEnumerable<SortedChange> Sort()
    {
        SortedChange? pending = null;
        foreach (var record in _sorter.Sort())
        {
            if (pending is { } last && !last.Path.Bytes.SequenceEqual(record.Key.Span))
                yield return last;
            pending = Decode(record);
        }

        if (pending is { } final)
            yield return final;
    }

    public void Dispose() => _sorter.Dispose();

    private static Entry Named(Entry entry, EntryPath path) => entry with { ParentPath = path.Parent, Name = path.Name };

    private static Entry FileEntry(PutFile file) => new()
    {
        Name = file.Path.Name,
        ParentPath = file.Path.Parent,
        Size = file.Object.Size,
        Mode = file.Mode & (GoFileMode.Permissions | GoFileMode.SetUserId | GoFileMode.SetGroupId | GoFileMode.Sticky),
        ModTime = file.ModTime,
        UserId = file.UserId,
        GroupId = file.GroupId,
        UserName = file.UserName,
        GroupName = file.GroupName,
        LinkCount = 1, // more would be restored as a hard link of (0, 0)
        Object = file.Object.Id,
        ContentType = file.Object.ContentType,
        Entropy = file.Object.Entropy,
        Chunks = (ulong)file.Object.Chunks,
        ExtendedAttributes = file.ExtendedAttributes.Count == 0
            ? null
            : [.. file.ExtendedAttributes.Select(attribute => attribute.Key).Order(StringComparer.Ordinal)],
    };

    private static Entry DirectoryEntry(PutDirectory directory) => new()
    {
        Name = directory.Path.IsRoot ? "/" : directory.Path.Name,
        ParentPath = directory.Path.Parent,
        Mode = GoFileMode.Directory | (directory.Mode & (GoFileMode.Permissions | GoFileMode.SetUserId | GoFileMode.SetGroupId | GoFileMode.Sticky)),
        ModTime = directory.ModTime,
        UserId = directory.UserId,
        GroupId = directory.GroupId,
        UserName = directory.UserName,
        GroupName = directory.GroupName,
        LinkCount = 1,
    };

    private static Entry SymlinkEntry(PutSymlink link) => new()
    {
        Name = link.Path.Name,
        ParentPath = link.Path.Parent,
        Size = LosslessText.Encode(link.Target).Length,
        Mode = GoFileMode.Symlink | 0x1FF,
        ModTime = link.ModTime,
        UserId = link.UserId,
        GroupId = link.GroupId,
        UserName = link.UserName,
        GroupName = link.GroupName,
        LinkCount = 1,
        SymlinkTarget = link.Target,
        ContentType = NotRegular,
    };

    private void AddEntry(EntryPath path, Entry entry, IReadOnlyList<KeyValuePair<string, StoredObject>> attributes)
    {
        if (path.IsRoot && entry.Kind != EntryKind.Directory)
            throw new InvalidOperationException("The root of a tree is a directory.");
        Errors.Remove(path);
        if (!path.IsRoot)
        {
            for (var parent = path.Parent; _needed.Add(parent) && !parent.IsRoot;)
                parent = parent.Parent;
        }

        Write(path, entry, attributes, _sequence++);
    }

    // Payload: u32 length of the entry, the entry, then for each attribute: i64 size, MAC, u32 length of the name, the name.
    private void Write(EntryPath path, Entry entry, IReadOnlyList<KeyValuePair<string, StoredObject>> attributes, long sequence)
    {
        _encoder.Reset();
        EntryCodec.Write(_encoder, entry);
        using var payload = new PooledBuffer();
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(number, _encoder.Length);
        payload.Write(number[..4]);
        payload.Write(_encoder.Written);
        foreach (var (name, value) in attributes)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, value.Size);
            payload.Write(number);
            payload.Write(Mac.BytesOf(value.Id));
            var text = LosslessText.Encode(name);
            BinaryPrimitives.WriteInt32LittleEndian(number, text.Length);
            payload.Write(number[..4]);
            payload.Write(text);
        }

        _sorter.Add(path.Bytes, sequence, payload.Span);
    }

    private static SortedChange Decode(SortedRecord record)
    {
        var path = EntryPath.FromBytes(record.Key.Span);
        if (record.Payload.IsEmpty)
            return new SortedChange(path, null, []);
        var payload = record.Payload.Span;
        var length = BinaryPrimitives.ReadInt32LittleEndian(payload);
        var entry = payload.Slice(4, length).ToArray();
        payload = payload[(4 + length)..];
        var attributes = new List<ExtendedAttribute>();
        while (!payload.IsEmpty)
        {
            var size = BinaryPrimitives.ReadInt64LittleEndian(payload);
            var id = new Mac(payload.Slice(8, Mac.Size));
            var nameLength = BinaryPrimitives.ReadInt32LittleEndian(payload[(8 + Mac.Size)..]);
            attributes.Add(new ExtendedAttribute(path, LosslessText.Decode(payload.Slice(12 + Mac.Size, nameLength)), size, 0, id));
            payload = payload[(12 + Mac.Size + nameLength)..];
        }

        return new SortedChange(path, entry, attributes);
    }
}

/// <param name="Entry">The serialised entry to put; null removes the path.</param>
internal readonly record struct SortedChange(EntryPath Path, byte[]? Entry, IReadOnlyList<ExtendedAttribute> Attributes);
