using System.Text.Json.Nodes;
using DevCluster.Faults;
using KlosetWorker.Contract;
using static KlosetOperator.Tests.Clusters.OperatorOnCluster;

namespace KlosetOperator.Tests.Clusters;

/// <summary>The whole operator against an API server.</summary>
public sealed class ReconcileLoopTests
{
    private const string Backups = "photobackups.kloset.dev";
    private const string Repositories = "klosetrepositories.kloset.dev";
    private const string Restores = "photorestores.kloset.dev";

    [Fact]
    public async Task A_repository_is_made_an_account_backed_up_and_restored()
    {
        await using var world = await StartAsync();
        world.Everything();
        world.Restore();
        var backup = await world.UntilAsync(Backups, "alice", Succeeded, "a first backup");
        Assert.Equal("True", Condition(backup, "Ready"));
        Assert.Equal("True", Condition(backup, "Protected"));
        Assert.Equal("True", Condition(backup, "Complete"));
        Assert.Equal("False", Condition(backup, "ActionRequired"));
        Assert.Equal(100, backup["status"]!["library"]!["items"]!.GetValue<long>());
        var restore = await world.UntilAsync(Restores, "back", entity => Condition(entity, "Succeeded") == "True", "a restore");
        Assert.Equal("aaaaaaaa", (string?)restore["status"]!["resolved"]!["snapshot"]);
        Assert.Equal("100 %", (string?)restore["status"]!["progress"]);
        var repository = await world.UntilAsync(Repositories, "family", entity => entity["status"]?["totals"] is not null, "totals");
        Assert.Equal("6f1c0000-0000-4000-8000-000000000001", (string?)repository["status"]!["repositoryID"]);
        Assert.Equal("878.9 KiB", (string?)repository["status"]!["totals"]!["stored"]);

        Assert.Equal([RunKind.Create, RunKind.Backup, RunKind.Restore], world.Runs.Select(run => run.Kind).Order());
        var order = world.Runs.Single(run => run.Kind == RunKind.Backup);
        Assert.Equal("6f1c0000-0000-4000-8000-000000000001", order.Repository.RepositoryId.ToString());
        Assert.Equal(new SecretKeyRef("kloset", "passphrase"), order.Repository.Passphrase);
        Assert.Equal("drop", order.Backup!.Takeout!.Single().Volume!.Name);
        Assert.Contains(world.Cluster.List("events", Namespace), Said("RunStarted"));
        Assert.Contains(world.Cluster.List("events", Namespace), Said("RunSucceeded"));
    }

    [Fact]
    public async Task A_request_runs_again_and_is_answered()
    {
        await using var world = await StartAsync();
        world.Everything();
        await world.UntilAsync(Backups, "alice", Succeeded, "a first backup");
        world.Backup(annotation: "again");
        var backup = await world.UntilAsync(Backups, "alice", entity => entity["status"]!["runs"]!.AsArray().Count == 2, "a second run");
        Assert.Equal("again", (string?)backup["status"]!["handled"]!["run"]);
        Assert.Equal("digest", world.Runs[^1].Backup!.IngestedDigest);
    }

    [Fact]
    public async Task What_is_missing_is_said_by_name_and_waited_for()
    {
        await using var world = await StartAsync();
        world.Claim("kloset");
        world.Repository();
        world.Backup();
        var repository = await world.UntilAsync(Repositories, "family", entity => Condition(entity, "Ready", "reason") == "SecretMissing", "SecretMissing");
        Assert.Contains("'kloset'", Condition(repository, "Ready", "message"), StringComparison.Ordinal);
        world.Secret("kloset", "passphrase", "a long one");
        await world.UntilAsync(Repositories, "family", entity => Condition(entity, "Ready") == "True", "Ready");
        await world.UntilAsync(Backups, "alice", entity => Condition(entity, "Ready", "reason") == "ClaimMissing", "ClaimMissing");
        world.Claim("drop");
        await world.UntilAsync(Backups, "alice", Succeeded, "a backup");
    }

    [Fact]
    public async Task A_wrong_passphrase_stalls_until_the_Secret_changes()
    {
        var right = false;
        await using var world = await StartAsync(run => Volatile.Read(ref right) ? Good(run) : (12, null));
        world.Everything();
        var repository = await world.UntilAsync(Repositories, "family", entity => Condition(entity, "Stalled") == "True", "Stalled");
        Assert.Equal("WrongPassphrase", Condition(repository, "Ready", "reason"));
        Assert.Equal("False", Condition(repository, "Ready"));
        Volatile.Write(ref right, true);
        world.Secret("kloset", "passphrase", "the right one");
        await world.UntilAsync(Backups, "alice", Succeeded, "a backup");
    }

