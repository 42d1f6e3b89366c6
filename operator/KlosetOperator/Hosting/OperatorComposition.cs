using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;
using KlosetOperator.Backups;
using KlosetOperator.Jobs;
using KlosetOperator.Options;
using KlosetOperator.References;
using KlosetOperator.Repositories;
using KlosetOperator.Restores;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace KlosetOperator.Hosting;

/// <summary>Puts the operator together: caches, indexes, who wakes whom, and the three reconcilers.</summary>
[EntityRbac("batch", "jobs", RbacVerb.Get | RbacVerb.List | RbacVerb.Watch | RbacVerb.Create | RbacVerb.Patch | RbacVerb.Delete)]
[EntityRbac("", "pods", RbacVerb.List | RbacVerb.Watch)]
[EntityRbac("", "pods/log", RbacVerb.Get)]
[EntityRbac("events.k8s.io", "events", RbacVerb.Create | RbacVerb.Patch)]
internal static class OperatorComposition
{
    private const string MetricsPath = "/metrics";

    /// <summary>For a collector the SDK must keep the series, and by its own limit would tell of 2,000 objects only.</summary>
    private static readonly MetricStreamConfiguration WholeFleet = new() { CardinalityLimit = 20_000 };

    /// <summary>The SDK makes room for all series beforehand; the operator's own are of verbs, codes, reasons and controllers.</summary>
    private static readonly MetricStreamConfiguration Few = new() { CardinalityLimit = 500 };

    private const string OurJobs = $"{Labels.ManagedBy}={JobBuilder.ManagedBy}";

    public static OperatorHost Compose(OperatorHostBuilder builder, OperatorOptions options)
    {
        var services = builder.Services;
        services.AddSingleton(options);
        services.AddSingleton(new AdmissionLedger(options.MostJobs));
        services.AddSingleton<AdmissionFeeder>();
        services.AddSingleton<JobBuilder>();
        services.AddSingleton<JobLauncher>();
        services.AddSingleton<ProgressReader>();
        services.AddSingleton<RunCycle>();
        services.AddSingleton<OperatorMetrics>();
        services.AddSingleton<ClusterIdentity>();
        builder.Options.OnSynced = static (provider, stop) => provider.GetRequiredService<ClusterIdentity>().ResolveAsync(stop);
        services.AddSingleton(provider => new ReferencedObjects(
            provider.GetRequiredService<ICache<V1PersistentVolumeClaim>>(),
            options.WatchSecrets ? provider.GetRequiredService<ICache<MetadataOnly<V1Secret>>>() : null,
            provider.GetRequiredService<ICache<MetadataOnly<V1ConfigMap>>>()));
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("kloset-operator"))
            .WithMetrics(metrics => metrics
                .AddMeter(OperatorMetrics.MeterName, "KlosetOperator.Runtime")
                .AddView(instrument => !OperatorMetrics.IsOfObjects(instrument) ? Few : options.SendsTelemetry ? WholeFleet : MetricStreamConfiguration.Drop)
                .AddPrometheusExporter());
        if (options.SendsTelemetry)
        {
            telemetry.WithTracing(traces => traces.AddSource("KlosetOperator.Runtime")).WithLogging().UseOtlpExporter();
        }

