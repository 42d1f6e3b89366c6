using System.Text.Json;
using k8s;
using YamlDotNet.Serialization;

namespace KlosetOperator.Api.Tests;

public sealed class JsonTests
{
    [Fact]
    public void The_whole_example_of_a_backup_is_read()
    {
        var backup = FromYaml<PhotoBackup>("""
            apiVersion: kloset.dev/v1alpha1
            kind: PhotoBackup
            metadata: {name: alice, namespace: photos}
            spec:
              repositoryRef: {name: family}
              account: {id: alice, email: alice@example.com}
              source:
                takeout:
                  locations:
                    - googleDrive: {folderID: 1x2y3z, credentialsSecretRef: {name: drive}}
                    - s3: {endpoint: "https://s3.example.net", bucket: drop}
                    - volume: {claimName: drop, path: /}
                  settle: 30m
              selection: {albums: {include: ["*"], exclude: []}, includeTrashed: false}
              schedule: {cron: "H H * * *", timeZone: Europe/Zurich, jitter: 30m, windows: [{from: "22:00", to: "06:00"}]}
              objective: {maxAge: 1800h}
              retention: {keepLast: 3}
              suspend: false
              job:
                resources: {limits: {memory: 1Gi}}
                cache: {sizeLimit: 5Gi}
                tolerations: [{key: photos, operator: Exists}]
            """);
        Assert.Equal("1x2y3z", backup.Spec.Source.Takeout!.Locations[0].GoogleDrive!.FolderID);
        Assert.Equal("/", backup.Spec.Source.Takeout.Locations[2].Volume!.Path);
        Assert.Equal("22:00", backup.Spec.Schedule!.Windows![0].From);
        Assert.Equal(5L << 30, backup.Spec.Job!.Cache!.SizeLimit!.Value.Bytes);
        Assert.Equal(3, backup.Spec.Retention!.KeepLast);
    }

    [Fact]
    public void Times_are_written_as_metav1_writes_them()
    {
        var status = new PhotoBackupStatus { CoveredThrough = new DateTimeOffset(2026, 9, 21, 12, 0, 0, 500, TimeSpan.FromHours(2)) };
        Assert.Contains("\"coveredThrough\":\"2026-09-21T10:00:00Z\"", KubernetesJson.Serialize(status), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_may_be_a_number_in_JSON()
    {
        var check = KubernetesJson.Deserialize<CheckSpec>("""{"dataBytesPerMonth": 1048576}""");
        Assert.Equal(1048576, check.DataBytesPerMonth!.Value.Bytes);
    }

    [Fact]
    public void A_time_that_is_none_is_refused_by_name() =>
        Assert.Throws<JsonException>(() => KubernetesJson.Deserialize<TimeRange>("""{"from": "yesterday"}"""));

    /// <summary>As the API server does it: YAML is turned into JSON first.</summary>
    private static T FromYaml<T>(string yaml) => KubernetesJson.Deserialize<T>(
        new SerializerBuilder().JsonCompatible().Build().Serialize(
            new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build().Deserialize(new StringReader(yaml))!));
}
