using System.Globalization;
using System.Text.Json.Nodes;
using KlosetOperator.Api;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Tests.Simulation;

/// <summary>What a fleet costs while nothing is due, hour after hour of its clock.</summary>
public sealed class IdleFleetTests
{
    private const string Space = "photos";
    private const int Backups = 200;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
    private readonly List<string> _calls = [];

    [Fact]
    public async Task A_fleet_at_rest_makes_no_call_for_hours()
    {
        var api = new SimulatedApi(_time);
        var cluster = new SimulatedCluster(api, _time, new Random(1)) { IsHealthy = true };
        Make(api, "secrets", "v1", "Secret", "kloset", "{}");
        Make(api, "persistentvolumeclaims", "v1", "PersistentVolumeClaim", "data", """{"accessModes":["ReadWriteMany"]}""");
        Make(
            api, "klosetrepositories", ApiGroup.GroupVersion, "KlosetRepository", "family",
            """{"backend":{"volume":{"claimName":"data"}},"encryption":{"passphraseSecretRef":{"name":"kloset","key":"passphrase"}},"maintenance":{"schedule":{"cron":"0 0 1 1 *"}},"check":{"schedule":{"cron":"0 0 1 1 *"}}}""");
        for (var i = 0; i < Backups; i++)
        {
            var account = string.Create(CultureInfo.InvariantCulture, $"b{i}");
            Make(
                api, "photobackups", ApiGroup.GroupVersion, "PhotoBackup", account,
                """{"repositoryRef":{"name":"family"},"account":{"id":"ACCOUNT"},"source":{"takeout":{"locations":[{"volume":{"claimName":"data"}}]}},"schedule":{"cron":"0 0 1 1 *"}}""".Replace("ACCOUNT", account, StringComparison.Ordinal));
        }

        var line = new Line((_, _) => CallFault.None) { Took = (verb, kind, entity) => _calls.Add($"{_time.GetUtcNow():HH:mm:ss} {verb} {kind} {entity?["metadata"]?["name"]}") };
        await using var one = new SimulatedOperator(api, line, _time, _ => null, mostJobs: 20);
        for (var minutes = 0; !api.List("photobackups").All(IsBackedUp); minutes++)
        {
            Assert.True(minutes < 24 * 60, "not all were backed up within a day");
            Rest.Reach([one], api, cluster, () => string.Join('\n', _calls.TakeLast(60)));
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        // Progress and sweeping of ended Jobs have their last say.
        for (var minutes = 0; minutes < 60; minutes++)
        {
            Rest.Reach([one], api, cluster, () => string.Join('\n', _calls.TakeLast(60)));
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        _calls.Clear();
        for (var seconds = 0; seconds < 3 * 3600; seconds += 20)
        {
            Rest.Reach([one], api, cluster, () => string.Join('\n', _calls.TakeLast(60)));
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.Empty(_calls);
    }

    private static bool IsBackedUp(JsonObject backup) => (string?)backup["status"]?["runs"]?[0]?["outcome"] == "Succeeded" && backup["status"]!["active"] is null;

    private static void Make(SimulatedApi api, string kind, string apiVersion, string type, string name, string spec) => api.Create(kind, new JsonObject
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = type,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Space },
        ["spec"] = JsonNode.Parse(spec),
    });
}
