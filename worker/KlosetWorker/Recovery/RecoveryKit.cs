using Kloset.Repositories;
using Kloset.Storage;
using KlosetWorker.Access;
using KlosetWorker.Output;

namespace KlosetWorker.Recovery;

/// <summary>What a person needs besides the passphrase, the keys of the bucket and one of two programs. Holds no secret.</summary>
internal static class RecoveryKit
{
    public static RecoveryKitOutput Describe(Repository repository, IStore store, StoreSettings settings)
    {
        var location = store.Location;
        var encrypted = repository.Configuration.Encryption is not null;
        var s3 = location.StartsWith("s3:", StringComparison.Ordinal);
        return new RecoveryKitOutput(
            location, repository.Id, repository.Configuration.Timestamp.ToDateTimeOffset(), encrypted, repository.KeyFingerprint,
            [.. Kloset(location, encrypted, s3, settings)], [.. Plakar(location, encrypted, s3, settings)]);
    }

    private static IEnumerable<string> Kloset(string location, bool encrypted, bool s3, StoreSettings settings)
    {
        if (encrypted)
        {
            yield return "export KLOSET_PASSPHRASE_FILE=passphrase";
        }

        var options = "";
        if (s3)
        {
            yield return "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…";
            options = S3Options(settings);
        }

        yield return $"export KLOSET_REPOSITORY={Quote(location)}";
        yield return $"kloset info{options}";
        yield return $"kloset snapshots{options}";
        yield return $"kloset check --full{options}";
        yield return $"kloset restore latest --to ./restored{options}";
    }

    private static IEnumerable<string> Plakar(string location, bool encrypted, bool s3, StoreSettings settings)
    {
        if (encrypted)
        {
            yield return "export PLAKAR_PASSPHRASE=\"$(cat passphrase)\"";
        }

        var store = Quote(location);
        if (s3)
        {
            var options = IsPlain(settings) ? "use_tls=false" : "use_tls=true";
            if (settings.S3VirtualHost)
            {
                options += " virtual_host=true";
            }

            if (settings.S3Region is { } region)
            {
                options += $" region={region}";
            }

            yield return "plakar pkg add s3";
            yield return $"plakar store add recovery {store} access_key=… secret_access_key=… {options}";
            store = "@recovery";
        }

        yield return $"plakar at {store} ls";
        yield return $"plakar at {store} check";
        yield return $"plakar at {store} restore -to ./restored SNAPSHOT";
    }

    private static string S3Options(StoreSettings settings)
    {
        var options = "";
        // The location names the host already; only a plain connection has to be asked for.
        if (IsPlain(settings))
        {
            options += $" --s3-endpoint {Quote(settings.S3Endpoint ?? "http://" + settings.Location[(settings.Location.IndexOf("://", StringComparison.Ordinal) + 3)..].Split('/')[0])}";
        }

        if (settings.S3Region is { } region)
        {
            options += $" --s3-region {Quote(region)}";
        }

        if (settings.S3VirtualHost)
        {
            options += " --s3-virtual-host";
        }

        if (settings.S3CaFile is not null)
        {
            options += " --s3-ca-file ca.crt";
        }

        return settings.S3CustomerKeyFile is null ? options : options + " --s3-sse-c-key-file sse-c.key";
    }

    private static bool IsPlain(StoreSettings settings) =>
        settings.S3Endpoint is { } endpoint ? endpoint.StartsWith("http:", StringComparison.OrdinalIgnoreCase)
            : settings.Location.StartsWith("s3+http:", StringComparison.OrdinalIgnoreCase);

    /// <summary>For a POSIX shell.</summary>
    private static string Quote(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || "/:._-@+=,%".Contains(c, StringComparison.Ordinal)) ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