        builder.AddInformer<KlosetRepository>(informer => informer
            .WithIndex(Indexes.Reference, Indexes.References)
            .WithIndex(KlosetRepositoryReconciler.IdentityIndex, repository => repository.Status?.RepositoryID is { } id ? [id] : []));
        builder.AddInformer<PhotoBackup>(informer => informer
            .WithIndex(Indexes.Reference, Indexes.References)
            .WithIndex(Indexes.Repository, backup => [$"{backup.Metadata.NamespaceProperty}/{backup.Spec.RepositoryRef.Name}"])
            .WithIndex(PhotoBackupReconciler.AccountIndex, backup => [PhotoBackupReconciler.AccountKey(backup)]));
        builder.AddInformer<PhotoRestore>(informer => informer
            .WithIndex(Indexes.Reference, Indexes.References)
            .WithIndex(Indexes.Repository, restore => restore.Spec.Source.RepositoryRef is { } repository ? [$"{restore.Metadata.NamespaceProperty}/{repository.Name}"] : [])
            .WithIndex(Indexes.Backup, restore => restore.Spec.Source.BackupRef is { } backup ? [$"{restore.Metadata.NamespaceProperty}/{backup.Name}"] : []));
        builder.AddInformer<V1Job>(informer =>
        {
            informer.LabelSelector = OurJobs;
            informer.Transform = CachedJobs.Of;
            informer.WithIndex(
                KlosetRepositoryReconciler.JobRepositoryIndex,
                job => job.Metadata.Annotations?.TryGetValue(Labels.Repository, out var repository) == true ? [repository] : []);
        });
        builder.AddInformer<V1Pod>(informer =>
        {
            informer.LabelSelector = OurJobs;
            informer.Transform = CachedJobs.Of;
        });

        builder.AddInformer<V1PersistentVolumeClaim>(informer => informer.Transform = CachedReferences.Of);
        builder.AddInformer<MetadataOnly<V1ConfigMap>>(informer => informer.Transform = CachedReferences.Of);
        if (options.WatchSecrets)
        {
            builder.AddInformer<MetadataOnly<V1Secret>>(informer => informer.Transform = CachedReferences.Of);
        }

        builder.AddController<KlosetRepository, KlosetRepositoryReconciler>(controller =>
        {
            controller.WithWorkers(2)
                .Owns<V1Job>()
                .Watches<V1Job>((job, _) => job.Metadata.Annotations?.TryGetValue(Labels.Repository, out var repository) == true && repository.Split('/') is [var space, var name]
                    ? [new NamespacedName(space, name)]
                    : [])
                .Watches<V1Pod>((pod, _) => OwnerOf(pod, KlosetRepository.KubeKind))
                .Watches<V1PersistentVolumeClaim>((claim, cache) => Referring(cache, claim.Metadata, ReferenceKind.Claim))
                .Watches<MetadataOnly<V1ConfigMap>>((map, cache) => Referring(cache, map.Metadata, ReferenceKind.ConfigMap))

                // The younger of two with one identity is released when the older goes.
                .Watches<KlosetRepository>((other, cache) => other.Status?.RepositoryID is { } id ? cache.ByIndex(KlosetRepositoryReconciler.IdentityIndex, id).Select(repository => NamespacedName.Of(repository)) : []);
            if (options.WatchSecrets)
            {
                controller.Watches<MetadataOnly<V1Secret>>((secret, cache) => Referring(cache, secret.Metadata, ReferenceKind.Secret));
            }
        });
        builder.AddController<PhotoBackup, PhotoBackupReconciler>(controller =>
        {
            controller.WithWorkers(4)
                .Owns<V1Job>()
                .Watches<V1Pod>((pod, _) => OwnerOf(pod, PhotoBackup.KubeKind))
                .Watches<KlosetRepository>((repository, cache) => cache.ByIndex(Indexes.Repository, NamespacedName.Of(repository).ToString()).Select(backup => NamespacedName.Of(backup)), Usability)
                .Watches<V1PersistentVolumeClaim>((claim, cache) => Referring(cache, claim.Metadata, ReferenceKind.Claim))
                .Watches<MetadataOnly<V1ConfigMap>>((map, cache) => Referring(cache, map.Metadata, ReferenceKind.ConfigMap))
                .Watches<PhotoBackup>(
                    (other, cache) => cache.ByIndex(PhotoBackupReconciler.AccountIndex, PhotoBackupReconciler.AccountKey(other)).Select(backup => NamespacedName.Of(backup)),
                    change => change is not CacheEvent<PhotoBackup>.Updated updated || updated.Old.Metadata.Generation != updated.Current.Metadata.Generation);
            if (options.WatchSecrets)
            {
                controller.Watches<MetadataOnly<V1Secret>>((secret, cache) => Referring(cache, secret.Metadata, ReferenceKind.Secret));
            }
        });
        builder.AddController<PhotoRestore, PhotoRestoreReconciler>(controller =>
        {
            controller.WithWorkers(2)
                .Owns<V1Job>()
                .Watches<V1Pod>((pod, _) => OwnerOf(pod, PhotoRestore.KubeKind))
                .Watches<KlosetRepository>((repository, cache) => cache.List(repository.Metadata.NamespaceProperty).Select(restore => NamespacedName.Of(restore)), Usability)
                .Watches<PhotoBackup>(
                    (backup, cache) => cache.ByIndex(Indexes.Backup, NamespacedName.Of(backup).ToString()).Select(restore => NamespacedName.Of(restore)),
                    change => change is not CacheEvent<PhotoBackup>.Updated updated || PhotoRestoreReconciler.NewestSnapshot(updated.Old) != PhotoRestoreReconciler.NewestSnapshot(updated.Current))
                .Watches<V1PersistentVolumeClaim>((claim, cache) => Referring(cache, claim.Metadata, ReferenceKind.Claim))
                .Watches<MetadataOnly<V1ConfigMap>>((map, cache) => Referring(cache, map.Metadata, ReferenceKind.ConfigMap));
            if (options.WatchSecrets)
            {
                controller.Watches<MetadataOnly<V1Secret>>((secret, cache) => Referring(cache, secret.Metadata, ReferenceKind.Secret));
            }
        });
        builder.ConfigureHttp(app =>
        {
            if (!options.SendsTelemetry)
            {
                app.Use(TellOfObjectsAsync);
            }

            app.MapPrometheusScrapingEndpoint(MetricsPath);
        });

