using System.Text;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Access;

/// <summary>
/// Secrets and ConfigMaps as a pod mounts them: `$KLOSET_SECRETS/NAME/KEY`. They are mounted whole and optional, so that a missing one is
/// told here, by name, instead of by a pod that never starts.
/// </summary>
internal sealed class MountedSecrets(string? root)
{
    public byte[] Read(SecretKeyRef reference) =>
        TryRead(reference.Secret, reference.Key)
        ?? throw new WorkerException(ErrorCatalogue.SecretKeyMissing, $"The Secret mounted as '{reference.Secret}' has no key {reference.Key}.");

    public string ReadText(string secret, string key) => Encoding.UTF8.GetString(Read(new(secret, key))).Trim();

    public string? TryReadText(string secret, string key) => TryRead(secret, key) is { } bytes ? Encoding.UTF8.GetString(bytes).Trim() : null;

    private byte[]? TryRead(string secret, string key)
    {
        if (string.IsNullOrEmpty(root))
        {
            throw new WorkerException(ErrorCatalogue.SecretMissing, $"{WorkerEnvironment.Secrets} is not set, so the Secret '{secret}' cannot be found.");
        }

        // An optional Secret that does not exist is mounted as an empty folder; a folder with other keys lacks only this one.
        var folder = Path.Combine(root, secret);
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new WorkerException(ErrorCatalogue.SecretMissing, $"The Secret mounted as '{secret}' does not exist, or is empty; its key {key} is needed.")
            {
                Remedy = $"Create the Secret with the key {key} in the resource's namespace.",
            };
        }

        var file = Path.Combine(folder, key);
        try
        {
            return File.Exists(file) ? File.ReadAllBytes(file) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.SecretMissing, $"The key {key} of the Secret mounted as '{secret}' cannot be read: {exception.Message}", exception);
        }
    }
}
