using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Drive;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>What Drive does in the middle of an export, and what is told about the room in it.</summary>
public sealed class DriveTroubleTests
{
    private static readonly TimeSpan Nearly = TimeSpan.FromMinutes(5);

    private static RunBackup Drive(DriveFile folder) => new() { Takeout = [new() { GoogleDrive = new(folder.Id, "google") }], SettleSeconds = 0 };

    private static (ExportManifest Export, DriveFile Folder) Put(GoogleHost host, int parts, int items = 30, int size = 2_000)
    {
        var library = Library.Generate(new LibraryOptions { Items = items, MediaSize = size });
        var export = Export.Write(library, new ExportOptions { Time = library.Options.Until, Parts = parts }, Directory.CreateDirectory(host.Host.At("drop")).FullName);
        host.SignIn(host.Alice, Scopes.DriveReadOnly);
        return (export, host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop")));
    }

    private static DriveFile[] Parts(GoogleHost host, DriveFile folder) =>
        [.. host.Google.Drive.Files.Where(file => file.ParentId == folder.Id && file.Name.EndsWith(".zip", StringComparison.Ordinal) && file.Size > 0).OrderBy(file => file.Name, StringComparer.Ordinal)];

    [Fact]
    public async Task A_part_that_Google_limits_is_left_for_an_hour_then_four_then_a_day_and_all_others_are_saved_meanwhile()
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        var (export, folder) = Put(host, parts: 4);
        var limited = Parts(host, folder)[1];
        limited.DownloadQuota = DownloadQuotaState.AllRefused;

        async Task<RunResult> RunAsync(int code) => await host.RunAsync(Drive(folder), code);
        var first = await RunAsync(4);
        Assert.Equal(("GoogleDownloadQuota", RunOutcome.Paused), (first.Reason, first.Outcome));
        Assert.Contains(limited.Name, first.Message, StringComparison.Ordinal);
        Assert.InRange(first.ResumeAfter!.Value - time.GetUtcNow(), TimeSpan.FromHours(1) - Nearly, TimeSpan.FromHours(1));
        Assert.True(first.Library!.Items > export.Items.Count / 3);

        // Before the hour is over it is not even asked for; what is saved is not read again.
        host.Google.Calls.Clear();
        var early = await RunAsync(4);
        Assert.Equal(first.ResumeAfter, early.ResumeAfter);
        Assert.DoesNotContain(host.Google.Calls.Calls, call => call.Call.Method == "drive.files.media" && call.Call.Target == limited.Id);

        foreach (var hours in new[] { 4, 24, 24 })
        {
            time.Jump(early.ResumeAfter!.Value - time.GetUtcNow() + TimeSpan.FromSeconds(1));
            early = await RunAsync(4);
            Assert.InRange(early.ResumeAfter!.Value - time.GetUtcNow(), TimeSpan.FromHours(hours) - Nearly, TimeSpan.FromHours(hours));
        }

        limited.DownloadQuota = DownloadQuotaState.Free;
        time.Jump(TimeSpan.FromDays(2));
        var whole = await RunAsync(0);
        Assert.Equal(export.Items.Count, whole.Library!.Items);
        await AssertWholeAsync(host, export);
    }

    [Fact]
    public async Task A_limit_in_the_middle_of_a_part_keeps_what_was_read_of_it()
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        var (export, folder) = Put(host, parts: 1, size: 1_300_000);
        var size = Parts(host, folder).Max(part => part.Size);

        // The sidecars come first, in small windows; then the photos, in large ones.
        var large = 0;
        host.Google.Faults.OnCall(call => call.Method == "drive.files.media" && Length(call.Range) > 4 << 20 && ++large > 1 ? new Fault.Reply(DriveAnswers.DownloadQuotaExceeded()) : null);

        var paused = await host.RunAsync(Drive(folder), 4);
        host.Google.Faults.Clear();
        time.Jump(TimeSpan.FromHours(2));
        var whole = await host.RunAsync(Drive(folder), 0);

