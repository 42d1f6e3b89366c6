using System.Security.Cryptography;
using System.Text.Json;

namespace KlosetWorker.Tests;

/// <summary>The reading verbs on repositories that the original program wrote.</summary>
public sealed class FixtureCommandsTests : IDisposable
{
    private readonly TestHost _host = new();

    public FixtureCommandsTests() => _host.Set("KLOSET_REPOSITORY", "fs:" + Fixture("plain"));

    public void Dispose() => _host.Dispose();

    private static string Fixture(string name) => Checkout.Path($"tests/fixtures/kloset/{name}/repo");

    [Fact]
    public async Task Snapshots_are_listed_oldest_first()
    {
        var outcome = (await _host.RunAsync("snapshots", "--json")).Exits(0);

        var snapshots = JsonDocument.Parse(outcome.Output).RootElement.GetProperty("snapshots").EnumerateArray().ToArray();
        Assert.Equal(["e53d4e79", "afaecf4f"], snapshots.Select(snapshot => snapshot.GetProperty("id").GetString()![..8]));
        Assert.Equal("/srv/data", snapshots[0].GetProperty("directory").GetString());
        Assert.Equal(41, snapshots[0].GetProperty("files").GetInt64());
        Assert.False(snapshots[0].GetProperty("incomplete").GetBoolean());
    }

    [Fact]
    public async Task A_directory_is_listed_with_one_object_a_line()
    {
        var outcome = (await _host.RunAsync("ls", "e53d", "--json")).Exits(0);

        var names = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(entry => entry.GetProperty("path").GetString()!, entry => entry.GetProperty("kind").GetString());
        Assert.Equal("file", names["/srv/data/README.txt"]);
        Assert.Equal("pipe", names["/srv/data/a-fifo"]);
        Assert.Equal("symlink", names["/srv/data/link-to-dir"]);
    }

    [Fact]
    public async Task A_relative_path_begins_at_the_snapshots_own_directory()
    {
        var relative = (await _host.RunAsync("cat", "latest:README.txt")).Exits(0);
        var absolute = (await _host.RunAsync("cat", "latest:/srv/data/README.txt")).Exits(0);

        Assert.Equal(29, relative.Bytes.Length);
        Assert.Equal(relative.Bytes, absolute.Bytes);
    }

    [Theory]
    [InlineData(2, "SnapshotNotFound", "ls", "ffff")]
    [InlineData(2, "PathNotFound", "ls", "latest:/nowhere")]
    [InlineData(2, "PathNotFound", "cat", "latest:docs")]
    [InlineData(2, "PathNotFound", "find", "anything")]
    public async Task What_is_not_there_is_told(int code, string reason, params string[] arguments) =>
        Assert.Contains($"[{reason}]", (await _host.RunAsync(arguments)).Exits(code).Error, StringComparison.Ordinal);

