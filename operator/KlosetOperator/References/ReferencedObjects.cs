using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;

namespace KlosetOperator.References;

/// <summary>A Secret, ConfigMap or claim that an object uses, in its own namespace.</summary>
internal readonly record struct Reference(ReferenceKind Kind, string Name);

internal enum ReferenceKind
{
    Secret,
    ConfigMap,
    Claim,
}

/// <param name="Missing">The first that is not there; null when all are.</param>
/// <param name="Hash">Over the resource versions of Secrets and ConfigMaps: a change of it may end a stall.</param>
internal sealed record ReferenceState(Reference? Missing, string Hash)
{
    public static readonly ReferenceState Empty = new(null, "");

    public string Reason => Missing?.Kind switch
    {
        ReferenceKind.Secret => Reasons.SecretMissing,
        ReferenceKind.ConfigMap => Reasons.ConfigMapMissing,
        _ => Reasons.ClaimMissing,
    };

    public string Message => Missing is { } missing
        ? $"{(missing.Kind == ReferenceKind.Claim ? "PersistentVolumeClaim" : missing.Kind.ToString())} '{missing.Name}' is not in this namespace. Create it, or correct its name."
        : "";
}

/// <summary>Which objects our kinds refer to. Pure.</summary>
internal static class ReferencesOf
{
    public static IEnumerable<Reference> Repository(KlosetRepositorySpec spec) =>
    [
        .. Backend(spec.Backend),
        .. spec.Encryption.PassphraseSecretRef is { } passphrase ? [Secret(passphrase.Name)] : Array.Empty<Reference>(),
        .. spec.Maintenance?.CredentialsSecretRef is { } admin ? [Secret(admin.Name)] : Array.Empty<Reference>(),
    ];

    public static IEnumerable<Reference> Backup(PhotoBackupSpec spec) =>
    [
        .. (spec.Source.Takeout?.Locations ?? []).SelectMany(Location),
        .. spec.Source.Library is { } library ? [Secret(library.CredentialsSecretRef.Name)] : Array.Empty<Reference>(),
        .. spec.Source.Picker is { } picker ? [Secret(picker.CredentialsSecretRef.Name)] : Array.Empty<Reference>(),
        .. spec.Job?.Cache?.VolumeClaimName is { } cache ? [new(ReferenceKind.Claim, cache)] : Array.Empty<Reference>(),
    ];

    public static IEnumerable<Reference> Restore(PhotoRestoreSpec spec) =>
    [
        .. spec.Target.Volume is { } volume ? [new(ReferenceKind.Claim, volume.ClaimName)] : Array.Empty<Reference>(),
        .. spec.Target.S3 is { } s3 ? S3(s3) : [],
        .. spec.Target.GooglePhotos is { } google ? [Secret(google.Account.CredentialsSecretRef.Name)] : Array.Empty<Reference>(),
    ];

    /// <summary>Secrets with a grant for Google.</summary>
    public static IEnumerable<string> GoogleSecrets(PhotoBackupSpec spec) =>
        new[] { spec.Source.Library?.CredentialsSecretRef.Name, spec.Source.Picker?.CredentialsSecretRef.Name }
            .Concat((spec.Source.Takeout?.Locations ?? []).Select(location => location.GoogleDrive?.CredentialsSecretRef.Name))
            .OfType<string>();

    private static IEnumerable<Reference> Backend(RepositoryBackend backend) =>
    [
        .. backend.S3 is { } s3 ? S3(s3) : [],
        .. backend.Volume is { } volume ? [new(ReferenceKind.Claim, volume.ClaimName)] : Array.Empty<Reference>(),
    ];

    private static IEnumerable<Reference> Location(TakeoutLocation location) =>
    [
        .. location.S3 is { } s3 ? S3(s3) : [],
        .. location.Volume is { } volume ? [new(ReferenceKind.Claim, volume.ClaimName)] : Array.Empty<Reference>(),
        .. location.GoogleDrive is { } drive ? [Secret(drive.CredentialsSecretRef.Name)] : Array.Empty<Reference>(),
    ];

    private static IEnumerable<Reference> S3(S3Location s3) =>
    [
        .. s3.CredentialsSecretRef is { } credentials ? [Secret(credentials.Name)] : Array.Empty<Reference>(),
        .. s3.ServerSideEncryption?.CustomerKeySecretRef is { } key ? [Secret(key.Name)] : Array.Empty<Reference>(),
        .. s3.CaBundleRef is { } ca ? [new(ReferenceKind.ConfigMap, ca.Name)] : Array.Empty<Reference>(),
    ];

    private static Reference Secret(string name) => new(ReferenceKind.Secret, name);
}

/// <summary>
/// Looks references up in the caches, which hold metadata only. Where Secrets are not watched, none is called missing: the
/// worker says so then.
/// </summary>
internal sealed class ReferencedObjects(
    ICache<V1PersistentVolumeClaim> claims, ICache<MetadataOnly<V1Secret>>? secrets, ICache<MetadataOnly<V1ConfigMap>> configMaps)
{
    public ReferenceState Look(string @namespace, IEnumerable<Reference> references)
    {
        Reference? missing = null;
        var versions = new StringBuilder();
        foreach (var reference in references.Distinct().OrderBy(reference => reference.Kind).ThenBy(reference => reference.Name, StringComparer.Ordinal))
        {
            var metadata = Metadata(@namespace, reference);
            if (metadata is null && !(reference.Kind == ReferenceKind.Secret && secrets is null))
            {
                missing ??= reference;
            }

            if (reference.Kind != ReferenceKind.Claim)
            {
                versions.Append(reference.Kind).Append('/').Append(reference.Name).Append('@').Append(metadata?.ResourceVersion).Append('\n');
            }
        }

        return new(missing, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(versions.ToString())).AsSpan(0, 8)));
    }

    /// <summary>When the first of the grants that a backup uses ends, as far as the annotations of their Secrets say.</summary>
    public DateTimeOffset? GrantEnds(PhotoBackup backup) => ReferencesOf.GoogleSecrets(backup.Spec)
        .Select(name => secrets?.Get(new NamespacedName(backup.Metadata.NamespaceProperty, name))?.Metadata.Annotations)
        .Select(annotations => annotations?.TryGetValue(Annotations.CredentialsExpire, out var text) == true
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end)
                ? end
                : (DateTimeOffset?)null)
        .Min();

    /// <summary>The quota that the first of these Secrets uses up, as `namespace/name`; null without Secrets.</summary>
    public string? QuotaGroup(string @namespace, IEnumerable<string> googleSecrets) => googleSecrets
        .Select(name => secrets?.Get(new NamespacedName(@namespace, name))?.Metadata.Annotations?.TryGetValue(Annotations.QuotaGroup, out var group) == true ? group : name)
        .Select(group => $"{@namespace}/{group}")
        .FirstOrDefault();

    /// <summary>Whether many pods may write to the claim at the same time.</summary>
    public bool IsShared(string @namespace, string claim) =>
        claims.Get(new NamespacedName(@namespace, claim))?.Spec?.AccessModes?.Contains("ReadWriteMany") ?? false;

    private V1ObjectMeta? Metadata(string @namespace, Reference reference)
    {
        var key = new NamespacedName(@namespace, reference.Name);
        return reference.Kind switch
        {
            ReferenceKind.Secret => secrets?.Get(key)?.Metadata,
            ReferenceKind.ConfigMap => configMaps.Get(key)?.Metadata,
            _ => claims.Get(key)?.Metadata,
        };
    }
}
