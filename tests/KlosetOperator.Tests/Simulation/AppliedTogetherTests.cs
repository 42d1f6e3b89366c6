using System.Text.Json.Nodes;
using KlosetOperator.Api;
using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Tests.Simulation;

/// <summary>Who keeps everything in Git applies everything at once, in any order.</summary>
public sealed class AppliedTogetherTests
{
    private const string Space = "photos";

    [Fact]
    public async Task A_restore_that_comes_before_its_repository_its_backup_and_the_first_snapshot_succeeds_by_itself()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.Zero };
        var api = new SimulatedApi(time);
        var cluster = new SimulatedCluster(api, time, new Random(1)) { IsHealthy = true };
        var seen = new List<string>();
        var line = new Line((_, _) => CallFault.None)
        {
            Took = (verb, kind, entity) =>
            {
                if (verb == "apply" && kind == "photorestores")
                {
                    seen.Add(Succeeded(entity!));
                }
            },
        };
        await using var one = new SimulatedOperator(api, line, time, _ => null, mostJobs: 1);
        void Pass(int minutes)
        {
            for (var i = 0; i < minutes; i++)
            {
                Rest.Reach([one], api, cluster, () => string.Join('\n', seen));
                time.Advance(TimeSpan.FromMinutes(1));
            }
        }

        void Make(string kind, string apiVersion, string type, string name, string spec) => api.Create(kind, new JsonObject
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = type,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Space },
            ["spec"] = JsonNode.Parse(spec),
        });

        Make("photorestores", ApiGroup.GroupVersion, "PhotoRestore", "back", """{"source":{"backupRef":{"name":"alice"},"latest":true},"target":{"volume":{"claimName":"data"}}}""");
        Pass(minutes: 3);
        Make("secrets", "v1", "Secret", "kloset", "{}");
        Make("persistentvolumeclaims", "v1", "PersistentVolumeClaim", "data", """{"accessModes":["ReadWriteMany"]}""");

        // Outside its window, so that the restore looks first.
        Make(
            "photobackups", ApiGroup.GroupVersion, "PhotoBackup", "alice",
            """{"repositoryRef":{"name":"family"},"account":{"id":"alice"},"source":{"takeout":{"locations":[{"volume":{"claimName":"data"}}]}},"schedule":{"cron":"0 22 * * *","windows":[{"from":"22:00","to":"06:00"}]}}""");
        Pass(minutes: 3);
        Make(
            "klosetrepositories", ApiGroup.GroupVersion, "KlosetRepository", "family",
            """{"backend":{"volume":{"claimName":"data"}},"encryption":{"passphraseSecretRef":{"name":"kloset","key":"passphrase"}}}""");
        Pass(minutes: 8 * 60);
        Assert.Equal($"Unknown {Reasons.WaitingForSnapshot}", seen[^1]);
        Pass(minutes: 4 * 60);
        Assert.Equal("True Succeeded", seen[^1]);
        Assert.DoesNotContain(seen, state => state.StartsWith("False", StringComparison.Ordinal));
        Assert.Equal(2, api.Get("photorestores", new NamespacedName(Space, "back"))!["status"]!["runs"]!.AsArray().Count);
    }

    private static string Succeeded(JsonObject restore) =>
        restore["status"]!["conditions"]!.AsArray().Single(condition => (string?)condition!["type"] == "Succeeded") is { } condition ? $"{condition["status"]} {condition["reason"]}" : "";
}
