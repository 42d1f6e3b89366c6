using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using k8s.Models;
using KlosetOperator.Admission;
using KlosetOperator.Api;
using KlosetOperator.References;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Telemetry;

namespace KlosetOperator.Tests.Telemetry;

public sealed class PrometheusTextTests : IDisposable
{
    private readonly Store<PhotoBackup> _backups = new();
    private readonly Store<KlosetRepository> _repositories = new();
    private readonly OperatorMetrics _metrics;

    public PrometheusTextTests() => _metrics = new OperatorMetrics(
        _backups, _repositories, new ReferencedObjects(new Store<V1PersistentVolumeClaim>(), null, new Store<MetadataOnly<V1ConfigMap>>()), new AdmissionLedger(1));

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task Every_object_of_a_fleet_is_told_of_and_a_deleted_one_no_longer()
    {
        for (var i = 0; i < 2_500; i++)
        {
            Put(string.Create(CultureInfo.InvariantCulture, $"b{i}"), i == 7 ? "False" : "True");
        }

        var text = await ScrapeAsync();
        Assert.Equal(2_500, Series(text, "photos_backup_protected").Count);
        Assert.Contains("photos_backup_protected{namespace=\"photos\",name=\"b7\"} 0", text, StringComparison.Ordinal);
        Assert.Contains("photos_backup_protected{namespace=\"photos\",name=\"b2499\"} 1", text, StringComparison.Ordinal);
        _backups.Remove(new NamespacedName("photos", "b7"));
        Assert.DoesNotContain("\"b7\"", await ScrapeAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_format_is_that_of_Prometheus()
    {
        Put("a", "True", new ActionStatus { Kind = "Odd\"\\\n" });
        var text = await ScrapeAsync();
        Assert.StartsWith("# HELP photos_backup_protected 1 when the covered state is younger than the objective's maximum age.\n# TYPE photos_backup_protected gauge\n", text, StringComparison.Ordinal);
        Assert.Contains("photos_backup_action_required{namespace=\"photos\",name=\"a\",kind=\"Odd\\\"\\\\\\n\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("photos_backup_next_run_timestamp_seconds{namespace=\"photos\",name=\"a\"} 1795435200\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches("^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\\{.*\\})? [0-9.E+-]+)$", line));
    }

    private static List<string> Series(string text, string name) => [.. text.Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal))];

    private void Put(string name, string isProtected, params ActionStatus[] actions) => _backups.Upsert(new PhotoBackup
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "photos", Uid = name },
        Spec = new PhotoBackupSpec { RepositoryRef = new NameRef { Name = "family" }, Account = new AccountSpec { Id = name }, Source = new BackupSource { Picker = new PickerSource { CredentialsSecretRef = new NameRef { Name = "g" } } } },
        Status = new PhotoBackupStatus
        {
            Conditions = [new V1Condition { Type = ConditionTypes.Protected, Status = isProtected, Reason = "R", Message = "" }],
            NextRunTime = new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero),
            Actions = actions,
        },
    });

    private async Task<string> ScrapeAsync()
    {
        using var stream = new MemoryStream();
        var writer = PipeWriter.Create(stream);
        await PrometheusText.WriteAsync(_metrics.Gauges, writer, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
