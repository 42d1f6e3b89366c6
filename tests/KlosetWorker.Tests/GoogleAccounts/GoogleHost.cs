using GooglePhotosEmulator;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;
using KlosetWorker.Contract;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>The real command beside an emulated Google with one person.</summary>
internal sealed class GoogleHost : IAsyncDisposable
{
    private GoogleHost(Emulator google, TimeProvider time)
    {
        Google = google;
        Host = new() { Time = time };
        Client = google.Identities.AddClient();
        Alice = google.Identities.AddUser("alice@example.com");
        Host.Set(WorkerEnvironment.GoogleEndpoint, google.Address.AbsoluteUri);
        Host.Set("KLOSET_REPOSITORY", "fs:" + Host.Repository);
        Host.Set(WorkerEnvironment.Run, Host.At("run.json"));
        Host.Set(WorkerEnvironment.Secrets, Directory.CreateDirectory(Host.At("secrets")).FullName);
        Host.Set(WorkerEnvironment.Result, Host.At("result.json"));
    }

    public Emulator Google { get; }

    public TestHost Host { get; }

    public OAuthClient Client { get; }

    public UserAccount Alice { get; }

    /// <summary>What the last run told meanwhile.</summary>
    public IReadOnlyList<RunProgress> Progress { get; private set; } = [];

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<GoogleHost> StartAsync(Func<EmulatorOptions, EmulatorOptions>? change = null, TimeProvider? time = null)
    {
        var options = new EmulatorOptions { Quotas = QuotaLimits.None };
        var host = new GoogleHost(await Emulator.StartAsync(change?.Invoke(options) ?? options, Ct), time ?? TimeProvider.System);
        (await host.Host.RunAsync("create", "--plaintext")).Exits(0);
        return host;
    }

    /// <summary>A sign-in of a person, as a mounted Secret and as a file.</summary>
    public string SignIn(UserAccount user, params string[] scopes) =>
        Host.Write("secrets/google/credentials.json", Google.AuthorizedUserJson(user, Client, [.. scopes, Scopes.UserInfoEmail]));

    public async Task<RunResult> RunAsync(RunBackup backup, int exitCode, string? email = null)
    {
        var (code, result) = await RunAsync(new RunFile
        {
            Kind = RunKind.Backup,
            RunId = Guid.CreateVersion7().ToString(),
            Repository = new() { Backend = new() { Volume = new("repository") } },
            Account = new("alice", email),
            Backup = backup,
        });
        Assert.True(code == exitCode, $"exit code {code} instead of {exitCode}: {result.Message}");
        return result;
    }

    public async Task<(int Code, RunResult Result)> RunAsync(RunFile order)
    {
        Host.Write("run.json", order.ToJson());
        Host.Set(WorkerEnvironment.Source, Host.Folder);
        var outcome = await Host.RunAsync("backup", "--run");
        Assert.DoesNotContain("InternalError", outcome.Error, StringComparison.Ordinal);
        Progress = [.. outcome.Output.Split('\n').Select(RunProgress.TryParseLine).OfType<RunProgress>()];
        return (outcome.Code, RunResult.Parse(await File.ReadAllTextAsync(Host.At("result.json"), Ct)));
    }

    public async ValueTask DisposeAsync()
    {
        await Google.DisposeAsync();
        Host.Dispose();
    }
}
