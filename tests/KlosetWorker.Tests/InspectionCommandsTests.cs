using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Kloset;
using Kloset.Snapshots;
using KlosetWorker.Exporting;

namespace KlosetWorker.Tests;

/// <summary>Looking at repositories and taking snapshots out of them, on what the original program wrote and on our own.</summary>
public sealed class InspectionCommandsTests : IDisposable
{
    private readonly TestHost _host = new();

    public InspectionCommandsTests() => _host.Set("KLOSET_REPOSITORY", "fs:" + Checkout.Path("tests/fixtures/kloset/plain/repo"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_diff_names_what_came_what_went_and_what_changed()
    {
        var changes = Lines((await _host.RunAsync("diff", "e53d", "afae", "--json")).Exits(0));
        var text = (await _host.RunAsync("diff", "e53d", "afae")).Exits(0).Output;

        Assert.NotEmpty(changes);
        Assert.All(changes, change => Assert.Contains(change.GetProperty("path").GetString()!, text, StringComparison.Ordinal));
        Assert.Contains("~ /srv/data/README.txt  (20 B -> 29 B)", text, StringComparison.Ordinal);
        var back = Lines((await _host.RunAsync("diff", "afae", "e53d", "--json")).Exits(0));
        Assert.Equal(changes.Count(c => Kind(c) == "added"), back.Count(c => Kind(c) == "removed"));
        Assert.Equal(changes.Count(c => Kind(c) == "changed"), back.Count(c => Kind(c) == "changed"));
        Assert.Empty(Lines((await _host.RunAsync("diff", "e53d", "e53d", "--json", "--attributes")).Exits(0)));
        Assert.Single(Lines((await _host.RunAsync("diff", "e53d", "afae", "README.txt", "--json")).Exits(0)));
    }

    [Fact]
    public async Task The_cost_of_each_snapshot_adds_up()
    {
        var du = JsonDocument.Parse((await _host.RunAsync("du", "--json")).Exits(0).Output).RootElement;
        var snapshots = du.GetProperty("snapshots").EnumerateArray().ToList();

        Assert.Equal(2, snapshots.Count);
        Assert.Equal(0, du.GetProperty("unreadable").GetInt64());
        var all = du.GetProperty("storedBytes").GetInt64();
        foreach (var snapshot in snapshots)
        {
            Assert.InRange(snapshot.GetProperty("uniqueBytes").GetInt64(), 1, snapshot.GetProperty("storedBytes").GetInt64());
            Assert.True(snapshot.GetProperty("storedBytes").GetInt64() <= all);
        }

        // What one needs, and what only the other needs, is everything.
        Assert.Equal(all, snapshots[0].GetProperty("storedBytes").GetInt64() + snapshots[1].GetProperty("uniqueBytes").GetInt64());
        Assert.Equal(all, snapshots[1].GetProperty("storedBytes").GetInt64() + snapshots[0].GetProperty("uniqueBytes").GetInt64());
        var info = JsonDocument.Parse((await _host.RunAsync("info", "--json")).Exits(0).Output).RootElement;
        Assert.Equal(info.GetProperty("storedBytes").GetInt64(), all + du.GetProperty("unneededBytes").GetInt64());

        var one = JsonDocument.Parse((await _host.RunAsync("du", "latest", "--json")).Exits(0).Output).RootElement;
        Assert.Contains(one.GetProperty("folders").EnumerateArray(), folder => folder.GetProperty("path").GetString() == "/srv/data/docs");
        Assert.Contains("Unique", (await _host.RunAsync("du")).Exits(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tar_holds_every_entry_with_its_bytes_time_and_target()
    {
        var archive = _host.At("out.tar");
        (await _host.RunAsync("export", "e53d", "-o", archive)).Exits(0);
        var listed = Lines(await _host.RunAsync("ls", "e53d", "-R", "--json")).Skip(1).ToDictionary(entry => entry.GetProperty("path").GetString()!["/srv/data/".Length..]);

        await using var file = File.OpenRead(archive);
        await using var tar = new TarReader(file);
        var names = new List<string>();
        while (await tar.GetNextEntryAsync(copyData: false, Token) is { } entry)
        {
            var name = entry.Name.TrimEnd('/');
            names.Add(name);
            if (!listed.TryGetValue(name, out var expected))
            {
                continue; // a name that is not UTF-8: the runtime's reader cannot say it; the test below reads it as bytes
            }

            Assert.Equal(expected.GetProperty("modified").GetDateTimeOffset().ToUnixTimeMilliseconds(), entry.ModificationTime.ToUnixTimeMilliseconds());
            Assert.Equal(expected.GetProperty("mode").GetString()![^9..], Rwx(entry.Mode));
            switch (expected.GetProperty("kind").GetString())
            {
                case "file":
                    Assert.Equal(expected.GetProperty("size").GetInt64(), entry.Length);
                    var content = await _host.RunAsync("cat", "e53d:" + name);
                    Assert.Equal(SHA256.HashData(content.Bytes), entry.DataStream is null ? SHA256.HashData([]) : await SHA256.HashDataAsync(entry.DataStream, Token));
                    break;
                case "symlink":
                    Assert.Equal(TarEntryType.SymbolicLink, entry.EntryType);
                    Assert.Equal(expected.GetProperty("target").GetString(), entry.LinkName);
                    break;
                case "pipe":
                    Assert.Equal(TarEntryType.Fifo, entry.EntryType);
                    break;
                default:
                    Assert.Equal(TarEntryType.Directory, entry.EntryType);
                    break;
            }
        }

        Assert.Equal(listed.Count, names.Count);
    }

    [Fact]
    public async Task Names_that_are_not_UTF8_come_out_of_a_tar_as_they_were()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tar") || File.Exists("/bin/tar"), "there is no tar program");
        byte[][] names = [[.. "caf"u8, 0xE9, .. "ole"u8], [.. "l"u8, .. Enumerable.Repeat((byte)'o', 120), 0xFF], "plain"u8.ToArray()];
        var output = new MemoryStream();
        var tar = new PaxTar(output);
        foreach (var name in names)
        {
            var entry = new Entry { Name = LosslessText.Decode(name), Mode = 0x1A4, Size = 2, ModTime = new Timestamp(-2, 250_000_000), UserName = "ü" };
            Assert.Null(await tar.AddAsync(name, entry, new MemoryStream("hi"u8.ToArray()), Token));
        }

        await tar.FinishAsync(Token);
        await File.WriteAllBytesAsync(_host.At("out.tar"), output.ToArray(), Token);
        Directory.CreateDirectory(_host.At("unpacked"));
        Shell($"tar -x --no-same-owner -C '{_host.At("unpacked")}' -f '{_host.At("out.tar")}'");
        var found = Shell($"cd '{_host.At("unpacked")}' && stat --printf '%n/%.2Y/%s\\n' * | od -An -v -t x1 | tr -d ' \\n'");

        foreach (var name in names)
        {
            Assert.Contains(Convert.ToHexStringLower([.. name, .. "/-1.75/2\n"u8]), found, StringComparison.Ordinal);
        }

        Shell($"rm -r '{_host.At("unpacked")}'"); // the runtime cannot delete such names
    }

    [Fact]
    public async Task A_zip_holds_files_folders_and_links_and_says_what_it_cannot_hold()
    {
        var archive = _host.At("out.zip");
        var outcome = (await _host.RunAsync("export", "e53d", "-o", archive)).Exits(0);
        Assert.Contains("a-fifo is a pipe, which a zip cannot hold", outcome.Error, StringComparison.Ordinal);
        await using var zip = await ZipFile.OpenReadAsync(archive, Token);
        var readme = zip.GetEntry("README.txt")!;
        await using (var body = await readme.OpenAsync(Token))
        {
            Assert.Equal(SHA256.HashData((await _host.RunAsync("cat", "e53d:README.txt")).Bytes), await SHA256.HashDataAsync(body, Token));
        }

        Assert.Equal(0x8000, (readme.ExternalAttributes >> 16) & 0xF000);
        Assert.NotNull(zip.GetEntry("docs/"));
        Assert.Equal(0xA000, (zip.GetEntry("link-to-dir")!.ExternalAttributes >> 16) & 0xF000);
    }

    [Fact]
    public async Task An_export_never_leaves_half_a_file_under_the_name_and_overwrites_only_when_told()
    {
        var archive = _host.Write("out.tar", "mine");
        Assert.Contains("[TargetFileExists]", (await _host.RunAsync("export", "latest", "-o", archive)).Exits(2).Error, StringComparison.Ordinal);
        (await _host.RunAsync("export", "latest", "-o", archive, "--overwrite")).Exits(0);
        Assert.True(new FileInfo(archive).Length > 10_000);
        Assert.Empty(Directory.EnumerateFiles(_host.Folder, "*.part"));
        Assert.Contains("[TargetUnusable]", (await _host.RunAsync("export", "latest", "-o", _host.At("nowhere", "x.tar"))).Exits(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recovery_kit_names_everything_but_the_secret()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + Checkout.Path("tests/fixtures/kloset/encrypted/repo"));
        _host.Set("KLOSET_PASSPHRASE", "kloset fixture passphrase 2026");
        var text = (await _host.RunAsync("recovery-kit")).Exits(0).Output;
        var info = JsonDocument.Parse((await _host.RunAsync("info", "--json")).Exits(0).Output).RootElement;

        Assert.Contains(info.GetProperty("repositoryId").GetString()!, text, StringComparison.Ordinal);
        Assert.Contains(info.GetProperty("keyFingerprint").GetString()!, text, StringComparison.Ordinal);
        Assert.Contains("kloset restore latest --to", text, StringComparison.Ordinal);
        Assert.Contains("plakar at fs:", text, StringComparison.Ordinal);
        Assert.DoesNotContain("kloset fixture passphrase", text, StringComparison.Ordinal);
        Assert.True(text.Split('\n').Length < 40);
        var kit = JsonDocument.Parse((await _host.RunAsync("recovery-kit", "--json")).Exits(0).Output).RootElement;
        Assert.Equal(info.GetProperty("repositoryId").GetString(), kit.GetProperty("repositoryId").GetString());
    }

    [Fact]
    public async Task The_doctor_finds_a_whole_repository_well()
    {
        var doctor = JsonDocument.Parse((await _host.RunAsync("doctor", "--json")).Exits(0).Output).RootElement;

        Assert.True(doctor.GetProperty("well").GetBoolean());
        var subjects = doctor.GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("subject").GetString()).ToHashSet();
        Assert.Superset(new HashSet<string?> { "Cache", "Location", "Storage", "Repository", "Passphrase", "Locks", "Index", "Snapshots", "Data check" }, subjects);
        var text = (await _host.RunAsync("doctor")).Exits(0).Output;
        Assert.True(text.Split('\n').Length <= 40, text);
    }

    [Theory]
    [InlineData(10, "Repository", "fs:{empty}")]
    [InlineData(10, "Storage", "fs:{folder}/nowhere")]
    [InlineData(2, "Location", "gopher:x")]
    [InlineData(7, "Storage", "s3://127.0.0.1:9/bucket")]
    public async Task The_doctor_names_the_first_thing_in_the_way_and_what_to_do(int code, string subject, string location)
    {
        Directory.CreateDirectory(_host.At("empty"));
        _host.Set("KLOSET_REPOSITORY", location.Replace("{empty}", _host.At("empty"), StringComparison.Ordinal).Replace("{folder}", _host.Folder, StringComparison.Ordinal));
        var outcome = (await _host.RunAsync("doctor", "--json")).Exits(code);
        var wrong = JsonDocument.Parse(outcome.Output).RootElement.GetProperty("lines").EnumerateArray().First(line => line.GetProperty("verdict").GetString() == "wrong");

        Assert.Equal(subject, wrong.GetProperty("subject").GetString());
        Assert.NotEmpty(wrong.GetProperty("remedy").GetString()!);
    }

    [Fact]
    public async Task The_doctor_tells_a_wrong_passphrase_from_a_missing_one()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + Checkout.Path("tests/fixtures/kloset/encrypted/repo"));
        Assert.Contains("no passphrase was given", (await _host.RunAsync("doctor")).Exits(12).Output, StringComparison.Ordinal);
        _host.Set("KLOSET_PASSPHRASE", "not this one");
        var wrong = (await _host.RunAsync("doctor")).Exits(12).Output;
        Assert.Contains("BAD   Passphrase", wrong, StringComparison.Ordinal);
        Assert.DoesNotContain("not this one", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_looks_at_sources()
    {
        _host.Write("drop/takeout-20260921T101112Z-001.zip", "x");
        _host.Write("drop/takeout-20260921T101112Z-003.zip", "x");
        var text = (await _host.RunAsync("doctor", "--source", "takeout:" + _host.At("drop"), "--source", "folder:" + _host.At("drop"))).Exits(0).Output;

        Assert.Contains("missing: part 2", text, StringComparison.Ordinal);
        (await _host.RunAsync("doctor", "--source", "takeout:" + _host.At("nowhere"))).Exits(2);
    }

    [Fact]
    public async Task A_lost_state_is_told_and_repaired_from_the_command_line()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        _host.Write("source/a.txt", "some text");
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        (await _host.RunAsync("backup", "folder:" + _host.At("source"))).Exits(0);
        foreach (var state in Directory.EnumerateFiles(Path.Combine(_host.Repository, "states"), "*", SearchOption.AllDirectories))
        {
            await File.WriteAllTextAsync(state, "not a state", Token);
        }

        Assert.Contains("--repair", (await _host.RunAsync("check")).Exits(14).Output, StringComparison.Ordinal);
        Assert.Contains("kloset check --repair", (await _host.RunAsync("doctor")).Exits(14).Output, StringComparison.Ordinal);
        Assert.Contains("Would write", (await _host.RunAsync("check", "--repair", "--dry-run")).Exits(14).Output, StringComparison.Ordinal);
        Assert.Contains("can be seen again", (await _host.RunAsync("check", "--repair")).Exits(0).Output, StringComparison.Ordinal);
        (await _host.RunAsync("check", "--full")).Exits(0);
        Assert.Equal("some text"u8.ToArray(), (await _host.RunAsync("cat", "latest:a.txt")).Exits(0).Bytes);
    }

    private static string Kind(JsonElement change) => change.GetProperty("change").GetString()!;

    private static List<JsonElement> Lines(Outcome outcome) =>
        [.. outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Rwx(UnixFileMode mode) =>
        string.Create(9, (int)mode & 0x1FF, (text, bits) =>
        {
            for (var i = 0; i < 9; i++)
            {
                text[i] = (bits & (1 << (8 - i))) != 0 ? "rwx"[i % 3] : '-';
            }
        });

    private static string Shell(string script)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEnd();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        return output;
    }
}
