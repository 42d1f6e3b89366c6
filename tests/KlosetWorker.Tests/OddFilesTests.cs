using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Kloset;
using KlosetWorker.Files;

namespace KlosetWorker.Tests;

/// <summary>What becomes of files that are not as files are: odd names, special files, files that nobody may read or that change while they are read.</summary>
public sealed class OddFilesTests : IDisposable
{
    private readonly TestHost _host = new();

    public OddFilesTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the odd files are those of Linux");
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        Directory.CreateDirectory(_host.At("source"));
    }

    public void Dispose()
    {
        Sh("chmod -R u+rwX . 2>/dev/null; rm -rf source restored"); // .NET cannot delete them all
        _host.Dispose();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Names_that_are_not_UTF_8_come_back_byte_for_byte()
    {
        Sh("""
            cd source && mkdir "$(printf 'caf\351')" && printf one > "$(printf 'caf\351/x\377y')" && printf two > "$(printf '\200')" && printf three > "$(printf 'caf\303\251')" &&
            ln -s "$(printf 'caf\351/x\377y')" "$(printf 'li\376nk')" && printf four > "$(printf '\360\237\216\211 ok')" && printf five > "$(printf 'real \357\277\275')" &&
            touch -d '2001-02-03T04:05:06Z' "$(printf 'caf\351/x\377y')" "$(printf '\200')" && chmod 640 "$(printf '\200')" && touch -d '2002-02-03T04:05:06Z' "$(printf 'caf\351')"
            """);
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        var first = await BackupAsync(0);
        var again = await BackupAsync(0);
        (await _host.RunAsync("check", "--full")).Exits(0);
        (await _host.RunAsync("ls", "latest", "--recursive")).Exits(0);
        (await _host.RunAsync("ls", "latest", "--recursive", "--json")).Exits(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);

        Assert.Equal((5, 5), (first.GetProperty("files").GetInt64(), first.GetProperty("filesRead").GetInt64()));
        Assert.Equal((5, 0), (again.GetProperty("files").GetInt64(), again.GetProperty("filesRead").GetInt64()));
        const string Describe = "find . -printf '%P|%y|%m|%TY-%Tm-%TdT%TT|%s|%l\\n' | LC_ALL=C sort; LC_ALL=C find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
        Assert.Equal(Sh("cd source && " + Describe), Sh("cd restored && " + Describe));

        // Again over what is there, and as hard links.
        Assert.Equal(6, JsonDocument.Parse((await _host.RunAsync("restore", "latest", "--to", _host.At("restored"), "--json")).Exits(0).Output).RootElement.GetProperty("alreadyThere").GetInt64());
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"), "--existing", "overwrite")).Exits(0);
        Assert.Equal(Sh("cd source && " + Describe), Sh("cd restored && " + Describe));

        // What is gone goes, under its own name.
        Sh("rm \"$(printf 'source/\\200')\"");
        Assert.Equal(4, (await BackupAsync(0)).GetProperty("files").GetInt64());
        Assert.DoesNotContain("two", (await _host.RunAsync("ls", "latest")).Exits(0).Output, StringComparison.Ordinal);
        Sh("rm -r restored");
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);
        Assert.Equal(Sh("cd source && " + Describe), Sh("cd restored && " + Describe));
    }

    [Fact]
    public async Task Plakar_sees_such_names_as_its_own_backup_of_them()
    {
        var plakar = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "plakar")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(plakar is null, "plakar is not on PATH");
        Sh("cd source && mkdir \"$(printf 'caf\\351')\" && printf one > \"$(printf 'caf\\351/x\\377y')\" && printf two > \"$(printf '\\200')\"");
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        await BackupAsync(0);
        var place = $"export HOME={_host.At("home")}; mkdir -p $HOME; {plakar} -disable-security-check >/dev/null 2>&1; {plakar} at fs:{_host.Repository}";

        Sh($"{place} check >/dev/null 2>&1 && {place} restore -to {_host.At("restored")} >/dev/null 2>&1");

        const string Describe = "LC_ALL=C find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
        Assert.Equal(Sh("cd source && " + Describe), Sh("cd restored && " + Describe));
    }

    [Fact]
    public async Task Pipes_sockets_and_devices_are_skipped_and_named()
    {
        Sh("cd source && mkfifo pipe && printf x > file");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_host.At("source", "socket")));
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        var report = await BackupAsync(0);

        Assert.Equal((1, 0), (report.GetProperty("files").GetInt64(), report.GetProperty("errors").GetInt64()));
        var warnings = report.GetProperty("warnings").ToString();
        Assert.Contains("pipe: skipped, it is a pipe", warnings, StringComparison.Ordinal);
        Assert.Contains("socket: skipped, it is a socket", warnings, StringComparison.Ordinal);
    }

    /// <summary>As somebody who may not read everything: root may, so then another user runs it.</summary>
    [Fact]
    public async Task A_file_or_folder_that_may_not_be_read_is_named_and_the_rest_is_saved()
    {
        _host.Write("source/open.txt", "x");
        _host.Write("source/closed.txt", "y");
        _host.Write("source/closed/z.txt", "z");
        Sh("chmod 000 source/closed.txt source/closed && chmod 777 . cache");
        var isRoot = Environment.UserName == "root";
        Assert.SkipWhen(isRoot && !File.Exists("/usr/bin/setpriv"), "root may read everything, and there is no setpriv");
        string[] user = isRoot ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : ["/usr/bin/env"];

        await RunAsAsync(user, 0, "create", "--plaintext");
        var report = JsonDocument.Parse(await RunAsAsync(user, 3, "backup", "folder:" + _host.At("source"), "--origin", "here", "--json")).RootElement;

        Assert.Equal((1, 2), (report.GetProperty("filesRead").GetInt64(), report.GetProperty("errors").GetInt64()));
        Assert.Equal("Incomplete", report.GetProperty("outcome").GetString());
        var warnings = report.GetProperty("warnings").ToString();
        Assert.Contains("closed.txt", warnings, StringComparison.Ordinal);
        Assert.Contains("/closed:", warnings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_grows_and_a_file_that_goes_while_they_are_read_end_nothing()
    {
        var (growing, going) = (_host.Write("source/growing.log", new byte[3 << 20]), _host.Write("source/going.tmp", "x"));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var changing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await File.AppendAllTextAsync(growing, "one more line\n", CancellationToken.None);
                if (!File.Exists(going))
                {
                    await File.WriteAllTextAsync(going, "x", CancellationToken.None);
                }
                else
                {
                    File.Delete(going);
                }
            }
        }, Cancel);
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        for (var round = 0; round < 5; round++)
        {
            await BackupAsync(0);
        }

        await stop.CancelAsync();
        await changing;
        (await _host.RunAsync("check", "--full")).Exits(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);
        Assert.True(new FileInfo(_host.At("restored", "growing.log")).Length >= 3 << 20);
    }

    [Fact]
    public async Task Sparse_files_hard_links_long_names_and_deep_folders_come_back()
    {
        var name = new string('ä', 127) + "x"; // 255 bytes
        Sh($"cd source && truncate -s 20M sparse && printf end >> sparse && printf same > one && ln one two && printf long > {name}");
        // Deeper than what one path may be: 4,096 bytes.
        var half = string.Concat(Enumerable.Repeat(new string('d', 120) + "/", 20));
        Sh($"mkdir -p source/{half} other/{half} && printf reached > source/{half}file && printf deepest > other/{half}file && mv other source/{half}");
        (await _host.RunAsync("create", "--plaintext")).Exits(0);

        // What the system refuses to open by its path is named; the rest is there.
        var report = await BackupAsync(3);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored"))).Exits(0);

        Assert.Equal(1, report.GetProperty("errors").GetInt64());
        Assert.Contains("dddd", Assert.Single(report.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetString())!)!, StringComparison.Ordinal);
        foreach (var file in new[] { "sparse", "one", "two", name, half + "file" })
        {
            Assert.True(File.ReadAllBytes(_host.At("source", file)).AsSpan().SequenceEqual(File.ReadAllBytes(_host.At("restored", file))), file);
        }

        (await _host.RunAsync("check", "--full")).Exits(0);
        (await _host.RunAsync("restore", "latest", "--to", _host.At("restored", "linked"), "--hard-links")).Exits(0);
        Assert.Equal("2", Sh($"stat -c %h restored/linked/one").Trim());
    }

    [Fact]
    public void Names_are_in_the_order_of_their_bytes()
    {
        byte[][] names = [[0x61], [0x80], [0xC3, 0xA9], [0xE9], [0xEF, 0xBF, 0xBD], [0xF0, 0x9F, 0x8E, 0x89], [0xFF], [0x61, 0xFF], [0x61, 0xC3, 0xA9], [0xED, 0xB2, 0x80]];
        foreach (var left in names)
        {
            foreach (var right in names)
            {
                Assert.Equal(Math.Sign(left.AsSpan().SequenceCompareTo(right)), Math.Sign(FileStatus.CompareNames(LosslessText.Decode(left), LosslessText.Decode(right))));
            }

            Assert.Equal(!System.Text.Unicode.Utf8.IsValid(left), LosslessFiles.AreNeeded(LosslessText.Decode(left)));
        }
    }

    private async Task<JsonElement> BackupAsync(int code) =>
        JsonDocument.Parse((await _host.RunAsync("backup", "folder:" + _host.At("source"), "--origin", "here", "--json")).Exits(code).Output).RootElement;

    private async Task<string> RunAsAsync(string[] user, int code, params string[] arguments)
    {
        var start = new ProcessStartInfo(user[0], [.. user[1..], Environment.ProcessPath is { } path && path.EndsWith("dotnet", StringComparison.Ordinal) ? path : "dotnet", Path.Combine(AppContext.BaseDirectory, "KlosetWorker.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KLOSET_REPOSITORY"] = "fs:" + _host.Repository;
        start.Environment["KLOSET_CACHE"] = _host.At("cache");
        start.Environment["HOME"] = _host.At("cache");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(Cancel);
        var output = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == code, $"exit code {process.ExitCode} instead of {code}\n{output}\n{await error}");
        return output;
    }

    private string Sh(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script]) { WorkingDirectory = _host.Folder, RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, script);
        return output;
    }
}
