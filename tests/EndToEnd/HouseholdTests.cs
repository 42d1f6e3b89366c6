using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Demo.Staging;
using DevCluster.Json;
using static EndToEnd.Household;

namespace EndToEnd;

/// <summary>The real operator and the real worker as processes, on a cluster in this process.</summary>
public sealed class HouseholdTests
{
    [Fact]
    public async Task A_library_is_backed_up_grows_by_an_increment_and_comes_back_whole()
    {
        await using var home = await MakeAsync();
        var stage = home.Stage;
        stage.DeliverExport();
        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        var backup = await home.UntilSnapshotsAsync(1);
        Assert.True(Stage.IsTrue(backup, "Ready"));
        Assert.True(Stage.IsTrue(backup, "Protected"));
        Assert.True(Stage.IsTrue(backup, "Complete"));
        Assert.Equal(backup.Integer("metadata", "generation"), backup.Integer("status", "observedGeneration"));
        Assert.Equal(30, backup.Integer("status", "library", "items"));
        Assert.Equal(stage.Exports[0].Time.ToApiTime(), backup.Time("status", "coveredThrough")!.Value.ToApiTime());
        AssertJobsAreRestricted(stage);

        stage.LetTimePass(TimeProvider.System.GetUtcNow().AddHours(-1), newItems: 5);
        stage.DeliverExport(parts: 1);
        stage.RequestRun("increment");
        backup = await home.UntilSnapshotsAsync(2);
        Assert.Equal(35, backup.Integer("status", "library", "items"));

        await home.ApplyRestoreAsync();
        var restore = await home.UntilRestoredAsync();
        Assert.StartsWith(restore.Text("status", "resolved", "snapshot")!, backup.Array("status", "snapshots")![0].Text("id"), StringComparison.Ordinal);
        Assert.Empty(RestoredLibrary.Compare(stage.RestoredFolder, stage.Exports).Problems);

        Assert.Equal(["NAME", "READY", "PROTECTED", "COVERED", "RUNNING", "LAST SUCCESS", "NEXT", "ITEMS", "ACTION", "AGE"], stage.Cluster.Table(Stage.Backups, Stage.Namespace)[0]);
        Assert.Equal(["NAME", "READY", "SNAPSHOTS", "STORED", "LAST CHECK", "AGE"], stage.Cluster.Table(Stage.Repositories, Stage.Namespace)[0]);
        Assert.Equal(["NAME", "SUCCEEDED", "SNAPSHOT", "PROGRESS", "ETA", "AGE"], stage.Cluster.Table(Stage.Restores, Stage.Namespace)[0]);
        Assert.Equal(0, (await home.KlosetAsync("check")).ExitCode);
        await AssertKubectlSeesItAsync(stage);
        home.AssertPlainWords();
    }

    [Fact]
    public async Task Nothing_new_makes_no_snapshot()
    {
        await using var home = await MakeAsync(items: 10);
        home.Stage.DeliverExport();
        await home.Stage.CreatePassphraseAsync();
        home.Stage.StartOperator();
        await home.ApplyBackupAsync();
        var first = await home.UntilSnapshotsAsync(1);
        home.Stage.RequestRun("again");
        var second = await home.UntilBackupAsync("another run", phb => (phb.Array("status", "runs")?.Count ?? 0) >= 2);
        Assert.Equal(first.Array("status", "snapshots")!.Select(snapshot => snapshot.Text("id")), second.Array("status", "snapshots")!.Select(snapshot => snapshot.Text("id")));
        Assert.Equal(first.Text("status", "coveredThrough"), second.Text("status", "coveredThrough"));
    }

    [Fact]
    public async Task A_worker_that_is_killed_in_the_middle_is_followed_by_one_that_finishes()
    {
        await using var home = await MakeAsync(items: 150, mediaSize: 300_000);
        var stage = home.Stage;
        stage.DeliverExport(parts: 4);
        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        var killed = await KillWorkerWhenItHasWrittenAsync(home);
        var backup = await home.UntilSnapshotsAsync(1);
        Assert.True(backup.Integer("status", "library", "items") >= 150);
        Assert.True(Stage.IsTrue(backup, "Complete"));
        var dead = stage.Cluster.Get("pods", Stage.Namespace, killed);
        Assert.Equal(137, dead.Array("status", "containerStatuses")![0].Integer("state", "terminated", "exitCode"));
        var check = await home.KlosetAsync("check");
        Assert.True(check.ExitCode == 0, check.Output);
        home.AssertPlainWords();
    }

