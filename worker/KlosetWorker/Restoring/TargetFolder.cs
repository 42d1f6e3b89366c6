using System.Collections.Concurrent;
using Kloset;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Files;

namespace KlosetWorker.Restoring;

/// <summary>The folder that is restored into. Nothing is written outside of it, and never through a symbolic link that lies in it.</summary>
internal sealed class TargetFolder
{
    private readonly ConcurrentDictionary<string, bool> _made = new(StringComparer.Ordinal);

    public TargetFolder(string root)
    {
        Root = Path.GetFullPath(root);
        try
        {
            Directory.CreateDirectory(Root);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.TargetUnusable, $"{Root} cannot be made: {exception.Message}", exception);
        }
    }

    public string Root { get; }

    /// <summary>The place of a path below the root, of names as the snapshot has them. Elsewhere than on Linux, bytes that are no text become %XX.</summary>
    public string Place(ReadOnlySpan<byte> relative)
    {
        var path = OperatingSystem.IsLinux() ? LosslessText.Decode(relative) : PlaceNames.Of(relative);
        return path.Length == 0 ? Root : Root + "/" + path;
    }

    /// <summary>Makes the folder of a file, name by name, and refuses to pass a link.</summary>
    public void MakeFolder(string folder)
    {
        if (_made.ContainsKey(folder) || folder.Length <= Root.Length)
        {
            return;
        }

        MakeFolder(Path.GetDirectoryName(folder)!);
        if (LosslessFiles.ReadLink(folder) is not null)
        {
            throw new IOException($"{folder} is a symbolic link, and nothing is restored through links");
        }

        LosslessFiles.MakeFolder(folder);
        _made[folder] = true;
    }
}
