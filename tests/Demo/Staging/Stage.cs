using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster;
using DevCluster.Json;
using TakeoutGenerator;

namespace Demo.Staging;

public sealed record StageOptions
{
    /// <summary>Folder for everything that stays: archives, repository, passphrase, restored files, kubeconfig and logs.</summary>
    public required string Folder { get; init; }

    /// <summary>Whether the programs of out/ are run, or those that were built beside the tests.</summary>
    public bool Published { get; init; }

    public int Port { get; init; }

    public TimeSpan PodBackoff { get; init; } = TimeSpan.FromSeconds(2);

    public LibraryOptions Library { get; init; } = new();

    /// <summary>The cluster's name as the owner of repositories; null leaves it to the uid of kube-system.</summary>
    public string? ClusterName { get; init; }

    /// <summary>The passphrase of the household; null makes one.</summary>
    public string? Passphrase { get; init; }
}

/// <summary>
/// A cluster with the operator in it, one household's namespace, and folders for its claims: what the demo and the end-to-end tests
/// play on. The samples of config/samples are applied as they are, but for the folder that is restored into.
/// </summary>
public sealed class Stage : IAsyncDisposable
{
    public const string Namespace = "photos";
    public const string Repository = "lab";
    public const string Backup = "carol";
    public const string Restore = "carol-everything";
    public const string PassphraseSecret = "kloset-lab";
    public const string Backups = "photobackups.kloset.dev";
    public const string Repositories = "klosetrepositories.kloset.dev";
    public const string Restores = "photorestores.kloset.dev";
    public const string WorkerImage = "kloset-worker";

    private readonly StageOptions _options;
    private int _sets;

    private Stage(StageOptions options, Checkout checkout, Cluster cluster)
    {
        _options = options;
        Checkout = checkout;
        Cluster = cluster;
        Library = Library.Generate(options.Library);
        Passphrase = options.Passphrase ?? RandomNumberGenerator.GetHexString(32, lowercase: true);
        Kubeconfig = Path.Combine(options.Folder, "kubeconfig");
        OperatorLog = Path.Combine(options.Folder, "operator.log");
    }

    public Checkout Checkout { get; }

    public Cluster Cluster { get; }

    public Library Library { get; private set; }

    public string Passphrase { get; set; }

    public string Kubeconfig { get; }

    public string OperatorLog { get; }

    public OperatorProcess? Operator { get; private set; }

    public string TakeoutFolder => Path.Combine(_options.Folder, "takeout");

    public string RepositoryFolder => Path.Combine(_options.Folder, "repository");

    public string RestoredFolder => Path.Combine(_options.Folder, "restored");

    public string PassphraseFile => Path.Combine(_options.Folder, "passphrase");

    /// <summary>What the exports so far hold, oldest first.</summary>
    public List<ExportManifest> Exports { get; } = [];

