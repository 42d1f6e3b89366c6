using System.Diagnostics;
using System.Text.Json;

namespace KlosetWorker.Tests;

/// <summary>plakar's archives in one file, by the command line.</summary>
public sealed class PtarCommandsTests : IDisposable
{
    private const string Passphrase = "the passphrase of an archive 2026";

    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_archive_is_listed_searched_checked_restored_and_copied_and_never_written(bool encrypted)
    {
        var plakar = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "plakar")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(plakar is null, "plakar is not on PATH");
        _host.Write("source/Iceland/a.jpg", new byte[300_000]);
        _host.Write("source/b.txt", "some text");
        _host.Write("source/empty", "");
        var archive = _host.At("photos.ptar");
        await RunAsync(plakar, "-disable-security-check");
        await RunAsync(plakar, ["ptar", .. encrypted ? Array.Empty<string>() : ["-plaintext"], "-o", archive, _host.At("source")]);
        var before = await File.ReadAllBytesAsync(archive, TestContext.Current.CancellationToken);
        _host.Set("KLOSET_REPOSITORY", "ptar:" + archive);
        _host.Set("KLOSET_PASSPHRASE", encrypted ? Passphrase : "");

        Assert.Single(JsonDocument.Parse((await _host.RunAsync("snapshots", "--json")).Exits(0).Output).RootElement.GetProperty("snapshots").EnumerateArray());
        (await _host.RunAsync("info")).Exits(0);
        Assert.Contains("b.txt", (await _host.RunAsync("ls", "latest", "--recursive")).Exits(0).Output, StringComparison.Ordinal);
        Assert.Equal("some text"u8.ToArray(), (await _host.RunAsync("cat", "latest:b.txt")).Exits(0).Bytes);
        (await _host.RunAsync("check")).Exits(0);
        (await _host.RunAsync("check", "--full")).Exits(0);
        (await _host.RunAsync("du")).Exits(0);
        (await _host.RunAsync("export", "latest", "--output", _host.At("photos.tar"))).Exits(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);
        Assert.Equal(300_000, new FileInfo(_host.At("restored", "Iceland", "a.jpg")).Length);
        Assert.Equal(0, new FileInfo(_host.At("restored", "empty")).Length);

        // By its name alone, and into a repository that is written.
        (await _host.RunAsync("create", "--plaintext", "--repository", "fs:" + _host.Repository)).Exits(0);
        (await _host.RunAsync("copy", "--repository", archive, "--to", "fs:" + _host.Repository)).Exits(0);
        (await _host.RunAsync("check", "--full", "--repository", "fs:" + _host.Repository)).Exits(0);
        Assert.Equal("some text"u8.ToArray(), (await _host.RunAsync("cat", "latest:b.txt", "--repository", "fs:" + _host.Repository)).Exits(0).Bytes);

        foreach (var command in new string[][] { ["backup", "folder:" + _host.At("source")], ["maintain"], ["pin", "latest"] })
        {
            var refused = await _host.RunAsync(command);
            Assert.True(refused.Code != 0, string.Join(' ', command));
            Assert.Contains("is an archive and cannot be written", refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("InternalError", refused.Error, StringComparison.Ordinal);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(archive, TestContext.Current.CancellationToken));
    }

    private async Task RunAsync(string plakar, params string[] arguments)
    {
        // Its background process inherits the output: a pipe would stay open.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "out=$1; shift; exec \"$@\" >\"$out\" 2>&1 </dev/null", "run", _host.At("plakar.log"), plakar, .. arguments]);
        start.Environment["HOME"] = Directory.CreateDirectory(_host.At("home")).FullName;
        start.Environment["PLAKAR_PASSPHRASE"] = Passphrase;
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await File.ReadAllTextAsync(_host.At("plakar.log"), TestContext.Current.CancellationToken));
    }
}
