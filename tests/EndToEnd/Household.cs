using System.Diagnostics;
using System.Security.Cryptography;
using Demo.Staging;
using DevCluster.Json;
using TakeoutGenerator;

namespace EndToEnd;

/// <summary>A stage in a temporary folder, and the steps that several tests take on it.</summary>
internal sealed class Household : IAsyncDisposable
{
    /// <summary>A step takes a few seconds; on a busy machine programs alone take several to start.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly DirectoryInfo _folder;

    private readonly StageOptions _options;
    private bool _isLost;

    private Household(DirectoryInfo folder, Stage stage, StageOptions options)
    {
        _folder = folder;
        _options = options;
        Stage = stage;
    }

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public Stage Stage { get; }

    public static async Task<Household> MakeAsync(int items = 30, int mediaSize = 8_000, string? clusterName = null)
    {
        var folder = Directory.CreateTempSubdirectory("kloset-e2e-");
        var options = new StageOptions
        {
            Folder = folder.FullName,
            PodBackoff = TimeSpan.FromSeconds(1),
            ClusterName = clusterName,
            Library = new LibraryOptions { Items = items, MediaSize = mediaSize, Account = "carol@example.com", Until = TimeProvider.System.GetUtcNow().AddDays(-61) },
        };
        return new Household(folder, await Stage.SetAsync(options, Ct), options);
    }

    /// <summary>The cluster is lost, and another one is made from the same manifests; claims, archives and passphrase are those of before.</summary>
    public async Task<Household> RebuildAsync(string? clusterName)
    {
        await Stage.DisposeAsync();
        _isLost = true;
        Directory.Delete(Path.Combine(_folder.FullName, "cluster"), recursive: true);
        var options = _options with { ClusterName = clusterName, Passphrase = Stage.Passphrase };
        return new Household(_folder, await Stage.SetAsync(options, Ct), options);
    }

    /// <summary>Every file of the repository with the hash of its content.</summary>
    public async Task<SortedDictionary<string, string>> RepositoryFilesAsync()
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Stage.RepositoryFolder, "*", SearchOption.AllDirectories))
        {
            await using var content = File.OpenRead(file);
            files[Path.GetRelativePath(Stage.RepositoryFolder, file)] = Convert.ToHexString(await SHA256.HashDataAsync(content, Ct));
        }

        return files;
    }

    public Task ApplyBackupAsync() => Stage.ApplySampleAsync("volume.yaml", Ct, "PersistentVolumeClaim", "KlosetRepository", "PhotoBackup");

    public Task ApplyRestoreAsync() => Stage.ApplySampleAsync("volume-restore.yaml", Ct, "PhotoRestore");

    public Task<System.Text.Json.Nodes.JsonObject> UntilBackupAsync(string what, Func<System.Text.Json.Nodes.JsonObject, bool> holds, bool stallIsFine = false) =>
        Stage.UntilAsync(Stage.Backups, Stage.Backup, what, holds, Patience, null, Ct, stallIsFine);

    /// <summary>Until so many complete snapshots are listed and nothing runs; anchors do not count.</summary>
    public Task<System.Text.Json.Nodes.JsonObject> UntilSnapshotsAsync(int count) =>
        UntilBackupAsync($"{count} snapshots", phb => (phb.Array("status", "snapshots") ?? []).Count(snapshot => snapshot.Flag("incomplete") != true) >= count
            && phb.Time("status", "lastSuccessTime") is not null && Stage.Condition(phb, "Running").Text("status") == "False");

    public Task<System.Text.Json.Nodes.JsonObject> UntilRestoredAsync() =>
        Stage.UntilAsync(Stage.Restores, Stage.Restore, "Succeeded", phr => Stage.IsTrue(phr, "Succeeded"), Patience, null, Ct);

    /// <summary>The pods of backup runs, oldest first.</summary>
    public IReadOnlyList<System.Text.Json.Nodes.JsonObject> BackupPods() =>
        [.. Stage.Cluster.List("pods", Stage.Namespace).Where(pod => pod.Text("metadata", "labels", "kloset.dev/run-kind") == "backup").OrderBy(pod => pod.Text("metadata", "uid"), StringComparer.Ordinal)];

    public async Task<(int ExitCode, string Output)> KlosetAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Stage.Checkout.Program("kloset", "KlosetWorker", published: false), [.. arguments, "--repository", $"fs:{Stage.RepositoryFolder}", "--passphrase-file", Stage.PassphraseFile])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(Ct);
        var output = await process.StandardOutput.ReadToEndAsync(Ct) + await error;
        await process.WaitForExitAsync(Ct);
        return (process.ExitCode, output);
    }

    /// <summary>Nothing that people read may show a stack trace.</summary>
    public void AssertPlainWords()
    {
        foreach (var resource in new[] { Stage.Repositories, Stage.Backups, Stage.Restores })
        {
            foreach (var message in Stage.Cluster.List(resource, Stage.Namespace).SelectMany(obj => obj.Array("status", "conditions") ?? []).Select(condition => condition.Text("message") ?? ""))
            {
                Assert.DoesNotContain("   at ", message, StringComparison.Ordinal);
                Assert.DoesNotContain("Exception", message, StringComparison.Ordinal);
                Assert.DoesNotContain(Stage.Passphrase, message, StringComparison.Ordinal);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isLost)
        {
            await Stage.DisposeAsync();
        }

        _folder.Delete(true);
    }
}
