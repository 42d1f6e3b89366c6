using System.Text.Json.Nodes;
using Demo.Staging;
using DevCluster.Json;
using static EndToEnd.Household;

namespace EndToEnd;

/// <summary>One repository, and clusters that come and go.</summary>
public sealed class ManyClustersTests
{
    [Theory]
    [InlineData("home", "home")]
    [InlineData("home", "another")]
    public async Task A_cluster_that_is_rebuilt_adopts_its_repository_without_writing_a_byte(string before, string after)
    {
        await using var lost = await MakeAsync(items: 20, clusterName: before);
        lost.Stage.DeliverExport();
        await lost.Stage.CreatePassphraseAsync();
        lost.Stage.StartOperator();
        await lost.ApplyBackupAsync();
        var held = await lost.UntilSnapshotsAsync(1);
        var files = await lost.RepositoryFilesAsync();

        var rebuilt = await lost.RebuildAsync(after);
        await using var _ = rebuilt.Stage;
        await rebuilt.Stage.CreatePassphraseAsync();
        rebuilt.Stage.StartOperator();
        await rebuilt.ApplyBackupAsync();
        var adopted = await rebuilt.UntilSnapshotsAsync(1);

        Assert.True(Stage.IsTrue(adopted, "Protected"));
        Assert.True(Stage.IsTrue(adopted, "Complete"));
        Assert.Equal("NothingNew", adopted.Array("status", "runs")![0].Text("outcome"));
        Assert.Equal(held.Integer("status", "library", "items"), adopted.Integer("status", "library", "items"));
        Assert.Equal(held.Text("status", "coveredThrough"), adopted.Text("status", "coveredThrough"));
        Assert.Equal(held.Array("status", "snapshots")![0].Text("id"), adopted.Array("status", "snapshots")![0].Text("id"));
        Assert.Equal(files, await rebuilt.RepositoryFilesAsync());
        rebuilt.AssertPlainWords();
    }

    [Fact]
    public async Task A_second_cluster_with_the_same_manifests_forgets_and_sweeps_nothing_and_says_so()
    {
        await using var first = await MakeAsync(items: 10, clusterName: "first");
        first.Stage.DeliverExport();
        await first.Stage.CreatePassphraseAsync();
        first.Stage.StartOperator();
        await first.ApplyBackupAsync();
        await first.UntilSnapshotsAsync(1);
        first.Stage.LetTimePass(TimeProvider.System.GetUtcNow().AddHours(-1), newItems: 3);
        first.Stage.DeliverExport(parts: 1);
        first.Stage.RequestRun("increment");
        await first.UntilSnapshotsAsync(2);

        // The same manifests, which by now say that one snapshot is enough and maintenance is due every minute.
        var second = await first.RebuildAsync("second");
        await using var _ = second.Stage;
        await second.Stage.CreatePassphraseAsync();
        await second.ApplyBackupAsync();
        second.Stage.Cluster.Patch(Stage.Backups, Stage.Namespace, Stage.Backup, (JsonObject)JsonNode.Parse("""{"spec":{"retention":{"keepLast":1}}}""")!);
        second.Stage.Cluster.Patch(Stage.Repositories, Stage.Namespace, Stage.Repository, (JsonObject)JsonNode.Parse("""{"spec":{"maintenance":{"schedule":{"cron":"* * * * *"}}}}""")!);
        second.Stage.StartOperator();
        var backup = await second.UntilSnapshotsAsync(2);
        var repository = await second.Stage.UntilAsync(
            Stage.Repositories, Stage.Repository, "the owner's name", klr => Stage.Condition(klr, "Maintained").Text("reason") == "OwnedElsewhere", Patience, null, Ct);

        Assert.Contains("first/photos/lab", backup.Array("status", "runs")![0].Text("message"), StringComparison.Ordinal);
        Assert.Contains("first/photos/lab", Stage.Condition(repository, "Maintained").Text("message"), StringComparison.Ordinal);
        Assert.Equal("first/photos/lab", repository.Text("status", "owner"));
        Assert.Null(repository.At("status", "maintenance", "nextTime"));
        Assert.Equal(2, repository.Integer("status", "totals", "snapshots"));
        Assert.DoesNotContain(second.Stage.Cluster.List("jobs.batch", Stage.Namespace), job => job.Text("metadata", "labels", "kloset.dev/run-kind") == "maintain");

        // The first cluster is gone for good, and a person says so by the owner's name.
        second.Stage.Cluster.Patch(
            Stage.Repositories, Stage.Namespace, Stage.Repository,
            new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["kloset.dev/take-over"] = "first/photos/lab" } } });
        repository = await second.Stage.UntilAsync(
            Stage.Repositories, Stage.Repository, "maintenance by the second cluster", klr => klr.At("status", "maintenance", "lastSuccessTime") is not null, Patience, null, Ct);
        Assert.Equal("second/photos/lab", repository.Text("status", "owner"));
        Assert.Equal("True", Stage.Condition(repository, "Maintained").Text("status"));
        Assert.Equal(2, repository.Integer("status", "totals", "snapshots"));
        second.AssertPlainWords();
    }
}