    [Fact]
    public async Task A_place_without_repository_is_told_before_anybody_asks_for_a_passphrase()
    {
        var outcome = (await _host.RunAsync("snapshots", "-r", "fs:" + _host.Folder)).Exits(10);

        Assert.Contains("[RepositoryNotFound]", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_passphrase_and_a_wrong_one_are_told_apart()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + Fixture("encrypted"));
        Assert.Contains("[PassphraseNeeded]", (await _host.RunAsync("snapshots")).Exits(12).Error, StringComparison.Ordinal);

        _host.Set("KLOSET_PASSPHRASE", "not this one");
        var wrong = (await _host.RunAsync("snapshots")).Exits(12);
        Assert.Contains("[WrongPassphrase]", wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("not this one", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_passphrase_file_loses_exactly_one_newline()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + Fixture("encrypted"));
        var one = _host.Write("one", "kloset fixture passphrase 2026\n");
        var two = _host.Write("two", "kloset fixture passphrase 2026\n\n");

        (await _host.RunAsync("snapshots", "--passphrase-file", one)).Exits(0);
        (await _host.RunAsync("snapshots", "--passphrase-file", two)).Exits(12);
    }

    [Fact]
    public async Task A_restore_gives_back_bytes_times_modes_and_links_and_can_be_repeated()
    {
        var target = _host.At("restored");

        (await _host.RunAsync("restore", "e53d", "--to", target)).Exits(0);

        var listed = (await _host.RunAsync("ls", "e53d", "-R", "--json")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        foreach (var entry in listed.Where(entry => entry.GetProperty("kind").GetString() == "file"))
        {
            var file = new FileInfo(target + entry.GetProperty("path").GetString()!["/srv/data".Length..]);
            Assert.True(file.Exists, file.FullName);
            Assert.Equal(entry.GetProperty("size").GetInt64(), file.Length);
            Assert.Equal(entry.GetProperty("modified").GetDateTimeOffset().UtcDateTime, file.LastWriteTimeUtc);
        }

        var content = await _host.RunAsync("cat", "e53d:nested/a/b/c/other.bin");
        Assert.Equal(
            SHA256.HashData(content.Bytes),
            SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(target, "nested/a/b/c/other.bin"), TestContext.Current.CancellationToken)));

        Assert.Equal("docs", new FileInfo(Path.Combine(target, "link-to-dir")).LinkTarget);
        var again = (await _host.RunAsync("restore", "e53d", "--to", target, "--json")).Exits(0);
        var report = JsonDocument.Parse(again.Output).RootElement;
        Assert.Equal(0, report.GetProperty("files").GetInt64());
        Assert.True(report.GetProperty("alreadyThere").GetInt64() > 40);
    }

    [Fact]
    public async Task What_is_there_with_other_bytes_is_not_overwritten_unless_it_is_asked_for()
    {
        _host.Write("restored/README.txt", "mine");
        string[] restore = ["restore", "latest:README.txt", "--to", _host.At("restored")];

        Assert.Contains("[TargetFileExists]", (await _host.RunAsync(restore)).Exits(2).Error, StringComparison.Ordinal);
        (await _host.RunAsync([.. restore, "--existing", "skip"])).Exits(0);
        Assert.Equal("mine", await File.ReadAllTextAsync(_host.At("restored", "README.txt"), TestContext.Current.CancellationToken));
        (await _host.RunAsync([.. restore, "--existing", "overwrite"])).Exits(0);
        Assert.Equal(29, new FileInfo(_host.At("restored", "README.txt")).Length);
    }

    [Fact]
    public async Task Nothing_is_restored_through_a_link()
    {
        var outside = Directory.CreateDirectory(_host.At("outside")).FullName;
        Directory.CreateDirectory(_host.At("restored"));
        Directory.CreateSymbolicLink(_host.At("restored", "docs"), outside);

        var outcome = (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(3);

        Assert.Contains("symbolic link", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
        Assert.True(File.Exists(_host.At("restored", "README.txt")));
    }

    [Fact]
    public async Task Same_contents_can_become_hard_links()
    {
        (await _host.RunAsync("restore", "latest:dup", "--to", _host.At("restored"), "--hard-links")).Exits(0);

        Assert.NotEmpty(Directory.EnumerateFiles(_host.At("restored"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_selection_by_path_takes_what_lies_below()
    {
        (await _host.RunAsync("restore", "latest", "--path", "/srv/data/docs", "--to", _host.At("restored"))).Exits(0);

        Assert.Equal(["docs"], Directory.EnumerateFileSystemEntries(_host.At("restored")).Select(Path.GetFileName));
        Assert.Contains(
            "[NothingSelected]",
            (await _host.RunAsync("restore", "latest", "--path", "/no/such", "--to", _host.At("restored"))).Exits(2).Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Info_tells_what_the_repository_is()
    {
        var info = JsonDocument.Parse((await _host.RunAsync("info", "--json")).Exits(0).Output).RootElement;

        Assert.Equal("92f9125b-d67f-45a0-80d3-2946af134a3e", info.GetProperty("repositoryId").GetString());
        Assert.False(info.GetProperty("encrypted").GetBoolean());
        Assert.Equal(2, info.GetProperty("snapshots").GetInt64());
    }
}
