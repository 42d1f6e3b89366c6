using System.Text.Json;
using Kloset.Storage;
using Kloset.Storage.S3;
using KlosetWorker.Contract;
using S3Server;

namespace KlosetWorker.Tests;

public sealed class BucketRestoreTests : IAsyncLifetime, IDisposable
{
    private readonly TestHost _host = new();
    private S3TestServer? _server;
    private string? _whyNot;
    private string _bucket = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        (_server, _whyNot) = await S3TestServer.TryStartAsync(Cancel);
        if (_server is not null)
        {
            _bucket = await _server.CreateBucketAsync(Cancel);
            _host.Set("AWS_ACCESS_KEY_ID", _server.AccessKey);
            _host.Set("AWS_SECRET_ACCESS_KEY", _server.SecretKey);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task Files_of_any_size_come_back_in_a_bucket_once_and_a_file_of_others_is_not_overwritten_unasked()
    {
        Assert.SkipWhen(_server is null, _whyNot ?? "");
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        var large = new byte[(40 << 20) + 7];
        new Random(7).NextBytes(large);
        _host.Write("source/Iceland/large.mp4", large);
        _host.Write("source/Iceland/Ísland \u2603.jpg", "snow");
        _host.Write("source/empty", "");
        var taken = new DateTime(2023, 5, 6, 7, 8, 9, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(_host.At("source", "empty"), taken);
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        (await _host.RunAsync("backup", "folder:" + _host.At("source"))).Exits(0);

        var first = await RestoreAsync(0);
        var second = await RestoreAsync(0);

        await using var bucket = new S3Store(new S3Options
        {
            Endpoint = _server.Endpoint,
            Bucket = _bucket,
            Prefix = "restored",
            Credentials = new(_server.AccessKey, _server.SecretKey),
        });
        Assert.Equal((3, 0), (first.GetProperty("files").GetInt64(), first.GetProperty("alreadyThere").GetInt64()));
        Assert.Equal((0, 3), (second.GetProperty("files").GetInt64(), second.GetProperty("alreadyThere").GetInt64()));
        Assert.Equal(
            ["Iceland/large.mp4", "Iceland/Ísland \u2603.jpg", "empty"],
            (await bucket.ListAsync("", Cancel).ToListAsync(Cancel)).Select(item => item.Key).Order(StringComparer.Ordinal));
        Assert.Equal(large, await ReadAsync(bucket, "Iceland/large.mp4"));
        Assert.Equal("snow"u8.ToArray(), await ReadAsync(bucket, "Iceland/Ísland \u2603.jpg"));
        Assert.Equal("1683356889", (await bucket.ReadMetadataAsync("empty", Cancel))!["mtime"]);

        await bucket.PutAsync("empty", new("somebody else's"u8.ToArray()), Cancel);
        Assert.Contains("TargetFileExists", (await _host.RunAsync("restore", "latest", "--to", Target, "--json")).Exits(2).Output, StringComparison.Ordinal);
        Assert.Equal("somebody else's"u8.ToArray(), await ReadAsync(bucket, "empty"));
        Assert.Equal(1, (await RestoreAsync(0, "--existing", "overwrite")).GetProperty("files").GetInt64());
        Assert.Empty(await ReadAsync(bucket, "empty"));
    }

    [Fact]
    public async Task A_key_that_a_run_file_names_encrypts_what_lies_in_the_bucket()
    {
        Assert.SkipWhen(_server is null, _whyNot ?? "");
        var key = new byte[32];
        new Random(5).NextBytes(key);
        _host.Set(WorkerEnvironment.Run, _host.At("run.json"));
        _host.Set(WorkerEnvironment.Secrets, _host.At("secrets"));
        _host.Set(WorkerEnvironment.Source, Directory.CreateDirectory(_host.At("sources")).FullName);
        _host.Set(WorkerEnvironment.Result, _host.At("result.json"));
        _host.Write("secrets/s3/AWS_ACCESS_KEY_ID", _server.AccessKey);
        _host.Write("secrets/s3/AWS_SECRET_ACCESS_KEY", _server.SecretKey);
        _host.Write("secrets/s3/customer-key", Convert.ToBase64String(key) + "\n");
        _host.Write("sources/photos/a.jpg", "a photo");
        var run = new RunFile
        {
            Kind = RunKind.Create,
            RunId = "run-1",
            Repository = new()
            {
                Create = true,
                Backend = new() { S3 = new(_server.Endpoint.ToString(), _bucket, "encrypted", CredentialsSecret: "s3", StorageClass: "STANDARD", Encryption: new(CustomerKey: new("s3", "customer-key"))) },
            },
        };

        _host.Write("run.json", run.ToJson());
        (await _host.RunAsync("backup", "--run")).Exits(0);
        _host.Write("run.json", (run with { Kind = RunKind.Backup, Account = new("alice"), Backup = new() { Folder = new("photos") } }).ToJson());
        (await _host.RunAsync("backup", "--run")).Exits(0);

        var with = new S3Options { Endpoint = _server.Endpoint, Bucket = _bucket, Prefix = "encrypted", Credentials = new(_server.AccessKey, _server.SecretKey), ServerSideEncryptionCustomerKey = Convert.ToBase64String(key) };
        await using var readable = new S3Store(with);
        await using var unreadable = new S3Store(with with { ServerSideEncryptionCustomerKey = null });
        var keys = await readable.ListAsync("", Cancel).Select(item => item.Key).ToListAsync(Cancel);
        Assert.Contains("CONFIG", keys);
        Assert.Contains(keys, name => name.StartsWith("packfiles/", StringComparison.Ordinal));
        foreach (var name in keys)
        {
            await ReadAsync(readable, name);
            await Assert.ThrowsAsync<StoreException>(() => ReadAsync(unreadable, name));
        }

        // The same by the command line.
        _host.Set("KLOSET_REPOSITORY", $"s3+http://{_server.Endpoint.Authority}/{_bucket}/encrypted");
        Assert.Equal("a photo"u8.ToArray(), (await _host.RunAsync("cat", "latest:a.jpg", "--s3-sse-c-key-file", _host.At("secrets", "s3", "customer-key"))).Exits(0).Bytes);
    }

    private string Target => $"s3+http://{_server!.Endpoint.Authority}/{_bucket}/restored";

    private async Task<JsonElement> RestoreAsync(int code, params string[] options) =>
        JsonDocument.Parse((await _host.RunAsync(["restore", "latest", "--to", Target, "--json", .. options])).Exits(code).Output).RootElement;

    private static async Task<byte[]> ReadAsync(S3Store bucket, string key)
    {
        await using var content = await bucket.OpenReadAsync(key, Cancel);
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, Cancel);
        return copy.ToArray();
    }
}