        Assert.Equal("GoogleDownloadQuota", paused.Reason);
        Assert.InRange(paused.Transfer!.BytesRead, 5 << 20, size);
        Assert.InRange(whole.Transfer!.BytesRead, 1, size - (5 << 20));
        Assert.Equal(export.Items.Count, whole.Library!.Items);
        await AssertWholeAsync(host, export);

        static long Length(string range) => range.Split('=', '-') is [_, var from, var to] ? long.Parse(to, null) - long.Parse(from, null) + 1 : 0;
    }

    [Fact]
    public async Task The_bytes_of_a_day_end_it_before_Google_charges_for_them_and_it_goes_on_at_midnight_in_California()
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        var (export, folder) = Put(host, parts: 2);
        var first = await host.RunAsync(Drive(folder), 0);
        var ledger = Directory.EnumerateDirectories(Path.Combine(host.Host.Repository, "kloset-operator", "quota"), "drive-mebibytes", SearchOption.AllDirectories).Single();
        Assert.NotEmpty(Directory.EnumerateFiles(ledger, "*", SearchOption.AllDirectories));

        // Another job of the same project used the day up: each portion says in its name how large it is.
        var today = Directory.EnumerateDirectories(ledger).Single();
        var portion = Directory.EnumerateFiles(today).First();
        File.Copy(portion, Path.Combine(today, "900000-ffff"));
        Directory.Delete(host.Host.At("drop"), recursive: true);
        host.Google.Drive.Delete(folder);
        var (_, next) = Put(host, parts: 2, items: 40);
        var paused = await host.RunAsync(Drive(next), 4);

        Assert.Equal(export.Items.Count, first.Library!.Items);
        Assert.Equal("GoogleDayQuota", paused.Reason);
        Assert.Contains("MiB", paused.Message, StringComparison.Ordinal);
        Assert.Equal(8, paused.ResumeAfter!.Value.Hour);
        Assert.Equal(0, host.Google.Drive.Files.Count(file => file.DownloadQuota != DownloadQuotaState.Free));
    }

    [Fact]
    public async Task A_part_whose_content_is_replaced_while_it_is_read_is_begun_anew_in_the_same_run()
    {
        await using var host = await GoogleHost.StartAsync();
        var (export, folder) = Put(host, parts: 2, size: 400_000);
        var part = Parts(host, folder)[0];
        var same = part.ReadAllBytes();
        var reads = 0;
        host.Google.Faults.OnCall(call => call.Method == "drive.files.media" && call.Target == part.Id && ++reads == 5
            ? new Fault.Meanwhile(() => host.Google.Drive.Replace(part, [.. same, 0, 0, 0, 0]))
            : null);

        var result = await host.RunAsync(Drive(folder), 0);

        Assert.Equal(export.Items.Count, result.Library!.Items);
        Assert.Equal(0, result.Library.Missing);
        await AssertWholeAsync(host, export);
    }

    [Fact]
    public async Task A_part_that_changes_again_and_again_is_missing_and_both_states_are_named()
    {
        await using var host = await GoogleHost.StartAsync();
        var (_, folder) = Put(host, parts: 2, size: 400_000);
        var part = Parts(host, folder)[0];
        var reads = 0;
        host.Google.Faults.OnCall(call => call.Method == "drive.files.media" && call.Target == part.Id && ++reads % 3 == 0
            ? new Fault.Meanwhile(() => host.Google.Drive.Replace(part, [.. part.ReadAllBytes(), 0]))
            : null);

        var result = await host.RunAsync(Drive(folder), 3);

        Assert.Equal("LibraryIncomplete", result.Reason);
        Assert.Contains("changed while it was read", string.Join('\n', [result.Message ?? "", .. result.Warnings ?? []]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_that_is_only_renamed_or_shared_meanwhile_is_read_on()
    {
        await using var host = await GoogleHost.StartAsync();
        var (export, folder) = Put(host, parts: 2);
        var part = Parts(host, folder)[0];
        host.Google.Faults.Next(1, call => call.Method == "drive.files.media" && call.Target == part.Id, new Fault.Meanwhile(() => host.Google.Drive.Touch(part)), skip: 2);
        Assert.Equal(export.Items.Count, (await host.RunAsync(Drive(folder), 0)).Library!.Items);
    }

    [Fact]
    public async Task What_is_safe_to_delete_is_told_and_a_Drive_without_room_for_the_next_export_asks_for_it()
    {
        await using var host = await GoogleHost.StartAsync();
        var (export, folder) = Put(host, parts: 2);
        var held = host.Google.Drive.Files.Where(file => file.ParentId == folder.Id).Sum(file => file.Size);
        host.Alice.StorageLimit = held + (held / 2);

        var full = await host.RunAsync(Drive(folder), 0);
        host.Alice.StorageLimit = held * 3;
        var roomy = await host.RunAsync(Drive(folder), 0);

        var ask = Assert.Single(full.Actions!, action => action.Kind == "FreeDriveSpace");
        Assert.Contains("delete", ask.Message, StringComparison.Ordinal);
        Assert.Equal("https://drive.google.com/drive/quota", ask.Url);
        Assert.DoesNotContain(roomy.Actions ?? [], action => action.Kind == "FreeDriveSpace");

        // Only an export that is wholly saved, with a newer full one or itself the newest: by name, so that a person finds it.
        Assert.NotEmpty(full.Exports!.SafeToDelete!);
        Assert.All(full.Exports.SafeToDelete!, name => Assert.Contains(host.Google.Drive.Files, file => file.Name == name));
        Assert.NotEmpty(export.Items);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_loose_film_is_proven_by_the_checksum_that_Drive_names_of_it(bool damaged, bool nameless)
    {
        await using var host = await GoogleHost.StartAsync();
        var (export, folder) = Put(host, parts: 2, items: 60);
        var film = host.Google.Drive.Files.First(file => file.ParentId == folder.Id && file.Name.EndsWith(".mp4", StringComparison.OrdinalIgnoreCase));
        film.WithoutChecksums = nameless;
        if (damaged)
        {
            host.Google.Faults.OnCall(call => call.Method == "drive.files.media" && call.Target == film.Id ? new Fault.Corrupt(100) : null);
        }

        var result = await host.RunAsync(Drive(folder), damaged ? 3 : 0);

        var words = string.Join('\n', [result.Message ?? "", .. result.Warnings ?? []]);
        Assert.Equal(damaged, words.Contains("does not have the checksum that Drive names", StringComparison.Ordinal));
        Assert.Equal(nameless, words.Contains("it is kept, but not proven", StringComparison.Ordinal));
        Assert.Equal(damaged ? 1 : 0, result.Library!.Missing);
        Assert.NotEmpty(export.Items);
    }

    [Fact]
    public async Task A_shortcut_is_followed_and_one_to_something_that_is_gone_is_told()
    {
        await using var host = await GoogleHost.StartAsync();
        var (export, folder) = Put(host, parts: 2);
        var elsewhere = host.Google.Drive.AddFolder(host.Google.Drive.Root(host.Alice.Email), "Elsewhere");
        foreach (var part in host.Google.Drive.Files.Where(file => file.ParentId == folder.Id).ToArray())
        {
            host.Google.Drive.AddShortcut(elsewhere, part.Name, part.Id);
        }

        host.Google.Drive.AddShortcut(elsewhere, "takeout-gone.zip", "nothing");
        var result = await host.RunAsync(Drive(elsewhere), 0);

        Assert.Equal(export.Items.Count, result.Library!.Items);
        Assert.Contains(result.Warnings!, warning => warning.Contains("takeout-gone.zip in Drive is a shortcut to something that is gone", StringComparison.Ordinal));
    }

    private static async Task AssertWholeAsync(GoogleHost host, ExportManifest export)
    {
        (await host.Host.RunAsync("restore", "latest", "--to", host.Host.At("out"))).Exits(0);
        var held = Directory.EnumerateFiles(host.Host.At("out"), "*", SearchOption.AllDirectories)
            .Select(file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.All(export.Items.SelectMany(item => item.Folders).SelectMany(place => place.Media), file => Assert.Contains(file.Sha256, held));
    }
}
