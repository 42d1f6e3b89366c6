using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>The entry that a change puts.</summary>
internal static class ChangedEntry
{
    private const uint SynthesisedMode = GoFileMode.Directory | 0x1E8; // 0750, as the reference gives to directories that it makes up

    public static Entry Of(TreeChange change)
    {
        const uint SpecialBits = GoFileMode.SetUserId | GoFileMode.SetGroupId | GoFileMode.Sticky | GoFileMode.Permissions;
        var entry = new Entry { Name = change.Path.Name, ParentPath = change.Path.Parent, LinkCount = 1 };
        switch (change)
        {
            case PutFile file:
                return entry with
                {
                    Size = file.Object.Size,
                    Mode = file.Mode & SpecialBits,
                    ModTime = file.ModTime,
                    UserId = file.UserId,
                    GroupId = file.GroupId,
                    UserName = file.UserName,
                    GroupName = file.GroupName,
                    Object = file.Object.Id,
                    ContentType = file.Object.ContentType,
                    Entropy = file.Object.Entropy,
                    Chunks = (ulong)file.Object.Chunks,
                    ExtendedAttributes = file.ExtendedAttributes.Count == 0
                        ? null
                        : [.. file.ExtendedAttributes.Select(a => a.Key).OrderBy(n => LosslessText.Encode(n), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))],
                };
            case PutDirectory directory:
                return entry with
                {
                    Mode = GoFileMode.Directory | (directory.Mode & SpecialBits),
                    ModTime = directory.ModTime,
                    UserId = directory.UserId,
                    GroupId = directory.GroupId,
                    UserName = directory.UserName,
                    GroupName = directory.GroupName,
                };
            case PutSymlink link:
                return entry with
                {
                    Mode = GoFileMode.Symlink | 0x1FF,
                    Size = LosslessText.Encode(link.Target).Length,
                    ModTime = link.ModTime,
                    SymlinkTarget = link.Target,
                    ContentType = ContentTypes.NotRegular,
                    UserId = link.UserId,
                    GroupId = link.GroupId,
                    UserName = link.UserName,
                    GroupName = link.GroupName,
                };
            case PutEntry put:
                return put.Entry with { Name = entry.Name, ParentPath = entry.ParentPath };
            default:
                throw new ArgumentException($"A change of kind {change.GetType().Name} is not known.");
        }
    }

    /// <summary>A directory that nobody put, and that something is put below.</summary>
    public static Entry Synthesised(EntryPath path) => new()
    {
        Name = path.Name,
        ParentPath = path.Parent,
        Mode = SynthesisedMode,
        ModTime = Timestamp.UnixEpoch,
    };
}
