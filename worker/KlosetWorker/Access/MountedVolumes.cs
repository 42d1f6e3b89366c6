using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Access;

/// <summary>Claims as a pod mounts them: `$KLOSET_SOURCE/NAME/PATH`.</summary>
internal sealed class MountedVolumes(string? root)
{
    /// <summary>The folder of a volume; what is below <see cref="RunVolume.Path"/> need not exist.</summary>
    public string Resolve(RunVolume volume)
    {
        if (string.IsNullOrEmpty(root))
        {
            throw new WorkerException(ErrorCatalogue.SourceNotFound, $"{WorkerEnvironment.Source} is not set, so the volume '{volume.Name}' cannot be found.");
        }

        var mount = Path.Combine(root, volume.Name);
        if (!Directory.Exists(mount))
        {
            throw new WorkerException(ErrorCatalogue.SourceNotFound, $"The volume '{volume.Name}' is not mounted.");
        }

        return Path.Combine(mount, volume.Path.Trim('/'));
    }
}