    [Fact]
    public async Task A_worker_that_crashes_is_tried_again_by_its_Job_and_a_lost_result_is_looked_up()
    {
        var tries = 0;
        await using var world = await StartAsync(run => run.Kind switch
        {
            RunKind.Backup when Interlocked.Increment(ref tries) == 1 => (139, null),
            RunKind.Backup => (0, null), // succeeded, and nobody heard it
            _ => Good(run),
        });
        world.Everything();
        var backup = await world.UntilAsync(Backups, "alice", entity => entity["status"]?["runs"]?[0]?["outcome"]?.GetValue<string>() == "Succeeded", "an answer");
        var inspection = world.Runs.Single(run => run.Kind == RunKind.Inspect);
        Assert.Equal((string?)backup["status"]!["runs"]![0]!["id"], inspection.Inspect!.LostRunId);
        Assert.Equal(2, tries);
    }

    [Fact]
    public async Task While_nothing_happens_nothing_is_written()
    {
        await using var world = await StartAsync();
        world.Everything();
        world.Restore();
        await world.UntilAsync(Restores, "back", entity => Condition(entity, "Succeeded") == "True", "a restore");
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        var writes = 0;
        world.Faults.Answered += (request, _) => Interlocked.Add(ref writes, request.Verb is "create" or "update" or "patch" or "delete" && request.Resource != "events" ? 1 : 0);
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        Assert.Equal(0, writes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(10)]
    [InlineData(12)]
    public async Task An_operator_that_dies_at_any_write_leaves_a_world_that_the_next_one_finishes(int write)
    {
        await using var world = await StartAsync(start: false);
        var writes = 0;
        var after = write % 2 == 0;
        bool Strikes(ApiRequest request) =>
            request.Verb is "create" or "update" or "patch" or "delete" && !request.Resource.Contains("events", StringComparison.Ordinal) && Interlocked.Increment(ref writes) == write;
        _ = after ? world.Faults.After(Strikes, _ => world.Die()) : world.Faults.Before(Strikes, _ => world.Die());
        world.Everything();
        world.Restore();
        await world.StartOperatorAsync();
        await UntilAsync(() => world.IsDead || Ended(world) ? "so" : null, "the death, or the end");
        await world.KillOperatorAsync();
        await world.StartOperatorAsync();
        await world.UntilAsync(Restores, "back", entity => Condition(entity, "Succeeded") == "True", "a restore");
        await world.UntilAsync(Backups, "alice", Succeeded, "a backup");
        Assert.Equal([RunKind.Create, RunKind.Backup, RunKind.Restore], world.Runs.Select(run => run.Kind).Order());
        Assert.Equal(3, world.Cluster.List("jobs.batch", Namespace).Count);
    }

    [Fact]
    public async Task Lost_answers_refused_calls_and_cut_watches_do_not_make_a_second_Job()
    {
        await using var world = await StartAsync(start: false);
        world.Faults
            .Fail(request => request is { Verb: "create", Resource: "jobs" }, new RequestFault.LoseResponse(), times: 3)
            .Fail(request => request is { Verb: "patch", Subresource: "status" }, new RequestFault.Refuse(500), times: 3)
            .Fail(request => request is { Verb: "patch", Subresource: "status" }, new RequestFault.Refuse(409, "Conflict"), times: 2)
            .OnWatch(delivery => delivery.Sequence % 5 == 3 ? WatchFault.Duplicate : delivery.Sequence % 11 == 7 ? WatchFault.Cut : delivery.Sequence % 13 == 9 ? WatchFault.Expire : null);
        world.Everything();
        await world.StartOperatorAsync();
        await world.UntilAsync(Backups, "alice", Succeeded, "a backup");
        Assert.Equal([RunKind.Create, RunKind.Backup], world.Runs.Select(run => run.Kind).Order());
    }

    private static bool Ended(OperatorOnCluster world) =>
        world.Cluster.Get(Restores, Namespace, "back") is { } restore && Condition(restore, "Succeeded") == "True";

    private static bool Succeeded(JsonObject backup) => backup["status"]?["lastSuccessTime"] is not null && backup["status"]?["active"] is null;

    private static Predicate<JsonObject> Said(string reason) => entity => (string?)entity["reason"] == reason;
}
