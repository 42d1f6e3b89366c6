using System.Text.Json.Nodes;
using ControlPlane;
using Generate;
using k8s;
using k8s.Autorest;
using YamlDotNet.Serialization;

namespace KlosetOperator.Api.Tests;

/// <summary>One real API server that has our kinds.</summary>
public sealed class ServerWithOurKinds : IAsyncLifetime
{
    private RealApiServer? _server;
    private Kubernetes? _client;

    public Kubernetes Client => _client!;

    public async ValueTask InitializeAsync()
    {
        if (RealApiServer.WhyUnavailable is not null)
        {
            return;
        }

        _server = await RealApiServer.StartAsync();
        _client = new Kubernetes(_server.Configuration());
        foreach (var file in GeneratedFiles.All().Where(file => file.Path.StartsWith("config/crd/kloset.dev_", StringComparison.Ordinal)))
        {
            await _client.CustomObjects.CreateClusterCustomObjectAsync(AdmissionOnRealServerTests.Parse(file.Content), "apiextensions.k8s.io", "v1", "customresourcedefinitions");
        }

        foreach (var kind in new[] { "klosetrepositories", "photobackups", "photorestores" })
        {
            await UntilServedAsync(_client, kind);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    private static async Task UntilServedAsync(Kubernetes client, string kind)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await client.CustomObjects.ListNamespacedCustomObjectAsync(ApiGroup.Name, ApiGroup.Version, "default", kind);
                return;
            }
            catch (HttpOperationException) when (tries < 150)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }
    }
}

