using System.Runtime.InteropServices;
using Kloset;
using Microsoft.Win32.SafeHandles;

namespace KlosetWorker.Files;

/// <summary>
/// Files under names of any bytes, written as <see cref="LosslessText"/> writes them. .NET replaces what is not UTF-8, so such names reach the system
/// by its own calls; all others go through .NET. Only Linux has such names.
/// </summary>
internal static partial class LosslessFiles
{
    private const int NoEntry = 2;
    private const int NoPermission = 13;

    // The same on x64 and arm64, the architectures that there are images for.
    private const int ReadOnly = 0x80000; // O_CLOEXEC
    private const int WriteNew = 0x80000 | 0x1 | 0x40 | 0x200; // O_CLOEXEC | O_WRONLY | O_CREAT | O_TRUNC
    private const int OffsetOfName = 19; // of d_name in struct dirent64
    private const int CurrentFolder = -100; // AT_FDCWD
    private const long Omitted = (1L << 30) - 2; // UTIME_OMIT

    /// <summary>Whether .NET cannot say this path.</summary>
    public static bool AreNeeded(string path)
    {
        for (var at = path.AsSpan().IndexOfAnyInRange('\uDC80', '\uDCFF'); at >= 0 && at < path.Length; at++)
        {
            if (path[at] is >= '\uDC80' and <= '\uDCFF' && (at == 0 || !char.IsHighSurrogate(path[at - 1])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The names in a folder, in no order.</summary>
    /// <exception cref="IOException">It cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static string[] List(string folder)
    {
        if (!AreNeeded(folder))
        {
            string[] names = [.. Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!)];
            // U+FFFD is a character, too: only the system knows whether it is in the name.
            if (!OperatingSystem.IsLinux() || !names.Any(name => name.Contains('\uFFFD', StringComparison.Ordinal)))
            {
                return names;
            }
        }

        return ListNative(folder);
    }

    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static FileStream OpenRead(string path) => AreNeeded(path)
        ? new FileStream(Open(path, ReadOnly), FileAccess.Read, bufferSize: 0)
        : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);

    /// <summary>Creates or empties a file.</summary>
    public static FileStream Create(string path, long size) => AreNeeded(path)
        ? new FileStream(Open(path, WriteNew), FileAccess.Write, bufferSize: 0)
        : new FileStream(path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, PreallocationSize = size });

    /// <summary>Null when it is no link.</summary>
    public static string? ReadLink(string path)
    {
        if (!AreNeeded(path))
        {
            var target = new FileInfo(path).LinkTarget;
            if (target is null || !OperatingSystem.IsLinux() || !target.Contains('\uFFFD', StringComparison.Ordinal))
            {
                return target;
            }
        }

        var buffer = new byte[4096];
        var length = ReadLink(Native(path), buffer, buffer.Length);
        return length < 0 ? null : LosslessText.Decode(buffer.AsSpan(0, (int)length));
    }

    public static void MakeLink(string path, string target)
    {
        if (!AreNeeded(path) && !AreNeeded(target))
        {
            File.CreateSymbolicLink(path, target);
        }
        else if (SymbolicLink(Native(target), Native(path)) != 0)
        {
            throw Failure(path);
        }
    }

    /// <summary>The time of a link itself; where the system cannot, it stays.</summary>
    public static void SetLinkTime(string path, Timestamp time)
    {
        const int NoFollow = 0x100;
        if (OperatingSystem.IsLinux())
        {
            _ = SetTimes(CurrentFolder, Native(path), [0, Omitted, time.Seconds, time.Nanoseconds], NoFollow);
        }
    }

    /// <summary>Makes one folder; there already is fine.</summary>
    public static void MakeFolder(string path)
    {
        const int Exists = 17;
        if (!AreNeeded(path))
        {
            Directory.CreateDirectory(path);
        }
        else if (MakeDirectory(Native(path), 0x1FF) != 0 && Marshal.GetLastPInvokeError() != Exists)
        {
            throw Failure(path);
        }
    }

    /// <param name="overwrite">A file that is there goes; else the caller has looked that there is none.</param>
    public static void Move(string from, string to, bool overwrite)
    {
        if (!AreNeeded(from) && !AreNeeded(to))
        {
            File.Move(from, to, overwrite);
        }
        else if (Rename(Native(from), Native(to)) != 0)
        {
            throw Failure(to);
        }
    }

    public static void Delete(string path)
    {
        if (!AreNeeded(path))
        {
            File.Delete(path);
        }
        else if (Unlink(Native(path)) != 0 && Marshal.GetLastPInvokeError() != NoEntry)
        {
            throw Failure(path);
        }
    }

    /// <returns>False where the file system, or the system, has none.</returns>
    public static bool TryHardLink(string from, string to) => !OperatingSystem.IsWindows() && Link(Native(from), Native(to)) == 0;

    /// <param name="time">Null leaves it. On Linux to the nanosecond, elsewhere to what .NET can say.</param>
    public static void SetAttributes(string path, UnixFileMode mode, Timestamp? time, bool isFolder)
    {
        if (OperatingSystem.IsLinux())
        {
            if (ChangeMode(Native(path), (uint)mode) != 0
                || (time is { } exact && SetTimes(CurrentFolder, Native(path), [0, Omitted, exact.Seconds, exact.Nanoseconds], 0) != 0))
            {
                throw Failure(path);
            }

            return;
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }

        if (time?.ToDateTimeOffset() is { Year: > 1601 and < 9999 } known)
        {
            if (isFolder)
            {
                Directory.SetLastWriteTimeUtc(path, known.UtcDateTime);
            }
            else
            {
                File.SetLastWriteTimeUtc(path, known.UtcDateTime);
            }
        }
    }

    /// <summary>With the NUL that the system wants.</summary>
    internal static byte[] Native(string path) => [.. LosslessText.Encode(path), 0];

    private static unsafe string[] ListNative(string folder)
    {
        var directory = OpenDirectory(Native(folder));
        if (directory == 0)
        {
            throw Failure(folder);
        }

        try
        {
            var names = new List<string>();
            for (var entry = ReadDirectory(directory); entry != 0; entry = ReadDirectory(directory))
            {
                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)entry + OffsetOfName);
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    names.Add(LosslessText.Decode(name));
                }
            }

