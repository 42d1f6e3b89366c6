using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Demo.Staging;
using DevCluster;
using DevCluster.Json;

namespace Demo.Fleets;

/// <summary>
/// A fleet with a history, on an API server in this process, and the real operator as a process of its own. Each status holds ten runs
/// and ten snapshots, as after months; nothing is due before the next January.
/// </summary>
public sealed class FleetStage : IAsyncDisposable
{
    private const string Rarely = "0 0 1 1 *";

    /// <summary>What .NET takes from the limit of the chart's pod: 75 % of 512 MiB.</summary>
    private const long HeapLimit = 384L << 20;

    /// <summary>Of the objects: what was due before they were there was never missed.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromDays(60);

    /// <summary>As the operator's own: what it no longer says, it takes back.</summary>
    private const string StatusManager = "kloset-operator-status";

    private readonly DirectoryInfo _folder;
    private readonly Cluster _cluster;
    private readonly Checkout _checkout = Checkout.Find();
    private readonly HttpClient _http;
    private OperatorProcess? _operator;
    private Uri? _metrics;

    private FleetStage(FleetOptions options, DirectoryInfo folder, Cluster cluster)
    {
        Options = options;
        _folder = folder;
        _cluster = cluster;
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(cluster.CertificateAuthorityData)));
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } }) { BaseAddress = cluster.Address };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", cluster.Options.Token);
        Traffic = new ApiTraffic(cluster.Faults);
    }

    public FleetOptions Options { get; }

    public ApiTraffic Traffic { get; }

    public int Objects => Options.Backups + Options.Repositories;

    public static async Task<FleetStage> SetAsync(FleetOptions options, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("kloset-fleet-");
        var time = new ShiftedTime();
        var cluster = await Cluster.StartAsync(
            new ClusterOptions { Time = time, WatchWindow = 200_000, ContainerRunner = start => new WorkingContainer(start), DataDirectory = folder.FullName }, ct);
        var stage = new FleetStage(options, folder, cluster);
        await cluster.ApplyAsync(stage._checkout.Crds, ct);
        await cluster.WriteKubeconfigAsync(stage.Kubeconfig, ct);
        time.Offset = -Age;
        await stage.SeedAsync(ct);
        time.Offset = TimeSpan.Zero;
        return stage;
    }

    public async ValueTask DisposeAsync()
    {
        await StopOperatorAsync();
        _http.Dispose();
        await _cluster.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private string Kubeconfig => Path.Combine(_folder.FullName, "kubeconfig");

    private string Log => Path.Combine(_folder.FullName, "operator.log");

    public void StartOperator()
    {
        using var probe = new TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        var port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        _metrics = new Uri($"http://127.0.0.1:{port}/metrics");
        _operator = OperatorProcess.Start(
            _checkout.Program("kloset-operator", "KlosetOperator", published: false), Kubeconfig, "worker", Log, metricsAddress: $"http://127.0.0.1:{port}", HeapLimit,
            "--leader-elect", "false", "--cluster-name", "fleet");
    }

    public async Task StopOperatorAsync()
    {
        if (_operator is { } running)
        {
            _operator = null;
            await running.DisposeAsync();
        }
    }

    /// <summary>Resident now and at most, in bytes.</summary>
    public (long Resident, long Peak) Memory()
    {
        var status = File.ReadAllText($"/proc/{_operator!.Id}/status");
        long Field(string name) => long.Parse(status.Split(name + ":")[1].Split("kB")[0].Trim(), CultureInfo.InvariantCulture) * 1024;
        return (Field("VmRSS"), Field("VmHWM"));
    }

    /// <summary>Waits until every object was looked at so many times at least, and nothing waits in a queue.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> UntilAllSeenAsync(TimeSpan most, CancellationToken ct)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(started) < most)
        {
            if (_operator!.HasExited)
            {
                throw new StageException($"The operator ended with {_operator.ExitCode}: {LastLines()}");
            }

            var (reconciled, waiting) = await QueuesAsync(ct);
            if (reconciled >= Objects && waiting == 0)
            {
                return TimeProvider.System.GetElapsedTime(started);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, ct);
        }

        var (looks, left) = await QueuesAsync(ct);
        throw new StageException($"Not all objects were seen within {most}: {looks} looks at {Objects} objects, {left} wait. Calls: {Traffic}. {LastLines()}");
    }

    /// <summary>Waits until nobody called for a while, however long that takes.</summary>
    public async Task UntilQuietAsync(TimeSpan silence, TimeSpan most, CancellationToken ct)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (Traffic.Silence < silence)
        {
            if (TimeProvider.System.GetElapsedTime(started) > most)
            {
                throw new StageException($"The operator did not come to rest within {most}. Calls: {Traffic}. {LastLines()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, ct);
        }
    }

    /// <summary>Asks the first of them to run, as <c>kubectl annotate</c> does.</summary>
    public void RequestRuns(string value)
    {
        for (var i = 0; i < Options.Requested; i++)
        {
            _cluster.Patch(Stage.Backups, Space(i), Backup(i), new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["kloset.dev/run"] = value } } });
        }
    }

    /// <summary>Backups whose newest run answered the request.</summary>
    public int Answered(string value) =>
        _cluster.List(Stage.Backups).Count(backup => backup.Text("status", "handled", "run") == value && backup["status"]?["active"] is null);

    /// <summary>From now on all run daily, by the schedule that they get without one.</summary>
    public void UseDefaultSchedule()
    {
        for (var i = 0; i < Options.Backups; i++)
        {
            _cluster.Patch(Stage.Backups, Space(i), Backup(i), new JsonObject { ["spec"] = new JsonObject { ["schedule"] = null } });
        }
    }

    /// <summary>When each backup is to run next.</summary>
    public IReadOnlyList<DateTimeOffset> NextRuns() => [.. _cluster.List(Stage.Backups).Select(backup => backup.Time("status", "nextRunTime")).OfType<DateTimeOffset>()];

    public int Waiting(string reason) => _cluster.List(Stage.Backups).Count(backup => Stage.Condition(backup, "Running").Text("reason") == reason);

    /// <summary>As if the operator had been away: nobody ran for so long.</summary>
    public Task MissRunsAsync(TimeSpan away, CancellationToken ct) => EachBackupAsync(i => BackupStatusAsync(i, TimeProvider.System.GetUtcNow() - away, ct), ct);

    private static string Name(string prefix, int number) => prefix + number.ToString(CultureInfo.InvariantCulture);

    private static string Backup(int number) => Name("b", number);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private string Space(int backup) => SpaceOf(backup / Options.BackupsPerRepository);

    private string SpaceOf(int repository) => Name("tenant-", repository % Options.Namespaces);

    private static string Identity(int repository) => $"6f1c0000-0000-4000-8000-{repository:x12}";

    private string LastLines() => File.Exists(Log) ? string.Join('\n', File.ReadLines(Log).TakeLast(10)) : "";

    private async Task<(long Reconciled, long Waiting)> QueuesAsync(CancellationToken ct)
    {
        try
        {
            var lines = (await _http.GetStringAsync(_metrics, ct)).Split('\n');
            long Sum(string name) => (long)lines.Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is '{' or ' ')
                .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 2)..].Split(' ')[0], CultureInfo.InvariantCulture));
            return (Sum("controller_runtime_reconcile_total"), Sum("workqueue_depth"));
        }
        catch (HttpRequestException)
        {
            return (0, 0); // not up yet
        }
    }

    private async Task SeedAsync(CancellationToken ct)
    {
        for (var i = 0; i < Options.Namespaces; i++)
        {
            var space = Name("tenant-", i);
            _cluster.Apply(Of("v1", "Namespace", space, null, null));
            _cluster.Apply(Of("v1", "Secret", "kloset", space, null));
            _cluster.Apply(Of("v1", "PersistentVolumeClaim", "data", space, new JsonObject
            {
                ["accessModes"] = new JsonArray("ReadWriteMany"),
                ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = "1Gi" } },
            }));
        }

        for (var i = 0; i < Options.Repositories; i++)
        {
            _cluster.Apply(Of(ApiVersion, "KlosetRepository", Name("r", i), SpaceOf(i), new JsonObject
            {
                ["backend"] = new JsonObject { ["volume"] = new JsonObject { ["claimName"] = "data", ["path"] = Name("/r", i) } },
                ["encryption"] = new JsonObject { ["passphraseSecretRef"] = new JsonObject { ["name"] = "kloset", ["key"] = "passphrase" } },
                ["maintenance"] = Schedule(Rarely),
                ["check"] = Schedule(Rarely),
            }));
            await ApplyStatusAsync("klosetrepositories", "KlosetRepository", SpaceOf(i), Name("r", i), new JsonObject
            {
                ["repositoryID"] = Identity(i),
                ["totals"] = new JsonObject { ["snapshots"] = 120, ["packfiles"] = 900, ["storedBytes"] = 900_000_000_000, ["stored"] = "838.2 GiB" },
            }, ct);
        }

        await EachBackupAsync(async i =>
        {
            _cluster.Apply(Of(ApiVersion, "PhotoBackup", Backup(i), Space(i), new JsonObject
            {
                ["repositoryRef"] = new JsonObject { ["name"] = Name("r", i / Options.BackupsPerRepository) },
                ["account"] = new JsonObject { ["id"] = Name("account-", i), ["email"] = Name("person-", i) + "@example.com" },
                ["source"] = new JsonObject
                {
                    ["takeout"] = new JsonObject { ["locations"] = new JsonArray(new JsonObject { ["volume"] = new JsonObject { ["claimName"] = "data", ["path"] = Name("/drop/", i) } }) },
                },
                ["schedule"] = new JsonObject { ["cron"] = Rarely, ["timeZone"] = "Europe/Zurich" },
            }));
            await BackupStatusAsync(i, TimeProvider.System.GetUtcNow(), ct);
        }, ct);
    }

    private const string ApiVersion = "kloset.dev/v1alpha1";

    private Task EachBackupAsync(Func<int, Task> action, CancellationToken ct) => Parallel.ForEachAsync(
        Enumerable.Range(0, Options.Backups), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (i, _) => await action(i));

    /// <param name="newest">When the newest of its ten runs ended.</param>
    private Task BackupStatusAsync(int i, DateTimeOffset newest, CancellationToken ct) => ApplyStatusAsync("photobackups", "PhotoBackup", Space(i), Backup(i), new JsonObject
    {
        ["lastCheckedTime"] = Time(newest),
        ["lastSuccessTime"] = Time(newest),
        ["coveredThrough"] = Time(newest.AddDays(-1)),
        ["ingestedDigest"] = new string('d', 64),
        ["repositoryID"] = Identity(i / Options.BackupsPerRepository),
        ["library"] = new JsonObject { ["items"] = 48_213, ["bytes"] = 210_000_000_000, ["missing"] = 0 },
        ["exports"] = new JsonObject { ["newest"] = "takeout-20261101T120000Z", ["chain"] = 6, ["nextExpected"] = Time(newest.AddDays(58)) },
        ["runs"] = new JsonArray([.. Enumerable.Range(0, 10).Select(run => new JsonObject
        {
            ["id"] = $"00000000-0000-4000-8000-{i:x12}-run{run}",
            ["kind"] = "backup",
            ["slot"] = Time(newest.AddDays(-run).AddMinutes(-3)),
            ["attempt"] = 1,
            ["sequence"] = 100 - run,
            ["startTime"] = Time(newest.AddDays(-run).AddMinutes(-3)),
            ["completionTime"] = Time(newest.AddDays(-run)),
            ["outcome"] = run == 0 ? "Succeeded" : "NothingNew",
            ["reason"] = run == 0 ? "Succeeded" : "NothingNew",
            ["message"] = "The run did all that it had to do.",
            ["snapshotID"] = run == 0 ? $"{i:x64}" : null,
            ["storageRequests"] = 12,
        })]),
        ["snapshots"] = new JsonArray([.. Enumerable.Range(0, 10).Select(snapshot => new JsonObject
        {
            ["id"] = $"{(i * 10) + snapshot:x64}", ["time"] = Time(newest.AddDays(-60 * snapshot)), ["items"] = 48_213, ["bytes"] = 210_000_000_000,
        })]),
    }, ct);

    private async Task ApplyStatusAsync(string plural, string kind, string space, string name, JsonObject status, CancellationToken ct)
    {
        using var content = new StringContent(Of(ApiVersion, kind, name, space, null, status).ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/apply-patch+yaml"));
        var answer = await _http.PatchAsync(new Uri($"apis/{ApiVersion}/namespaces/{space}/{plural}/{name}/status?fieldManager={StatusManager}&force=true", UriKind.Relative), content, ct);
        if (!answer.IsSuccessStatusCode)
        {
            throw new StageException(await answer.Content.ReadAsStringAsync(ct));
        }
    }

    private static JsonObject Schedule(string cron) => new() { ["schedule"] = new JsonObject { ["cron"] = cron } };

    private static JsonObject Of(string apiVersion, string kind, string name, string? space, JsonObject? spec, JsonObject? status = null)
    {
        var entity = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name } };
        foreach (var (field, value) in new[] { ("spec", spec), ("status", status) })
        {
            if (value is not null)
            {
                entity[field] = value;
            }
        }

        if (space is not null)
        {
            entity["metadata"]!["namespace"] = space;
        }

        return entity;
    }
}