/// <summary>What a real API server makes of our CRDs: it takes them, and each rule accepts and refuses what it should.</summary>
public sealed class AdmissionOnRealServerTests(ServerWithOurKinds server) : IClassFixture<ServerWithOurKinds>
{
    [Fact]
    public async Task Each_rule_accepts_and_refuses_what_it_should()
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        var wrong = new List<string>();
        foreach (var (kind, path, value, refusal) in Cases())
        {
            var candidate = With(Valid(kind), path, value);
            candidate["metadata"]!["name"] = "only-tried"; // the other tests store theirs on the same server
            var answer = await CreateAsync(kind, candidate, dryRun: true);
            if (refusal is null ? answer is not null : answer?.Contains(refusal, StringComparison.Ordinal) != true)
            {
                wrong.Add($"{kind} {path} = {value}: expected {refusal ?? "to be accepted"}, got {answer ?? "accepted"}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task What_must_not_change_cannot_be_changed()
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        var repository = With(Valid("klosetrepositories"), "spec.repositoryID", "6f1c0000-0000-4000-8000-000000000001");
        foreach (var (kind, stored) in new[] { ("klosetrepositories", repository), ("photobackups", Valid("photobackups")), ("photorestores", Valid("photorestores")) })
        {
            Assert.Null(await CreateAsync(kind, stored));
        }

        Assert.Contains("repositoryID must not change", await PatchAsync("klosetrepositories", "spec.repositoryID", "6f1c0000-0000-4000-8000-000000000002"), StringComparison.Ordinal);
        Assert.Contains("repositoryID must not be removed", await PatchAsync("klosetrepositories", "spec.repositoryID", null), StringComparison.Ordinal);
        Assert.Null(await PatchAsync("klosetrepositories", "spec.backend.s3.bucket", "moved"));
        Assert.Contains("account.id must not change", await PatchAsync("photobackups", "spec.account.id", "bob"), StringComparison.Ordinal);
        Assert.Null(await PatchAsync("photobackups", "spec.repositoryRef.name", "other"));
        Assert.Contains("source must not change", await PatchAsync("photorestores", "spec.source.backupRef.name", "bob"), StringComparison.Ordinal);
        Assert.Contains("target must not change", await PatchAsync("photorestores", "spec.target.volume.path", "/elsewhere"), StringComparison.Ordinal);
        Assert.Contains("select must not change", await PatchAsync("photorestores", "spec.select", Json("""{"albums":["Iceland"]}""")), StringComparison.Ordinal);
        Assert.Contains("options must not change", await PatchAsync("photorestores", "spec.options", Json("""{"existingFiles":"Skip"}""")), StringComparison.Ordinal);
        Assert.Null(await PatchAsync("photorestores", "spec.approvedPlan", "abc"));
        Assert.Null(await PatchAsync("photorestores", "spec.suspend", true));
        Assert.Null(await PatchAsync("photorestores", "spec.cancel", true));
        Assert.Contains("cannot be resumed", await PatchAsync("photorestores", "spec.cancel", false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_the_first_look_a_status_says_that_nothing_was_observed()
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        var stored = Valid("photobackups");
        stored["metadata"]!["name"] = "fresh";
        Assert.Null(await CreateAsync("photobackups", stored));
        var read = JsonNode.Parse(KubernetesJson.Serialize(await server.Client.CustomObjects.GetNamespacedCustomObjectAsync(ApiGroup.Name, ApiGroup.Version, "default", "photobackups", "fresh", TestContext.Current.CancellationToken)))!;
        Assert.Equal(-1, read["status"]!["observedGeneration"]!.GetValue<int>());
        Assert.Equal("30m", read["spec"]!["source"]!["takeout"]!["settle"]!.GetValue<string>());
    }

    private static IEnumerable<(string Kind, string Path, object? Value, string? Refusal)> Cases()
    {
        const string Repository = "klosetrepositories", Backup = "photobackups", Restore = "photorestores";
        yield return (Repository, "spec.suspend", true, null);
        yield return (Repository, "spec.backend.volume", Json("""{"claimName":"kloset"}"""), "exactly one of s3 and volume");
        yield return (Repository, "spec.backend.s3", null, "exactly one of s3 and volume");
        yield return (Repository, "spec.backend.s3.endpoint", "http://s3.example.net", "endpoint must begin with https://");
        yield return (Repository, "spec.backend.s3", Json("""{"endpoint":"http://s3:9000","bucket":"photos","insecure":{"allowHttp":true}}"""), null);
        yield return (Repository, "spec.backend.s3.prefix", "/photos", "prefix must not begin with /");
        yield return (Repository, "spec.backend.s3.prefix", "a/../b", "prefix must not begin with /");
        yield return (Repository, "spec.backend.s3.serverSideEncryption", Json("""{"algorithm":"aws:kms","kmsKeyID":"arn:aws:kms:eu-1:1:key/2"}"""), null);
        yield return (Repository, "spec.backend.s3.serverSideEncryption", Json("""{"customerKeySecretRef":{"name":"s3","key":"key"}}"""), null);
        yield return (Repository, "spec.backend.s3.serverSideEncryption", Json("{}"), "exactly one of algorithm and customerKeySecretRef");
        yield return (Repository, "spec.backend.s3.serverSideEncryption", Json("""{"algorithm":"AES256","kmsKeyID":"a"}"""), "kmsKeyID goes with the algorithm aws:kms");
        yield return (Repository, "spec.backend.s3.serverSideEncryption", Json("""{"algorithm":"rot13"}"""), "serverSideEncryption.algorithm");
        yield return (Repository, "spec.backend", Json("""{"volume":{"claimName":"kloset","path":"../x"}}"""), "path must begin with /");
        yield return (Repository, "spec.encryption", Json("{}"), "passphraseSecretRef must be set");
        yield return (Repository, "spec.encryption", Json("""{"mode":"None"}"""), null);
        yield return (Repository, "spec.encryption.mode", "None", "passphraseSecretRef must be set");
        yield return (Repository, "spec.repositoryID", "not-a-uuid", "spec.repositoryID");
        yield return (Repository, "spec.immutability", Json("""{"mode":"Governance","days":0}"""), "spec.immutability.days");
        yield return (Repository, "spec.immutability", Json("""{"mode":"Compliance","days":90}"""), null);
        yield return (Repository, "spec.concurrency", Json("""{"maxJobs":0}"""), "spec.concurrency.maxJobs");
        yield return (Repository, "spec.bandwidthBytesPerSecond", "20Mi", null);
        yield return (Repository, "spec.bandwidthBytesPerSecond", 1048576, null);
        yield return (Repository, "spec.bandwidthBytesPerSecond", "fast", "spec.bandwidthBytesPerSecond");
        yield return (Repository, "spec.maintenance", Json("""{"schedule":{"cron":"H H * * 0","timeZone":"Europe/Zurich"}}"""), null);
        yield return (Repository, "spec.check", Json("""{"schedule":{"cron":"every day"}}"""), "spec.check.schedule.cron");

        yield return (Backup, "spec.source", Json("{}"), "exactly one of takeout, library and picker");
        yield return (Backup, "spec.source.library", Json("""{"credentialsSecretRef":{"name":"g"}}"""), "exactly one of takeout, library and picker");
        yield return (Backup, "spec.source.takeout.locations", Json("[]"), "spec.source.takeout.locations");
        yield return (Backup, "spec.source.takeout.locations", Json("[{}]"), "exactly one of googleDrive, s3 and volume");
        yield return (Backup, "spec.source.takeout.settle", "0s", "settle must be more than 0s");
        yield return (Backup, "spec.account.id", "with space", "spec.account.id");
        yield return (Backup, "spec.account.email", "nobody", "spec.account.email");
        yield return (Backup, "spec.schedule", Json("""{"cron":"H(0-29) H(22-23) * * *","jitter":"30m","windows":[{"from":"22:00","to":"06:00"}]}"""), null);
        yield return (Backup, "spec.schedule", Json("""{"cron":"H H * *"}"""), "spec.schedule.cron");
        yield return (Backup, "spec.schedule", Json("""{"cron":"H H * * *","jitter":"24h"}"""), "jitter must be more than 0s and less than 24h");
        yield return (Backup, "spec.schedule", Json("""{"cron":"H H * * *","jitter":"0m"}"""), "jitter must be more than 0s and less than 24h");
        yield return (Backup, "spec.schedule", Json("""{"cron":"H H * * *","windows":[{"from":"22:00","to":"22:00"}]}"""), "a window must not begin and end");
        yield return (Backup, "spec.schedule", Json("""{"cron":"H H * * *","windows":[{"from":"25:00","to":"22:00"}]}"""), "from");
        yield return (Backup, "spec.objective", Json("""{"maxAge":"1800h"}"""), null);
        yield return (Backup, "spec.objective", Json("""{"maxAge":"0h"}"""), "maxAge must be more than 0s");
        yield return (Backup, "spec.retention", Json("{}"), "retention must keep something");
        yield return (Backup, "spec.retention", Json("""{"keepMonthly":12}"""), null);
        yield return (Backup, "spec.retention", Json("""{"keepWithin":"720h"}"""), null);
        yield return (Backup, "spec.job", Json("""{"cache":{"sizeLimit":"1Gi","volumeClaimName":"cache"}}"""), "only one of sizeLimit and volumeClaimName");
        yield return (Backup, "spec.job", Json("""{"env":[{"name":"KLOSET_RUN","value":"x"}]}"""), "names that begin with KLOSET_");
        yield return (Backup, "spec.job", Json("""{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}},"resources":{"limits":{"memory":"1Gi","cpu":2}}}"""), null);
        yield return (Backup, "spec.unknown", "field", "unknown field");

        yield return (Restore, "spec.source.repositoryRef", Json("""{"name":"family"}"""), "exactly one of backupRef and repositoryRef");
        yield return (Restore, "spec.source", Json("""{"repositoryRef":{"name":"family"},"latest":true}"""), "repositoryRef and account go together");
        yield return (Restore, "spec.source", Json("""{"repositoryRef":{"name":"family"},"account":{"id":"alice"},"asOf":"2026-11-01T00:00:00Z"}"""), null);
        yield return (Restore, "spec.source.asOf", "2026-11-01T00:00:00Z", "exactly one of snapshotID, latest and asOf");
        yield return (Restore, "spec.source.latest", false, "latest can only be true");
        yield return (Restore, "spec.source.snapshotID", "XYZ", "spec.source.snapshotID");
        yield return (Restore, "spec.target", Json("{}"), "exactly one of volume, s3 and googlePhotos");
        yield return (Restore, "spec.select", Json("""{"place":{}}"""), "exactly one of box and radius");
        yield return (Restore, "spec.select", Json("""{"place":{"box":{"south":-91,"west":0,"north":1,"east":1}}}"""), "spec.select.place.box.south");
        yield return (Restore, "spec.select", Json("""{"place":{"radius":{"latitude":64.1,"longitude":-21.9,"meters":50000}},"albums":["Iceland"],"taken":{"from":"2023-06-01T00:00:00Z"}}"""), null);
        yield return (Restore, "spec.options", Json("""{"existingFiles":"Ask"}"""), "spec.options.existingFiles");
        yield return (Restore, "spec.options", Json("""{"edition":"Originals"}"""), null);
    }

    private static JsonObject Valid(string kind) => Parse(kind switch
    {
        "klosetrepositories" => """
            apiVersion: kloset.dev/v1alpha1
            kind: KlosetRepository
            metadata: {name: one, namespace: default}
            spec:
              backend: {s3: {endpoint: "https://s3.example.net", bucket: photos}}
              encryption: {passphraseSecretRef: {name: kloset, key: passphrase}}
            """,
        "photobackups" => """
            apiVersion: kloset.dev/v1alpha1
            kind: PhotoBackup
            metadata: {name: one, namespace: default}
            spec:
              repositoryRef: {name: family}
              account: {id: alice}
              source: {takeout: {locations: [{volume: {claimName: drop}}]}}
            """,
        _ => """
            apiVersion: kloset.dev/v1alpha1
            kind: PhotoRestore
            metadata: {name: one, namespace: default}
            spec:
              source: {backupRef: {name: alice}, latest: true}
              target: {volume: {claimName: out, path: /restore}}
            """,
    });

    /// <summary>Null when it was accepted, else why not.</summary>
    private async Task<string?> CreateAsync(string kind, JsonObject body, bool dryRun = false)
    {
        try
        {
            await server.Client.CustomObjects.CreateNamespacedCustomObjectAsync(
                body, ApiGroup.Name, ApiGroup.Version, "default", kind, dryRun: dryRun ? "All" : null, fieldValidation: "Strict");
            return null;
        }
        catch (HttpOperationException refused)
        {
            return refused.Response.Content;
        }
    }

    private async Task<string?> PatchAsync(string kind, string path, object? value)
    {
        try
        {
            var patch = new JsonObject();
            Set(patch, path, value, keepNull: true);
            await server.Client.CustomObjects.PatchNamespacedCustomObjectAsync(
                new k8s.Models.V1Patch(patch.ToJsonString(), k8s.Models.V1Patch.PatchType.MergePatch), ApiGroup.Name, ApiGroup.Version, "default", kind, "one");
            return null;
        }
        catch (HttpOperationException refused)
        {
            return refused.Response.Content;
        }
    }

    private static JsonObject With(JsonObject body, string path, object? value)
    {
        Set(body, path, value, keepNull: false);
        return body;
    }

    private static void Set(JsonObject body, string path, object? value, bool keepNull)
    {
        var keys = path.Split('.');
        foreach (var key in keys[..^1])
        {
            body = (JsonObject)(body[key] ??= new JsonObject());
        }

        if (value is null && !keepNull)
        {
            body.Remove(keys[^1]);
        }
        else
        {
            body[keys[^1]] = value switch
            {
                null => null,
                JsonNode node => node.DeepClone(),
                string text => JsonValue.Create(text),
                bool flag => JsonValue.Create(flag),
                int number => JsonValue.Create(number),
                _ => throw new ArgumentException($"no JSON for {value}"),
            };
        }
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;

    internal static JsonObject Parse(string yaml) => (JsonObject)JsonNode.Parse(
        new SerializerBuilder().JsonCompatible().Build().Serialize(
            new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build().Deserialize(new StringReader(yaml))!))!;
}
