using Microsoft.Win32.SafeHandles;

namespace Kloset;

/// <summary>Files that nobody else reads and that are gone when they are closed, however the process ends.</summary>
internal static class TemporaryFile
{
    public static SafeFileHandle Create(string folder, string purpose)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"kloset-{purpose}-{Guid.CreateVersion7():N}");
        // Where a name can go before its file does, it goes at once: nothing is left behind by a kill.
        var options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None;
        var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, options);
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return file;
    }
}
