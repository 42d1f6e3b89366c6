using System.Text.Json;

namespace KlosetWorker.Tests;

public sealed class FolderBackupTests : IDisposable
{
    private readonly TestHost _host = new();

    public FolderBackupTests() => _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);

    public void Dispose() => _host.Dispose();

    private async Task<JsonElement> BackupAsync(int code = 0) =>
        JsonDocument.Parse((await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here", "--json")).Exits(code).Output).RootElement;

    [Fact]
    public async Task A_folder_is_saved_again_by_reading_only_what_changed_and_restored_as_it_was()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        _host.Write("source/a.txt", "first");
        _host.Write("source/deep/er/b.txt", "second");
        _host.Write("source/empty", "");
        File.CreateSymbolicLink(_host.At("source", "link"), "a.txt");

        var first = await BackupAsync();
        var unchanged = await BackupAsync();
        _host.Write("source/a.txt", "changed!");
        File.Delete(_host.At("source", "deep", "er", "b.txt"));
        _host.Write("source/new.txt", "third");
        var second = await BackupAsync();

        Assert.Equal((3, 3), (first.GetProperty("files").GetInt64(), first.GetProperty("filesRead").GetInt64()));
        Assert.Equal((3, 0), (unchanged.GetProperty("files").GetInt64(), unchanged.GetProperty("filesRead").GetInt64()));
        Assert.Equal((3, 2), (second.GetProperty("files").GetInt64(), second.GetProperty("filesRead").GetInt64()));
        (await _host.RunAsync("restore", "latest", "--to", _host.At("now"))).Exits(0);
        (await _host.RunAsync("restore", first.GetProperty("snapshotId").GetString()!, "--to", _host.At("then"))).Exits(0);
        Assert.Equal(["a.txt", "deep", "empty", "link", "new.txt"], Names("now"));
        Assert.Equal(["a.txt", "deep", "empty", "link"], Names("then"));
        Assert.Equal("changed!", File.ReadAllText(_host.At("now", "a.txt")));
        Assert.Equal("first", File.ReadAllText(_host.At("then", "a.txt")));
        Assert.Equal("second", File.ReadAllText(_host.At("then", "deep", "er", "b.txt")));
        Assert.Equal("a.txt", new FileInfo(_host.At("now", "link")).LinkTarget);
        (await _host.RunAsync("check", "--full")).Exits(0);
    }

    [Fact]
    public async Task A_backup_that_is_stopped_leaves_an_incomplete_snapshot_and_the_next_one_goes_on()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        _host.Write("source/a.txt", "first");
        _host.Stop = new CancellationToken(canceled: true);
        await BackupAsync(130);
        _host.Stop = CancellationToken.None;
        await BackupAsync();

        var snapshots = JsonDocument.Parse((await _host.RunAsync("snapshots", "--json")).Output).RootElement.GetProperty("snapshots");

        Assert.Equal([false], snapshots.EnumerateArray().Select(snapshot => snapshot.GetProperty("incomplete").GetBoolean()));
        Assert.Equal("first", System.Text.Encoding.UTF8.GetString((await _host.RunAsync("cat", "latest:a.txt")).Bytes));
    }

    [Fact]
    public async Task A_repository_is_not_made_twice()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        Assert.Contains("[RepositoryExists]", (await _host.RunAsync("create", "--plaintext")).Exits(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_without_repository_says_how_to_make_one()
    {
        _host.Write("source/a.txt", "first");

        var outcome = (await _host.RunAsync("backup", "folder:" + _host.At("source"))).Exits(10);

        Assert.Contains("kloset create", outcome.Error, StringComparison.Ordinal);
    }

    private IEnumerable<string?> Names(string folder) => Directory.EnumerateFileSystemEntries(_host.At(folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}
