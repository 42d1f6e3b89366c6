using System.Text.Json;

namespace KlosetWorker.Contract.Tests;

public sealed class RunFileTests
{
    private static readonly RunFile Full = new()
    {
        Kind = RunKind.Backup,
        RunId = "9b1f0c9e/2026-11-01T22:00:00Z/1",
        Repository = new()
        {
            Backend = new() { S3 = new("https://s3.example.net", "photos", "family/", "eu-1", "s3-credentials", new("s3-ca", "ca.crt")) },
            Passphrase = new("passphrase", "passphrase"),
            RepositoryId = Guid.Parse("6f1c0000-0000-4000-8000-000000000001"),
            Owner = "cluster/photos/family",
            Immutability = new("Governance", 90),
        },
        Account = new("alice", "alice@example.com"),
        Backup = new()
        {
            Takeout = [new() { Volume = new("drop", "/in") }, new() { GoogleDrive = new("1x2y3z", "drive") }],
            IngestedDigest = "abc",
            Selection = new() { IncludeAlbums = ["*"], ExcludeAlbums = ["Work"], IncludeTrashed = true },
            Retention = new(KeepLast: 3, KeepWithin: "720h"),
            AcceptedGaps = ["gap"],
        },
        Limits = new() { SliceSeconds = 60, NoProgressSeconds = 30, BandwidthBytesPerSecond = 20 << 20 },
    };

    [Fact]
    public void What_the_operator_writes_is_what_the_worker_reads()
    {
        var read = RunFile.Parse(Full.ToJson());

        Assert.Equal(Full.ToJson(), read.ToJson());
        Assert.Equal(Full.Repository, read.Repository);
        Assert.Equal("drop", read.Backup!.Takeout![0].Volume!.Name);
        Assert.Empty(read.Problems());
    }

    [Fact]
    public void What_a_run_file_leaves_out_has_its_default()
    {
        var run = RunFile.Parse("""
            {"kind":"backup","runId":"1","account":{"id":"alice"},"limits":{},
             "repository":{"backend":{"volume":{"name":"claim"}}},"backup":{"takeout":[{"volume":{"name":"drop"}}]}}
            """);

        Assert.Empty(run.Problems());
        Assert.Equal((1, 1800, 21600, 1800, "/"),
            (run.Schema, run.Backup!.SettleSeconds, run.Limits!.SliceSeconds, run.Limits.NoProgressSeconds, run.Repository.Backend.Volume!.Path));
    }

    [Theory]
    [InlineData(RunKind.Create, "create")]
    [InlineData(RunKind.Backup, "backup")]
    [InlineData(RunKind.Restore, "restore")]
    [InlineData(RunKind.Check, "check")]
    [InlineData(RunKind.Maintain, "maintain")]
    [InlineData(RunKind.Inspect, "inspect")]
    public void Kinds_have_lower_case_names(RunKind kind, string name) =>
        Assert.Contains($"\"kind\":\"{name}\"", (Full with { Kind = kind }).ToJson(), StringComparison.Ordinal);

    [Fact]
    public void A_worker_ignores_members_that_a_newer_operator_adds()
    {
        var json = Full.ToJson().Insert(1, "\"colour\":{\"of\":\"the sky\"},");

        Assert.Equal(Full.ToJson(), RunFile.Parse(json).ToJson());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"kind\":\"launch\",\"runId\":\"1\"}")]
    public void What_is_no_run_file_is_refused(string text) => Assert.Throws<JsonException>(() => RunFile.Parse(text));

    public static TheoryData<string, RunFile> Unusable => new()
    {
        { "schema is 2", Full with { Schema = 2 } },
        { "runId", Full with { RunId = "" } },
        { "needs the member backup", Full with { Backup = null } },
        { "needs the member account", Full with { Account = null } },
        { "exactly one of takeout", Full with { Backup = Full.Backup! with { LibraryCredentialsSecret = "google" } } },
        { "1 to 4 locations", Full with { Backup = Full.Backup! with { Takeout = [] } } },
        { "keep nothing", Full with { Backup = Full.Backup! with { Retention = new() } } },
        { "exactly one of s3, volume", Full with { Repository = Full.Repository with { Backend = new() } } },
        { "leaves the volume", Full with { Repository = Full.Repository with { Backend = new() { Volume = new("claim", "/a/../../b") } } } },
        { "not a plain name", Full with { Repository = Full.Repository with { Backend = new() { Volume = new("../claim") } } } },
        { "by plain names", Full with { Repository = Full.Repository with { Passphrase = new("secret", "../other/key") } } },
        { "s3.encryption must have", Full with { Repository = Full.Repository with { Backend = new() { S3 = new("https://s3", "photos", Encryption: new()) } } } },
        { "s3.encryption must have", Full with { Repository = Full.Repository with { Backend = new() { S3 = new("https://s3", "photos", Encryption: new("AES256", "a-key")) } } } },
        { "by plain names", Full with { Repository = Full.Repository with { Backend = new() { S3 = new("https://s3", "photos", Encryption: new(CustomerKey: new("../other", "key"))) } } } },
        { "needs the member restore", Full with { Kind = RunKind.Restore } },
        {
            "exactly one of snapshotId",
            Full with { Kind = RunKind.Restore, Restore = new() { RestoreId = "r", Target = new() { Volume = new("out") } } }
        },
        { "exactly one of target", Full with { Kind = RunKind.Restore, Restore = new() { RestoreId = "r", Latest = true } } },
        { "limits", Full with { Limits = new() { SliceSeconds = 0 } } },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public void What_is_wrong_with_a_run_file_is_said(string words, RunFile run) =>
        Assert.Contains(run.Problems(), problem => problem.Contains(words, StringComparison.Ordinal));
}