            return [.. names];
        }
        finally
        {
            _ = CloseDirectory(directory);
        }
    }

    private static SafeFileHandle Open(string path, int flags)
    {
        var descriptor = Open(Native(path), flags, 0x1B6);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failure(path);
    }

    private static Exception Failure(string path)
    {
        var error = Marshal.GetLastPInvokeError();
        var message = $"{path}: {Marshal.GetPInvokeErrorMessage(error)}";
        return error switch
        {
            NoEntry => new FileNotFoundException(message),
            NoPermission => new UnauthorizedAccessException(message),
            _ => new IOException(message, error),
        };
    }

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeMode(byte[] path, uint mode);

    /// <param name="times">Seconds and nanoseconds of the last access, then of the last change; longs, as 64-bit systems have them.</param>
    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetTimes(int directory, byte[] path, long[] times, int flags);

    [LibraryImport("libc", EntryPoint = "opendir", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint OpenDirectory(byte[] path);

    [LibraryImport("libc", EntryPoint = "readdir", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint ReadDirectory(nint directory);

    [LibraryImport("libc", EntryPoint = "closedir")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseDirectory(nint directory);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(byte[] path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint ReadLink(byte[] path, byte[] buffer, nint length);

    [LibraryImport("libc", EntryPoint = "symlink", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SymbolicLink(byte[] target, byte[] path);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MakeDirectory(byte[] path, int mode);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Rename(byte[] from, byte[] to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Unlink(byte[] path);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(byte[] from, byte[] to);
}
