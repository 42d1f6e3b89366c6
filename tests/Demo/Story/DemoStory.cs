using System.Diagnostics;
using System.Globalization;
using Demo.Staging;
using DevCluster.Json;
using TakeoutGenerator;

namespace Demo.Story;

/// <summary>The promise of the README, played through from the first apply to the last byte restored.</summary>
internal sealed class DemoStory(Stage stage, TextWriter output, CancellationToken ct)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly TablePrinter _tables = new(stage.Cluster, output);
    private readonly List<string> _proven = [];

    public async Task PlayAsync()
    {
        Heading("A household's Takeout export arrives in the drop folder");
        var full = stage.DeliverExport();
        Describe(full);

        Heading("The operator starts, and the samples are applied: a repository, one account, three claims");
        await stage.CreatePassphraseAsync();
        stage.StartOperator();
        await stage.ApplySampleAsync("volume.yaml", ct, "PersistentVolumeClaim", "KlosetRepository", "PhotoBackup");
        await stage.UntilAsync(Stage.Repositories, Stage.Repository, "Ready", klr => Stage.IsTrue(klr, "Ready"), Patience, _tables.PrintChanges, ct);
        var first = await SnapshotAsync(1, full.Items.Count);
        _proven.Add($"the operator created an encrypted repository and backed up {full.Items.Count} items straight from the archives");

        Heading("Two months later: new photos, changed descriptions, one photo more in an album");
        stage.LetTimePass(TimeProvider.System.GetUtcNow().AddHours(-1), newItems: 12);
        var increment = stage.DeliverExport(parts: 1);
        Describe(increment);
        stage.RequestRun("the increment");
        var everything = stage.Exports.SelectMany(export => export.Items).DistinctBy(item => item.Url).Count();
        var second = await SnapshotAsync(2, everything);
        _proven.Add($"the increment of {increment.Items.Count} items became a snapshot of the whole library: {everything} items ({Short(first)} → {Short(second)})");

        Heading("A PhotoRestore brings the newest snapshot back");
        await stage.ApplySampleAsync("volume-restore.yaml", ct, "PhotoRestore");
        await stage.UntilAsync(Stage.Restores, Stage.Restore, "Succeeded", phr => Stage.IsTrue(phr, "Succeeded"), Patience, _tables.PrintChanges, ct);
        _tables.PrintChanges();

        Heading("What came back is compared with what Google delivered");
        var comparison = RestoredLibrary.Compare(stage.RestoredFolder, stage.Exports);
        if (comparison.Problems.Count > 0)
        {
            throw new StageException($"The restored library differs from the source:\n  {string.Join("\n  ", comparison.Problems.Take(20))}");
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{comparison.Media} different media files by SHA-256, {comparison.Sidecars} sidecars with their titles and descriptions, {comparison.Albums} albums with theirs: all equal."));
        _proven.Add($"the SHA-256 of every one of {comparison.Media} restored files equals the source's; {comparison.Albums} albums and all descriptions are there");

        Heading("The repository is checked without a cluster");
        await KlosetAsync("check");
        await KlosetAsync("snapshots");
        _proven.Add("the repository opens with nothing but its folder and its passphrase");
    }

    public void Conclude(bool keeps)
    {
        Heading("Proven");
        foreach (var line in _proven)
        {
            output.WriteLine($"  * {line}");
        }

        var here = Path.GetRelativePath(Environment.CurrentDirectory, Path.GetDirectoryName(stage.PassphraseFile)!);
        output.WriteLine($"""

            Look around:
              {here}/takeout      the archives as Google delivered them
              {here}/repository   the encrypted repository; plakar opens it too
              {here}/restored     what the PhotoRestore brought back
              out/kloset ls --repository fs:{here}/repository --passphrase-file {here}/passphrase
              PLAKAR_PASSPHRASE=$(cat {here}/passphrase) plakar at {here}/repository ls
            """);
        output.WriteLine(keeps
            ? $"\nThe cluster keeps running until Ctrl-C:\n  export KUBECONFIG={stage.Kubeconfig}\n  kubectl -n {Stage.Namespace} get klr,phb,phr,jobs,pods\n  kubectl -n {Stage.Namespace} describe phb {Stage.Backup}"
            : "\nmake demo KEEP=1 leaves the cluster running for kubectl.");
    }

    /// <param name="items">At least: a clip that might belong to either of two photos is kept as an item of its own.</param>
    private async Task<string> SnapshotAsync(int number, int items)
    {
        var backup = await stage.UntilAsync(Stage.Backups, Stage.Backup, $"snapshot {number}", phb =>
            (phb.Array("status", "snapshots")?.Count ?? 0) >= number && phb.Integer("status", "library", "items") >= items, Patience, _tables.PrintChanges, ct);
        _tables.PrintChanges();
        foreach (var type in new[] { "Ready", "Protected", "Complete" })
        {
            if (!Stage.IsTrue(backup, type))
            {
                backup = await stage.UntilAsync(Stage.Backups, Stage.Backup, $"{type}=True", phb => Stage.IsTrue(phb, type), TimeSpan.FromSeconds(15), _tables.PrintChanges, ct);
            }
        }

        return backup.Array("status", "snapshots")![0].Text("id") ?? "";
    }

    private async Task KlosetAsync(string verb)
    {
        var program = stage.Checkout.Program("kloset", "KlosetWorker", published: true);
        output.WriteLine($"$ out/kloset {verb} --repository fs:{Path.GetRelativePath(Environment.CurrentDirectory, stage.RepositoryFolder)} --passphrase-file {Path.GetRelativePath(Environment.CurrentDirectory, stage.PassphraseFile)}");
        var start = new ProcessStartInfo(program, [verb, "--repository", $"fs:{stage.RepositoryFolder}", "--passphrase-file", stage.PassphraseFile])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(ct);
        output.Write(await process.StandardOutput.ReadToEndAsync(ct));
        await process.WaitForExitAsync(ct);
        if (process.ExitCode != 0)
        {
            throw new StageException($"kloset {verb} ended with {process.ExitCode}: {await error}");
        }
    }

    private void Describe(ExportManifest export)
    {
        var size = export.Files.Sum(file => new FileInfo(Path.Combine(stage.TakeoutFolder, file)).Length);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(export.Increment ? "Increment" : "Full export")} of {export.Time:yyyy-MM-dd}: {export.Items.Count} items, {export.Albums.Count} albums, {export.Files.Count} archives, {size / 1e6:0.0} MB"));
        foreach (var file in export.Files)
        {
            output.WriteLine($"  {file}");
        }
    }

    private static string Short(string id) => id.Length > 8 ? id[..8] : id;

    private void Heading(string text) => output.WriteLine($"\n==> {text}");
}
