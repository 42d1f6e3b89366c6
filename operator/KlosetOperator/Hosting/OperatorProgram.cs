using System.Collections;
using k8s;
using k8s.Exceptions;
using KlosetOperator.Api.Schema;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Hosting;
using KlosetOperator.Runtime.Leader;
using Microsoft.Extensions.Logging.Console;

namespace KlosetOperator.Hosting;

/// <summary>From settings to a running operator.</summary>
[EntityRbac("", "namespaces", RbacVerb.Get, ResourceNames = ["kube-system"])]
[EntityRbac("coordination.k8s.io", "leases", RbacVerb.Get | RbacVerb.Create | RbacVerb.Update, InOwnNamespace = true)]
internal static class OperatorProgram
{
    private const int ConfigurationError = 2;

    /// <summary>Variables that workers get from the operator: proxies and OpenTelemetry.</summary>
    private static readonly string[] PassedOn = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

    public static async Task<int> RunAsync(Settings settings, CancellationToken stop)
    {
        KubernetesClientConfiguration configuration;
        try
        {
            configuration = settings.Kubeconfig is { } file
                ? await KubernetesClientConfiguration.BuildConfigFromConfigFileAsync(new FileInfo(file)).ConfigureAwait(false)
                : KubernetesClientConfiguration.BuildDefaultConfig();
        }
        catch (Exception unusable) when (unusable is KubeConfigException or IOException or UnauthorizedAccessException or YamlDotNet.Core.YamlException)
        {
            await Console.Error.WriteLineAsync($"The kubeconfig cannot be used: {unusable.Message}").ConfigureAwait(false);
            return ConfigurationError;
        }

        var time = TimeProvider.System;
        var options = new OperatorOptions
        {
            WorkerImage = settings.WorkerImage,
            RestoreImage = settings.RestoreImage,
            ImagePullPolicy = settings.ImagePullPolicy,
            WorkerCaBundle = settings.WorkerCaBundle,
            MostJobs = settings.MostJobs,
            ClusterName = settings.ClusterName ?? "",
            WorkerEnvironment = WorkerEnvironment(),
            SendsTelemetry = Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 },
            WatchSecrets = settings.WatchSecrets,
            StartedAt = time.GetUtcNow(),
        };
        var hostOptions = new OperatorHostOptions
        {
            Name = "kloset-operator",
            Namespace = settings.OwnNamespace,
            Identity = Environment.GetEnvironmentVariable("POD_NAME") is { Length: > 0 } pod ? pod : Environment.MachineName,
            HttpUrl = settings.MetricsAddress,
            LeaderElection = settings.LeaderElect ? new LeaseElectionOptions() : null,
        };
        foreach (var name in settings.Namespaces)
        {
            hostOptions.WatchNamespaces.Add(name);
        }

        var builder = OperatorHost.CreateBuilder(configuration, hostOptions);
        ConfigureLogging(builder.Logging, settings);
        await using var host = OperatorComposition.Compose(builder, options);
        return await host.RunAsync(stop).ConfigureAwait(false);
    }

    private static List<KeyValuePair<string, string>> WorkerEnvironment() =>
    [
        .. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(entry => KeyValuePair.Create((string)entry.Key, (string?)entry.Value ?? ""))
            .Where(pair => PassedOn.Contains(pair.Key) || pair.Key.StartsWith("OTEL_", StringComparison.Ordinal))
            .Where(pair => !pair.Key.EndsWith("_HEADERS", StringComparison.Ordinal)) // may hold a token
            .OrderBy(pair => pair.Key, StringComparer.Ordinal),
    ];

    private static void ConfigureLogging(ILoggingBuilder logging, Settings settings)
    {
        logging.SetMinimumLevel(settings.Verbose ? LogLevel.Debug : LogLevel.Information);
        logging.AddFilter("Microsoft.AspNetCore", settings.Verbose ? LogLevel.Information : LogLevel.Warning);
        logging.AddFilter("System.Net.Http", LogLevel.Warning);
        if (settings.JsonLogs)
        {
            logging.AddJsonConsole(json =>
            {
                json.UseUtcTimestamp = true;
                json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            });
        }
        else
        {
            logging.AddSimpleConsole(text =>
            {
                text.SingleLine = true;
                text.UseUtcTimestamp = true;
                text.TimestampFormat = "HH:mm:ss ";
                text.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }
    }
}
