using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.References;

namespace KlosetOperator.Hosting;

/// <summary>Names of indexes over our kinds, and their values: which objects refer to what.</summary>
internal static class Indexes
{
    /// <summary>`namespace/name` of the KlosetRepository.</summary>
    public const string Repository = "repository";

    /// <summary>`namespace/name` of the PhotoBackup.</summary>
    public const string Backup = "backup";

    /// <summary>`Kind/namespace/name` of a Secret, ConfigMap or claim.</summary>
    public const string Reference = "reference";

    public static string Of(V1ObjectMeta metadata, Reference reference) => $"{reference.Kind}/{metadata.NamespaceProperty}/{reference.Name}";

    public static IEnumerable<string> References(KlosetRepository repository) =>
        ReferencesOf.Repository(repository.Spec).Select(reference => Of(repository.Metadata, reference));

    public static IEnumerable<string> References(PhotoBackup backup) =>
        ReferencesOf.Backup(backup.Spec).Select(reference => Of(backup.Metadata, reference));

    public static IEnumerable<string> References(PhotoRestore restore) =>
        ReferencesOf.Restore(restore.Spec).Select(reference => Of(restore.Metadata, reference));
}