    [Fact]
    public async Task An_operator_that_is_killed_settles_the_run_when_it_is_back()
    {
        await using var home = await MakeAsync(items: 20);
        var stage = home.Stage;
        stage.DeliverExport();
        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        await home.UntilBackupAsync("a running backup", _ => home.BackupPods().Count > 0);
        await stage.Operator!.KillAsync();
        var job = home.BackupPods()[0].Text("metadata", "labels", "batch.kubernetes.io/job-name")!;
        for (var i = 0; i < 600 && !Stage.IsTrue(stage.Cluster.Get("jobs.batch", Stage.Namespace, job), "Complete"); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Ct);
        }

        stage.StartOperator();
        var backup = await home.UntilSnapshotsAsync(1);
        Assert.Equal(20, backup.Integer("status", "library", "items"));
        Assert.Single(stage.Cluster.List("jobs.batch", Stage.Namespace), found => found.Text("metadata", "labels", "kloset.dev/run-kind") == "backup");
    }

    [Fact]
    public async Task A_missing_secret_is_named_and_its_arrival_goes_on()
    {
        await using var home = await MakeAsync(items: 5);
        home.Stage.DeliverExport();
        home.Stage.StartOperator();
        await home.ApplyBackupAsync();
        var repository = await home.Stage.UntilAsync(Stage.Repositories, Stage.Repository, "Ready=False", klr => Says(klr, "Ready", Stage.PassphraseSecret), Patience, null, Ct, stallIsFine: true);
        Assert.False(Stage.IsTrue(repository, "Ready"));
        home.AssertPlainWords();
        await home.Stage.CreatePassphraseAsync();
        await home.Stage.UntilAsync(Stage.Repositories, Stage.Repository, "Ready", klr => Stage.IsTrue(klr, "Ready"), Patience, null, Ct, stallIsFine: true);
    }

    [Fact]
    public async Task A_missing_key_of_a_secret_is_named()
    {
        await using var home = await MakeAsync(items: 5);
        home.Stage.Cluster.Apply((JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"kloset-lab","namespace":"photos"},"stringData":{"password":"another key"}}""")!);
        home.Stage.StartOperator();
        await home.ApplyBackupAsync();
        var repository = await home.Stage.UntilAsync(Stage.Repositories, Stage.Repository, "the key's name", klr => Says(klr, "Ready", "passphrase") || Says(klr, "Stalled", "passphrase"), Patience, null, Ct, stallIsFine: true);
        Assert.False(Stage.IsTrue(repository, "Ready"));
        home.AssertPlainWords();
    }

    [Fact]
    public async Task A_wrong_passphrase_stalls_until_the_secret_is_right()
    {
        await using var home = await MakeAsync(items: 5);
        var stage = home.Stage;
        stage.DeliverExport();
        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        await home.UntilSnapshotsAsync(1);

        await stage.CreatePassphraseAsync("a wrong one, and long enough to be taken for one");
        stage.LetTimePass(TimeProvider.System.GetUtcNow().AddHours(-1), newItems: 3);
        stage.DeliverExport(parts: 1);
        stage.RequestRun("with the wrong passphrase");
        var stalled = await home.UntilBackupAsync("Stalled", phb => Stage.IsTrue(phb, "Stalled"), stallIsFine: true);
        Assert.Equal("WrongPassphrase", Stage.Condition(stalled, "Stalled").Text("reason"));
        home.AssertPlainWords();

        await stage.CreatePassphraseAsync();
        await home.UntilBackupAsync("the second snapshot", phb => phb.Integer("status", "library", "items") == 8, stallIsFine: true);
    }

    [Fact]
    public async Task A_corrupt_archive_is_never_green_and_loses_nothing_that_was_readable()
    {
        await using var home = await MakeAsync(items: 40);
        var stage = home.Stage;
        var export = stage.DeliverExport(parts: 2);
        var part = Path.Combine(stage.TakeoutFolder, export.Files.First(file => file.EndsWith("-002.zip", StringComparison.Ordinal)));
        using (var file = new FileStream(part, FileMode.Open, FileAccess.ReadWrite))
        {
            file.SetLength(file.Length / 2);
        }

        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        var backup = await home.UntilBackupAsync("an incomplete snapshot", phb => Stage.Condition(phb, "Complete").Text("status") == "False" && (phb.Array("status", "snapshots")?.Count ?? 0) > 0, stallIsFine: true);
        Assert.True(backup.Integer("status", "library", "items") > 0);
        Assert.False(Stage.IsTrue(backup, "Protected"));
        Assert.True(Stage.IsTrue(backup, "ActionRequired"));
        home.AssertPlainWords();
    }

    [Fact]
    public async Task A_sidecar_that_is_no_json_and_an_entry_that_climbs_out_do_no_harm()
    {
        await using var home = await MakeAsync(items: 20);
        var stage = home.Stage;
        var export = stage.DeliverExport(parts: 1);
        var part = Path.Combine(stage.TakeoutFolder, export.Files.First(file => file.EndsWith("-3-001.zip", StringComparison.Ordinal)));
        var victim = export.Items[0].Folders[0].Sidecar;
        await using (var archive = await ZipFile.OpenAsync(part, ZipArchiveMode.Update, Ct))
        {
            archive.GetEntry(victim)!.Delete();
            await WriteAsync(archive, victim, "this is no JSON {");
            await WriteAsync(archive, "../../x", "climbing");
        }

        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await home.ApplyBackupAsync();
        await home.UntilBackupAsync("a snapshot", phb => (phb.Array("status", "snapshots")?.Count ?? 0) > 0, stallIsFine: true);
        await home.ApplyRestoreAsync();
        await home.UntilRestoredAsync();
        var comparison = RestoredLibrary.Compare(stage.RestoredFolder, stage.Exports);
        // The entry is kept under a harmless name; of the item whose sidecar is broken only the sidecar is missing.
        Assert.All(comparison.Problems, problem => Assert.True(
            problem.Contains(export.Items[0].Url, StringComparison.Ordinal) || problem.StartsWith(Path.Combine(stage.RestoredFolder, "Google Photos", "x"), StringComparison.Ordinal), problem));
        Assert.False(File.Exists(Path.GetFullPath(Path.Combine(stage.RestoredFolder, "..", "..", "x"))));
        Assert.False(File.Exists(Path.GetFullPath(Path.Combine(stage.RestoredFolder, "..", "x"))));
        home.AssertPlainWords();
    }

    private static bool Says(JsonObject obj, string type, string word) => Stage.Condition(obj, type).Text("message")?.Contains(word, StringComparison.Ordinal) == true;

    private static async Task WriteAsync(ZipArchive archive, string name, string text)
    {
        await using var stream = await archive.CreateEntry(name).OpenAsync(Ct);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text), Ct);
    }

    private static async Task<string> KillWorkerWhenItHasWrittenAsync(Household home)
    {
        for (var i = 0; i < 6000; i++)
        {
            foreach (var pod in home.BackupPods().Select(pod => pod.Text("metadata", "name")!))
            {
                var packfiles = Path.Combine(home.Stage.RepositoryFolder, "packfiles");
                var written = Directory.Exists(packfiles) && Directory.EnumerateFiles(packfiles, "*", SearchOption.AllDirectories).Any();
                foreach (var id in written ? home.Stage.Cluster.ProcessesOf(Stage.Namespace, pod) : [])
                {
                    using var process = Process.GetProcessById(id);
                    process.Kill();
                    await process.WaitForExitAsync(Ct);
                    return pod;
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        }

        throw new TimeoutException("no worker wrote a packfile\n" + home.Stage.Explain());
    }

    /// <summary>Workers hold no Kubernetes token and ask for no power.</summary>
    private static void AssertJobsAreRestricted(Stage stage)
    {
        foreach (var pod in stage.Cluster.List("pods", Stage.Namespace))
        {
            Assert.False(pod.Flag("spec", "automountServiceAccountToken"));
            Assert.True(pod.Flag("spec", "securityContext", "runAsNonRoot"));
            Assert.False(pod.Array("spec", "containers")![0].Flag("securityContext", "allowPrivilegeEscalation"));
        }
    }

    private static async Task AssertKubectlSeesItAsync(Stage stage)
    {
        var start = new ProcessStartInfo("kubectl", ["--kubeconfig", stage.Kubeconfig, "-n", Stage.Namespace, "get", "phb,klr,phr"]) { RedirectStandardOutput = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("kubectl is not on the PATH: its view of the tables was not looked at");
            return;
        }

        using (process)
        {
            var output = await process.StandardOutput.ReadToEndAsync(Ct);
            Assert.Matches(@"photobackup.kloset.dev/carol +True +True", output);
            Assert.Matches(@"klosetrepository.kloset.dev/lab +True +[0-9]+", output);
            Assert.Matches(@"photorestore.kloset.dev/carol-everything +True", output);
        }
    }
}