    public static async Task<Stage> SetAsync(StageOptions options, CancellationToken ct)
    {
        var checkout = Checkout.Find();
        var worker = checkout.Program("kloset", "KlosetWorker", options.Published);
        foreach (var name in new[] { "takeout", "repository", "restored" })
        {
            Directory.CreateDirectory(Path.Combine(options.Folder, name));
        }

        var cluster = await Cluster.StartAsync(new ClusterOptions
        {
            Port = options.Port,
            DataDirectory = Path.Combine(options.Folder, "cluster"),
            PodBackoff = options.PodBackoff,
            Images = new Dictionary<string, string> { [WorkerImage] = worker },
            ClaimFolders = new Dictionary<string, string>
            {
                [$"{Namespace}/drop"] = Path.Combine(options.Folder, "takeout"),
                [$"{Namespace}/kloset"] = Path.Combine(options.Folder, "repository"),
                [$"{Namespace}/out"] = Path.Combine(options.Folder, "restored"),
            },
        }, ct);
        var stage = new Stage(options, checkout, cluster);
        await cluster.WriteKubeconfigAsync(stage.Kubeconfig, ct);
        await cluster.ApplyAsync(checkout.Crds, ct);
        await cluster.ApplyAsync(Path.Combine(checkout.Samples, "namespace.yaml"), ct);
        cluster.Apply(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = "kloset-system" } });
        return stage;
    }

    public void StartOperator() => Operator = OperatorProcess.Start(
        Checkout.Program("kloset-operator", "KlosetOperator", _options.Published), Kubeconfig, WorkerImage, OperatorLog,
        more: _options.ClusterName is { } name ? ["--cluster-name", name] : []);

    public async Task RestartOperatorAsync(bool kill)
    {
        if (Operator is not null)
        {
            await (kill ? Operator.KillAsync() : Operator.DisposeAsync().AsTask());
        }

        StartOperator();
    }

    /// <summary>Delivers an export of the library into the drop folder; all but the first are increments.</summary>
    public ExportManifest DeliverExport(int parts = 2, ArchiveFormat format = ArchiveFormat.Zip)
    {
        var manifest = Export.Write(Library, new ExportOptions
        {
            Time = Library.Options.Until,
            Since = Exports.Count == 0 ? null : Exports[^1].Time,
            Parts = parts,
            Format = format,
            SetNumber = 3 + _sets++,
        }, TakeoutFolder);
        Exports.Add(manifest);
        return manifest;
    }

    /// <summary>Time passes in the library: new photos, changed descriptions, a photo more in an album.</summary>
    public void LetTimePass(DateTimeOffset until, int newItems) => Library = Library.Later(until, newItems);

    public async Task CreatePassphraseAsync(string? value = null)
    {
        await File.WriteAllTextAsync(PassphraseFile, Passphrase);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(PassphraseFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Cluster.Apply(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = PassphraseSecret, ["namespace"] = Namespace },
            ["data"] = new JsonObject { ["passphrase"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value ?? Passphrase)) },
        });
    }

    /// <summary>Applies what a sample file holds of some kinds.</summary>
    public async Task ApplySampleAsync(string file, CancellationToken ct, params string[] kinds)
    {
        foreach (var document in YamlDocuments.ParseAll(await File.ReadAllTextAsync(Path.Combine(Checkout.Samples, file), ct)))
        {
            if (!kinds.Contains(document.Text("kind")))
            {
                continue;
            }

            if (document.Object("spec", "target", "volume") is { } volume)
            {
                volume["path"] = "/";
            }

            Cluster.Apply(document);
        }
    }

    /// <summary>Asks for a run now, as <c>kubectl annotate phb carol kloset.dev/run=…</c> does.</summary>
    public void RequestRun(string value) => Cluster.Patch(Backups, Namespace, Backup, new JsonObject
    {
        ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["kloset.dev/run"] = value } },
    });

    public static JsonNode? Condition(JsonNode? obj, string type) =>
        (obj.Array("status", "conditions") ?? []).FirstOrDefault(condition => condition.Text("type") == type);

    public static bool IsTrue(JsonNode? obj, string type) => Condition(obj, type).Text("status") == "True";

    /// <summary>Waits until an object is as wanted.</summary>
    /// <param name="seen">Called about four times a second meanwhile.</param>
    /// <exception cref="StageException">It took too long, the object stalled, or the operator ended.</exception>
    public async Task<JsonObject> UntilAsync(
        string resource, string name, string what, Func<JsonObject, bool> holds, TimeSpan most, Action? seen, CancellationToken ct, bool stallIsFine = false)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            seen?.Invoke();
            var current = Cluster.Get(resource, Namespace, name);
            if (current is not null && holds(current))
            {
                return current;
            }

            if (!stallIsFine && IsTrue(current, "Stalled"))
            {
                throw new StageException($"{resource}/{name} stalled: {Condition(current, "Stalled").Text("reason")}: {Condition(current, "Stalled").Text("message")}\n{Explain()}");
            }

            if (Operator is { HasExited: true } ended)
            {
                throw new StageException($"The operator ended with exit code {ended.ExitCode}.\n{Explain()}");
            }

            if (TimeProvider.System.GetElapsedTime(started) > most)
            {
                throw new StageException($"{resource}/{name}: {what} did not come within {most.TotalSeconds:0} s.\n{Explain()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, ct);
        }
    }

    /// <summary>What one looks at first when something does not go on.</summary>
    public string Explain()
    {
        var text = new StringBuilder();
        foreach (var resource in new[] { Repositories, Backups, Restores })
        {
            foreach (var obj in Cluster.List(resource, Namespace))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"\n{obj.Text("kind")} {obj.Text("metadata", "name")}:");
                foreach (var condition in obj.Array("status", "conditions") ?? [])
                {
                    text.AppendLine(CultureInfo.InvariantCulture, $"  {condition.Text("type")}={condition.Text("status")} {condition.Text("reason")}: {condition.Text("message")}");
                }
            }
        }

        text.AppendLine("\nEvents:");
        foreach (var e in Cluster.List("events", Namespace).OrderBy(e => e.Text("metadata", "uid"), StringComparer.Ordinal).TakeLast(15))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {e.Text("type")} {e.Text("reason")} {e.Text("involvedObject", "name")}: {e.Text("message")}");
        }

        foreach (var pod in Cluster.List("pods", Namespace).OrderBy(pod => pod.Text("metadata", "uid"), StringComparer.Ordinal).TakeLast(2))
        {
            var name = pod.Text("metadata", "name")!;
            text.AppendLine(CultureInfo.InvariantCulture, $"\nPod {name}: {pod.Text("status", "phase")}, {pod.Array("status", "containerStatuses")?[0].Object("state")?.ToJsonString()}");
            text.AppendLine(Cluster.LogTail(Namespace, name, "worker", 15));
        }

        if (File.Exists(OperatorLog))
        {
            using var stream = new FileStream(OperatorLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            text.AppendLine("\nThe operator's last lines:");
            text.AppendJoin('\n', reader.ReadToEnd().Split('\n').TakeLast(20));
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        if (Operator is not null)
        {
            await Operator.DisposeAsync();
        }

        await Cluster.DisposeAsync();
    }
}
