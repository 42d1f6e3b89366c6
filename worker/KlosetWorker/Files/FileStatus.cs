using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kloset;
using Kloset.Snapshots;

namespace KlosetWorker.Files;

/// <summary>What the file system says about a name, links not followed.</summary>
/// <param name="Mode"><see cref="GoFileMode"/> bits.</param>
internal readonly partial record struct FileStatus(EntryKind Kind, uint Mode, long Size, Timestamp ModTime, ulong UserId, ulong GroupId)
{
    /// <exception cref="IOException">The name is not there, or may not be looked at.</exception>
    public static FileStatus Of(string path) => OperatingSystem.IsLinux() ? Statx.Of(path) : OfFileInfo(path);

    /// <summary>What .NET can tell anywhere: no owners, times to 100 ns.</summary>
    private static FileStatus OfFileInfo(string path)
    {
        var attributes = File.GetAttributes(path);
        var info = (attributes & FileAttributes.Directory) != 0 ? (FileSystemInfo)new DirectoryInfo(path) : new FileInfo(path);
        var kind = info.LinkTarget is not null ? EntryKind.Symlink
            : (attributes & FileAttributes.Directory) != 0 ? EntryKind.Directory
            : (attributes & FileAttributes.Device) != 0 ? EntryKind.Device
            : EntryKind.File;
        var permissions = OperatingSystem.IsWindows() ? 0x1A4u : (uint)info.UnixFileMode & GoFileMode.Permissions;
        var bit = kind switch { EntryKind.Directory => GoFileMode.Directory, EntryKind.Symlink => GoFileMode.Symlink, EntryKind.Device => GoFileMode.Device, _ => 0u };
        return new(kind, permissions | bit, info is FileInfo file && kind == EntryKind.File ? file.Length : 0, Timestamp.From(info.LastWriteTimeUtc), 0, 0);
    }

    /// <summary>statx(2), whose layout is the same on every architecture, unlike that of stat(2).</summary>
    private static partial class Statx
    {
        private const int AtCurrentFolder = -100;
        private const int NoFollow = 0x100;
        private const uint BasicStats = 0x7FF;

        public static unsafe FileStatus Of(string path)
        {
            Span<byte> buffer = stackalloc byte[256];
            int result;
            fixed (byte* pointer = buffer)
            {
                result = Call(AtCurrentFolder, LosslessFiles.Native(path), NoFollow, BasicStats, pointer);
            }

            if (result != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                var message = $"{path}: {Marshal.GetPInvokeErrorMessage(error)}";
                throw error == 2 ? new FileNotFoundException(message) : new IOException(message, error);
            }

            var mode = BinaryPrimitives.ReadUInt16LittleEndian(buffer[28..]);
            var (kind, bits) = (mode & 0xF000) switch
            {
                0x8000 => (EntryKind.File, 0u),
                0x4000 => (EntryKind.Directory, GoFileMode.Directory),
                0xA000 => (EntryKind.Symlink, GoFileMode.Symlink),
                0x6000 => (EntryKind.Device, GoFileMode.Device),
                0x2000 => (EntryKind.Device, GoFileMode.Device | GoFileMode.CharacterDevice),
                0x1000 => (EntryKind.Pipe, GoFileMode.NamedPipe),
                0xC000 => (EntryKind.Socket, GoFileMode.Socket),
                _ => (EntryKind.Irregular, GoFileMode.Irregular),
            };
            bits |= mode & GoFileMode.Permissions;
            bits |= (mode & 0x800) != 0 ? GoFileMode.SetUserId : 0;
            bits |= (mode & 0x400) != 0 ? GoFileMode.SetGroupId : 0;
            bits |= (mode & 0x200) != 0 ? GoFileMode.Sticky : 0;
            return new(
                kind,
                bits,
                (long)BinaryPrimitives.ReadUInt64LittleEndian(buffer[40..]),
                new Timestamp(BinaryPrimitives.ReadInt64LittleEndian(buffer[112..]), (int)BinaryPrimitives.ReadUInt32LittleEndian(buffer[120..])),
                BinaryPrimitives.ReadUInt32LittleEndian(buffer[20..]),
                BinaryPrimitives.ReadUInt32LittleEndian(buffer[24..]));
        }

        [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32 | DllImportSearchPath.SafeDirectories)]
        private static unsafe partial int Call(int directory, byte[] path, int flags, uint mask, byte* buffer);
    }

    /// <summary>Order of names as the tree has them: by bytes.</summary>
    public static int CompareNames(string left, string right)
    {
        // UTF-16 order differs from byte order only where surrogates meet something else, be it half a character or a byte that is none.
        var length = Math.Min(left.Length, right.Length);
        for (var i = 0; i < length; i++)
        {
            if (left[i] != right[i])
            {
                return char.IsSurrogate(left[i]) || char.IsSurrogate(right[i])
                    ? LosslessText.Encode(left).AsSpan().SequenceCompareTo(LosslessText.Encode(right))
                    : left[i].CompareTo(right[i]);
            }
        }

        return left.Length.CompareTo(right.Length);
    }
}
