using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;

namespace S3Server;

/// <summary>
/// A real S3 server for tests: the endpoint that the environment names (`KLOSET_TEST_S3_ENDPOINT`, `_ACCESS_KEY`,
/// `_SECRET_KEY`), else a throw-away Ceph gateway from Debian's packages, started as plain processes by `rgw.sh`.
/// </summary>
public sealed class S3TestServer : IAsyncDisposable
{
    private readonly string? _folder;
    private readonly AmazonS3Client _client;
    private static int _ranges;
    private int _buckets;

    private S3TestServer(Uri endpoint, string accessKey, string secretKey, string? folder, Uri? tlsEndpoint)
    {
        Endpoint = endpoint;
        AccessKey = accessKey;
        SecretKey = secretKey;
        TlsEndpoint = tlsEndpoint;
        _folder = folder;
        _client = new AmazonS3Client(
            new BasicAWSCredentials(accessKey, secretKey),
            new AmazonS3Config
            {
                ServiceURL = endpoint.ToString(),
                ForcePathStyle = true,
                AuthenticationRegion = "us-east-1",
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            });
    }

    public Uri Endpoint { get; }

    /// <summary>The same server by TLS with a private CA; only of a gateway that we started.</summary>
    public Uri? TlsEndpoint { get; }

    /// <summary>PEM file of the certificate behind <see cref="TlsEndpoint"/>.</summary>
    public string CaFile => Path.Combine(Folder, "tls.crt");

    public string AccessKey { get; }

    public string SecretKey { get; }

    private string Folder => _folder ?? throw new InvalidOperationException("this server is not ours to manage");

    /// <summary>The one key that the key management behind the server has; only of a gateway that we started.</summary>
    public const string KmsKey = "kloset-test-key";

    /// <summary>A started server, or null with the reason that a skipped test gives.</summary>
    public static async Task<(S3TestServer? Server, string? WhyNot)> TryStartAsync(CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable("KLOSET_TEST_S3_ENDPOINT") is { Length: > 0 } endpoint)
        {
            return (new S3TestServer(
                new Uri(endpoint),
                Environment.GetEnvironmentVariable("KLOSET_TEST_S3_ACCESS_KEY") ?? "",
                Environment.GetEnvironmentVariable("KLOSET_TEST_S3_SECRET_KEY") ?? "",
                folder: null,
                tlsEndpoint: null), null);
        }

        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/radosgw") || !File.Exists("/usr/bin/ceph-osd"))
        {
            return (null, "no S3 server: neither KLOSET_TEST_S3_ENDPOINT nor Ceph's radosgw, ceph-mon and ceph-osd are there");
        }

        var folder = Directory.CreateTempSubdirectory("kloset-rgw-").FullName;
        var store = Path.Combine(folder, "ceph");
        var port = FreePortRange();
        await RunAsync(Script, ["start", store, port.ToString(System.Globalization.CultureInfo.InvariantCulture)], [("TLS", "1")], cancellationToken);
        return (new S3TestServer(new Uri($"http://127.0.0.1:{port}"), "testaccess", "testsecret", store, new Uri($"https://127.0.0.1:{port + 1}")), null);
    }

    /// <summary>A new, empty bucket.</summary>
    public async Task<string> CreateBucketAsync(CancellationToken cancellationToken)
    {
        var name = $"kloset-test-{Environment.ProcessId}-{Interlocked.Increment(ref _buckets)}";
        await _client.PutBucketAsync(name, cancellationToken);
        return name;
    }

    /// <summary>A new, empty bucket that keeps versions and can lock objects.</summary>
    public async Task<string> CreateLockingBucketAsync(CancellationToken cancellationToken)
    {
        var name = $"kloset-lock-{Environment.ProcessId}-{Interlocked.Increment(ref _buckets)}";
        await _client.PutBucketAsync(new Amazon.S3.Model.PutBucketRequest { BucketName = name, ObjectLockEnabledForBucket = true }, cancellationToken);
        return name;
    }

    /// <summary>A second user with nothing but what the bucket's policy allows. Only of a gateway that we started.</summary>
    public async Task CreateUserAsync(string name, string accessKey, string secretKey, CancellationToken cancellationToken) =>
        await AdministerAsync(
            ["user", "create", $"--uid={name}", $"--display-name={name}", $"--access-key={accessKey}", $"--secret-key={secretKey}"], cancellationToken);

    public async Task SetBucketPolicyAsync(string bucket, string policy, CancellationToken cancellationToken) =>
        await _client.PutBucketPolicyAsync(bucket, policy, cancellationToken);

    /// <summary>Whether users and quotas can be managed: a gateway that we started.</summary>
    public bool IsOurs => _folder is not null;

    /// <summary>Runs `radosgw-admin`, for example to set a quota or to suspend the user.</summary>
    public Task AdministerAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        RunAsync("/usr/bin/timeout", ["60", "radosgw-admin", .. arguments], [("CEPH_CONF", Path.Combine(Folder, "ceph.conf"))], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_folder is not null)
        {
            await RunAsync(Script, ["stop", _folder, "rm"], [], CancellationToken.None);
            Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);
        }
    }

    private static string Script => Path.Combine(AppContext.BaseDirectory, "rgw.sh");

    private static int FreePortRange()
    {
        for (var attempt = 0; ; attempt++)
        {
            // No range twice in one process: between looking and binding, two servers that start at the same time would meet.
            var port = 22000 + (((Environment.ProcessId + (Interlocked.Increment(ref _ranges) * 7)) % 500) * 20);
            try
            {
                foreach (var offset in new[] { 0, 1, 2, 3, 4 })
                {
                    using var probe = new TcpListener(IPAddress.Loopback, port + offset);
                    probe.Start();
                }

                return port;
            }
            catch (SocketException) when (attempt < 100)
            {
                // taken; the next range
            }
        }
    }

    private static async Task RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        IReadOnlyList<(string Name, string Value)> environment,
        CancellationToken cancellationToken)
    {
        // The daemons inherit the standard streams: a pipe would stay open for as long as they live, so output goes to a file.
        var output = Path.GetTempFileName();
        var start = new ProcessStartInfo("/bin/bash") { UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("out=$1; shift; exec \"$@\" >\"$out\" 2>&1 </dev/null");
        start.ArgumentList.Add("run");
        start.ArgumentList.Add(output);
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(cancellationToken);
        var text = await File.ReadAllTextAsync(output, cancellationToken);
        File.Delete(output);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {text}");
        }
    }
}
