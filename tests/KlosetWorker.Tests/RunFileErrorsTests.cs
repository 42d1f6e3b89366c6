using KlosetWorker.Contract;

namespace KlosetWorker.Tests;

public sealed class RunFileErrorsTests : IDisposable
{
    private readonly TestHost _host = new();

    public RunFileErrorsTests()
    {
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Secrets, Directory.CreateDirectory(_host.At("secrets")).FullName);
        _host.Set(WorkerEnvironment.Source, Directory.CreateDirectory(_host.At("source")).FullName);
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
    }

    public void Dispose() => _host.Dispose();

    private static RunFile InBucket => new()
    {
        Kind = RunKind.Create,
        RunId = "run-1",
        Repository = new() { Backend = new() { S3 = new("http://127.0.0.1:1", "photos", CredentialsSecret: "s3-credentials") } },
    };

    private async Task<RunResult> ResultOfAsync(string runFile, int exitCode)
    {
        _host.Write("run.json", runFile);
        (await _host.RunAsync("backup", "--run")).Exits(exitCode);
        return RunResult.Parse(await File.ReadAllTextAsync(_host.At("result.json"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_run_file_that_is_no_JSON_leaves_a_result_that_says_so()
    {
        var result = await ResultOfAsync("{ not json", 2);

        Assert.Equal("InvalidRunFile", result.Reason);
        Assert.Equal(RunOutcome.Failed, result.Outcome);
    }

    [Fact]
    public async Task A_run_file_without_what_its_kind_needs_is_told_by_name()
    {
        var result = await ResultOfAsync((InBucket with { Kind = RunKind.Backup }).ToJson(), 2);

        Assert.Equal("run-1", result.RunId);
        Assert.Contains("needs the member backup", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_Secret_is_named()
    {
        var result = await ResultOfAsync(InBucket.ToJson(), 2);

        Assert.Equal("SecretMissing", result.Reason);
        Assert.Contains("'s3-credentials'", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_key_is_named()
    {
        _host.Write("secrets/s3-credentials/AWS_ACCESS_KEY_ID", "me");

        var result = await ResultOfAsync(InBucket.ToJson(), 2);

        Assert.Equal("SecretKeyMissing", result.Reason);
        Assert.Equal("The Secret mounted as 's3-credentials' has no key AWS_SECRET_ACCESS_KEY.", result.Message);
    }

    [Fact]
    public async Task A_volume_that_is_not_mounted_is_named()
    {
        var run = InBucket with { Repository = new() { Backend = new() { Volume = new("claim") } } };

        var result = await ResultOfAsync(run.ToJson(), 2);

        Assert.Equal("SourceNotFound", result.Reason);
        Assert.Contains("'claim' is not mounted", result.Message, StringComparison.Ordinal);
    }
}
