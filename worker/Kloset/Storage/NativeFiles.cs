using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Kloset.Storage;

/// <summary>Two calls of the operating system that .NET has no name for: flushing a directory, and a link that refuses to overwrite.</summary>
internal static class NativeFiles
{
    private const int ReadOnlyCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC, the same on every Linux
    private const int FileExists = 17;

    /// <summary>Makes renames in this directory durable. Where the system cannot, nothing happens.</summary>
    public static void Flush(string directory)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var descriptor = Open(ToNative(directory), ReadOnlyCloseOnExec, 0);
        if (descriptor < 0)
            throw new IOException($"Cannot open the directory {directory} to flush it: {LastError()}.");
        try
        {
            const int Invalid = 22; // some network file systems cannot flush a directory
            if (Synchronize(descriptor) != 0 && Marshal.GetLastPInvokeError() != Invalid)
                throw new IOException($"Cannot flush the directory {directory}: {LastError()}.");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <returns>False when <paramref name="target"/> exists.</returns>
    public static bool TryLink(string existing, string target)
    {
        if (!OperatingSystem.IsLinux())
        {
            try
            {
                File.Copy(existing, target, overwrite: false);
                return true;
            }
            catch (IOException) when (File.Exists(target))
            {
                return false;
            }
        }

        if (Link(ToNative(existing), ToNative(target)) == 0)
            return true;
        if (Marshal.GetLastPInvokeError() == FileExists)
            return false;
        throw new IOException($"Cannot link {target}: {LastError()}.");
    }

    private static byte[] ToNative(string path) => [.. Encoding.UTF8.GetBytes(path), 0];

    private static string LastError() => new Win32Exception(Marshal.GetLastPInvokeError()).Message;

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags, int mode);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Synchronize(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link(byte[] existing, byte[] target);
}
