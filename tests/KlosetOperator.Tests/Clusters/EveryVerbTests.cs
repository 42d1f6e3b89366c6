using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Nodes;
using DevCluster.Faults;
using KlosetOperator.Api.Schema;
using KlosetOperator.Hosting;
using KlosetWorker.Contract;
using static KlosetOperator.Tests.Clusters.OperatorOnCluster;

namespace KlosetOperator.Tests.Clusters;

/// <summary>The generated roles against what the operator really asks of the API server in a life with everything in it.</summary>
public sealed class EveryVerbTests
{
    private const string Backups = "photobackups.kloset.dev";
    private const string Restores = "photorestores.kloset.dev";

    /// <summary>Asked once at start, before there is an operator: the uid that names the cluster.</summary>
    private static readonly (string, RbacVerb) NameOfTheCluster = ("namespaces", RbacVerb.Get);

    [Fact]
    public async Task Every_right_is_used_and_none_is_missing()
    {
        using var mayEnd = new ManualResetEventSlim();
        var used = new ConcurrentDictionary<(string Resource, RbacVerb Verb), int>();
        await using var world = await StartAsync(
            run =>
            {
                if (run.Kind == RunKind.Restore)
                {
                    mayEnd.Wait(Patience);
                }

                return Good(run);
            },
            start: false);
        world.Faults.Before(_ => true, request => used.AddOrUpdate(Right(request), 1, (_, times) => times + 1));

        // The answer to the first Job is lost, and so is the news of it: the second try meets the Job, and reads it.
        world.Faults.Fail(request => request is { Verb: "create", Resource: "jobs" }, new RequestFault.LoseResponse());
        world.Faults.OnWatch(delivery => delivery.Request.Resource == "jobs" && !used.ContainsKey(("jobs", RbacVerb.Get)) ? WatchFault.Drop : null);
        world.Everything();
        world.Restore();
        await world.StartOperatorAsync(withElection: true);

        // Twice the same Event is a series.
        await world.UntilAsync(Backups, "alice", entity => entity["status"]?["lastSuccessTime"] is not null && entity["status"]?["active"] is null, "a backup");
        world.Backup(annotation: "again");
        await world.UntilAsync(Backups, "alice", entity => entity["status"]!["runs"]!.AsArray().Count == 2, "another backup");

        // A restore that runs, is suspended, and is cancelled.
        await world.UntilAsync(Restores, "back", entity => Condition(entity, "Running", "reason") == "Restoring", "a restore");
        await UntilAsync(() => used.ContainsKey(("pods/log", RbacVerb.Get)) ? "so" : null, "a look at the log");
        world.Cluster.Patch(Restores, Namespace, "back", new JsonObject { ["spec"] = new JsonObject { ["suspend"] = true } });
        await world.UntilAsync(Restores, "back", entity => Condition(entity, "Running", "reason") == "Suspended", "a suspended restore");
        world.Cluster.Patch(Restores, Namespace, "back", new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } });
        await UntilAsync(() => used.ContainsKey(("jobs", RbacVerb.Delete)) ? "so" : null, "the end of the Job");
        mayEnd.Set();
        await world.UntilAsync(Restores, "back", entity => Condition(entity, "Succeeded", "reason") == "Cancelled", "the end of the restore");
        await UntilAsync(() => used.ContainsKey(("events", RbacVerb.Patch)) ? "so" : null, "a series of Events");
        await world.StopOperatorAsync();

        var granted = typeof(OperatorComposition).Assembly.GetTypes().SelectMany(type => type.GetCustomAttributes<EntityRbacAttribute>())
            .SelectMany(right => Enum.GetValues<RbacVerb>().Where(verb => verb != RbacVerb.None && right.Verbs.HasFlag(verb)).Select(verb => (right.Resource, verb)))
            .ToHashSet();
        Assert.Empty(used.Keys.Where(right => right.Verb != RbacVerb.None && !granted.Contains(right)).Select(right => $"used and not granted: {right}"));
        Assert.Empty(granted.Where(right => !used.ContainsKey(right) && right != NameOfTheCluster).Select(right => $"granted and not used: {right}"));
    }

    private static (string, RbacVerb) Right(ApiRequest request) => request.Verb switch
    {
        "log" => ("pods/log", RbacVerb.Get),
        "other" => ("", RbacVerb.None),
        var verb when request.Resource.Length == 0 => (verb, RbacVerb.None), // discovery
        var verb => (request.Subresource.Length > 0 ? $"{request.Resource}/{request.Subresource}" : request.Resource, Enum.Parse<RbacVerb>(verb, ignoreCase: true)),
    };
}