        var host = builder.Build();

        // Both listen from the first list on: the ledger must know every Job before anything is admitted.
        _ = host.Services.GetRequiredService<AdmissionFeeder>();
        _ = host.Services.GetRequiredService<OperatorMetrics>();
        return host;
    }

    /// <summary>Puts the gauges of objects behind what the SDK tells.</summary>
    private static async Task TellOfObjectsAsync(HttpContext context, RequestDelegate next)
    {
        var isScrape = context.Request.Path == MetricsPath;
        if (isScrape)
        {
            // The one format that has no end mark, so that more can follow.
            context.Request.Headers.Accept = "text/plain";
        }

        await next(context).ConfigureAwait(false);
        if (isScrape && context.Response.StatusCode == StatusCodes.Status200OK)
        {
            var gauges = context.RequestServices.GetRequiredService<OperatorMetrics>().Gauges;
            await PrometheusText.WriteAsync(gauges, context.Response.BodyWriter, context.RequestAborted).ConfigureAwait(false);
        }
    }

    /// <summary>Users of a repository look again when it became usable or stopped to be, not at every count.</summary>
    private static bool Usability(CacheEvent<KlosetRepository> change) =>
        change is not CacheEvent<KlosetRepository>.Updated updated
        || updated.Old.Metadata.Generation != updated.Current.Metadata.Generation
        || Ready(updated.Old) != Ready(updated.Current);

    private static (string?, string?) Ready(KlosetRepository repository) =>
        repository.Status?.Conditions?.FirstOrDefault(condition => condition.Type == ConditionTypes.Ready) is { } ready ? (ready.Status, ready.Reason) : (null, null);

    private static IEnumerable<NamespacedName> OwnerOf(V1Pod pod, string kind) =>
        pod.Metadata.Annotations?.TryGetValue(JobBuilder.OwnerAnnotation, out var owner) == true && owner.Split('/') is [var ownerKind, var name] && ownerKind == kind
            ? [new NamespacedName(pod.Metadata.NamespaceProperty, name)]
            : [];

    private static IEnumerable<NamespacedName> Referring<T>(ICache<T> cache, V1ObjectMeta metadata, ReferenceKind kind)
        where T : k8s.IKubernetesObject<V1ObjectMeta> =>
        cache.ByIndex(Indexes.Reference, Indexes.Of(metadata, new Reference(kind, metadata.Name))).Select(entity => NamespacedName.Of(entity));
}
