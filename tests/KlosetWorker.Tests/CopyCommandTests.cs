using System.Text.Json;

namespace KlosetWorker.Tests;

public sealed class CopyCommandTests : IDisposable
{
    private readonly TestHost _host = new();

    public CopyCommandTests()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        _host.Set("KLOSET_PASSPHRASE", "an old passphrase, long enough for anybody 2026");
        _host.Write("new-passphrase", "a new passphrase, even longer than that one 2027\n");
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_passphrase_is_renewed_by_copying_and_the_copy_goes_on_as_the_lineage()
    {
        (await _host.RunAsync("create")).Exits(0);
        (await _host.RunAsync("create", "--repository", "fs:" + _host.At("second"), "--passphrase-file", _host.At("new-passphrase"))).Exits(0);
        _host.Write("source/a.txt", "first");
        (await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here")).Exits(0);
        _host.Write("source/b.txt", "second");
        (await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here")).Exits(0);

        var first = await CopyAsync("--latest");
        var rest = await CopyAsync();
        var again = await CopyAsync();

        Assert.Equal((1, 0), Counts(first));
        Assert.Equal((1, 1), Counts(rest));
        Assert.Equal((0, 2), Counts(again));
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.At("second"));
        _host.Set("KLOSET_PASSPHRASE", "");
        _host.Set("KLOSET_PASSPHRASE_FILE", _host.At("new-passphrase"));
        (await _host.RunAsync("check", "--full")).Exits(0);
        Assert.Equal("second", System.Text.Encoding.UTF8.GetString((await _host.RunAsync("cat", "latest:b.txt")).Exits(0).Bytes));
        var backup = JsonDocument.Parse((await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here", "--json")).Exits(0).Output).RootElement;
        Assert.Equal(0, backup.GetProperty("filesRead").GetInt64());
    }

    [Fact]
    public async Task The_passphrase_of_the_source_is_not_tried_on_the_target()
    {
        (await _host.RunAsync("create")).Exits(0);
        (await _host.RunAsync("create", "--repository", "fs:" + _host.At("second"))).Exits(0);

        var outcome = (await _host.RunAsync("copy", "--to", "fs:" + _host.At("second"))).Exits(12);

        Assert.Contains("no passphrase was given", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_that_is_not_there_is_named()
    {
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        (await _host.RunAsync("create", "--plaintext", "--repository", "fs:" + _host.At("second"))).Exits(0);

        Assert.Contains("'bob'", (await _host.RunAsync("copy", "--to", "fs:" + _host.At("second"), "--account", "bob")).Error, StringComparison.Ordinal);
    }

    private async Task<JsonElement> CopyAsync(params string[] more) =>
        JsonDocument.Parse(
            (await _host.RunAsync(["copy", "--to", "fs:" + _host.At("second"), "--to-passphrase-file", _host.At("new-passphrase"), "--json", .. more])).Exits(0).Output).RootElement;

    private static (int Copied, int Present) Counts(JsonElement report) =>
        (report.GetProperty("copied").GetArrayLength(), report.GetProperty("present").GetArrayLength());
}
