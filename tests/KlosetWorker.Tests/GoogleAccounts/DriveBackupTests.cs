using System.Security.Cryptography;
using System.Text.Json;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Drive;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed class DriveBackupTests
{
    private static ExportManifest Export(GoogleHost host, int parts = 2)
    {
        var library = Library.Generate(new LibraryOptions { Items = 20, MediaSize = 2_000 });
        return TakeoutGenerator.Export.Write(library, new ExportOptions { Time = library.Options.Until, Parts = parts }, Directory.CreateDirectory(host.Host.At("drop")).FullName);
    }

    private static RunBackup Drive(DriveFile folder) => new() { Takeout = [new() { GoogleDrive = new(folder.Id, "google") }], SettleSeconds = 0 };

    [Fact]
    public async Task An_export_is_saved_straight_out_of_Drive_and_restored_bit_by_bit()
    {
        await using var host = await GoogleHost.StartAsync();
        var export = Export(host);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        var credentials = host.SignIn(host.Alice, Scopes.DriveReadOnly);

        var outcome = JsonDocument.Parse((await host.Host.RunAsync(
            "backup", "takeout:gdrive:" + folder.Id, "--account", "alice", "--email", "alice@example.com", "--google-credentials", credentials, "--json")).Exits(0).Output).RootElement;

        Assert.Equal(export.Items.Count, outcome.GetProperty("library").GetProperty("items").GetInt64());
        (await host.Host.RunAsync("restore", "latest", "--to", host.Host.At("out"))).Exits(0);
        var held = Directory.EnumerateFiles(host.Host.At("out"), "*", SearchOption.AllDirectories)
            .Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.All(export.Items.SelectMany(item => item.Folders).SelectMany(place => place.Media), file => Assert.Contains(file.Sha256, held));
    }

    [Fact]
    public async Task A_service_account_reads_the_folder_that_was_shared_with_it_and_looks_once_more_for_little()
    {
        await using var host = await GoogleHost.StartAsync();
        var export = Export(host);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        var robot = host.Google.Identities.AddServiceAccount("backup");
        host.Google.Drive.Share(folder, robot.Email);
        host.Host.Write("secrets/google/credentials.json", host.Google.ServiceAccountJson(robot));

        var first = await host.RunAsync(Drive(folder), 0, "alice@example.com");
        host.Google.Calls.Clear();
        var second = await host.RunAsync(Drive(folder) with { IngestedDigest = first.IngestedDigest }, 0, "alice@example.com");

        Assert.Equal(export.Items.Count, first.Library!.Items);
        Assert.Equal(RunOutcome.NothingNew, second.Outcome);
        Assert.Equal(0, host.Google.Calls.Count("drive.files.media"));
        Assert.DoesNotContain(first.Actions ?? [], action => action.Kind == "FreeDriveSpace");
    }

    [Fact]
    public async Task A_pod_without_any_secret_reads_through_workload_identity()
    {
        await using var host = await GoogleHost.StartAsync();
        var export = Export(host);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        var robot = host.Google.Identities.AddServiceAccount("backup");
        host.Google.Drive.Share(folder, robot.Email);
        var provider = host.Google.Identities.AddWorkloadIdentityProvider();
        const string Subject = "system:serviceaccount:photos:backup";
        robot.WorkloadIdentityUsers.Add(Subject);
        var token = host.Host.Write("token", provider.PodToken(Subject));
        host.Host.Write("secrets/google/credentials.json", provider.ToJson(token, robot, host.Google.UrlOf));

        Assert.Equal(export.Items.Count, (await host.RunAsync(Drive(folder), 0, "alice@example.com")).Library!.Items);

        robot.WorkloadIdentityUsers.Clear();
        var refused = await host.RunAsync(Drive(folder), 5, "alice@example.com");
        Assert.Equal("GoogleImpersonationRefused", refused.Reason);
        host.Host.Write("token", provider.PodToken(Subject, audience: "//other"));
        Assert.Equal("GoogleFederationRefused", (await host.RunAsync(Drive(folder), 5, "alice@example.com")).Reason);
    }

    [Fact]
    public async Task The_sign_in_of_another_account_reads_nothing_and_writes_nothing()
    {
        await using var host = await GoogleHost.StartAsync();
        Export(host);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        var mallory = host.Google.Identities.AddUser("mallory@example.com");
        host.SignIn(mallory, Scopes.DriveReadOnly);

        var invisible = await host.RunAsync(Drive(folder), 8, "alice@example.com");
        var own = host.Google.Drive.LoadTakeout(mallory.Email, host.Host.At("drop"));
        var owned = await host.RunAsync(Drive(own), 8, "alice@example.com");

        Assert.All([invisible, owned], result => Assert.Equal("WrongAccount", result.Reason));
        Assert.Contains("mallory@example.com", owned.Message, StringComparison.Ordinal);
        Assert.Contains("alice@example.com", owned.Message, StringComparison.Ordinal);
        Assert.Equal(0, host.Google.Calls.Count("drive.files.media"));
        Assert.Equal(0, host.Google.Calls.Count("drive.files.list"));
        Assert.DoesNotContain("SnapshotId", (await host.Host.RunAsync("snapshots")).Exits(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_on_downloads_of_one_file_pauses_with_a_time_and_goes_on_from_there()
    {
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        var export = Export(host);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        host.SignIn(host.Alice, Scopes.DriveReadOnly);
        host.Google.Faults.Next(1, "drive.files.media", new Fault.Reply(DriveAnswers.DownloadQuotaExceeded()), skip: 3);

        var paused = await host.RunAsync(Drive(folder), 4);
        time.Jump(TimeSpan.FromHours(1));
        var whole = await host.RunAsync(Drive(folder), 0);

        Assert.Equal("GoogleDownloadQuota", paused.Reason);
        Assert.InRange(paused.ResumeAfter!.Value, time.GetUtcNow().AddMinutes(-10), time.GetUtcNow());
        Assert.Equal(export.Items.Count, whole.Library!.Items);
    }

    [Fact]
    public async Task A_part_that_Drive_does_not_hand_out_is_missing_and_the_others_are_saved()
    {
        await using var host = await GoogleHost.StartAsync();
        Export(host, parts: 3);
        var folder = host.Google.Drive.LoadTakeout(host.Alice.Email, host.Host.At("drop"));
        host.SignIn(host.Alice, Scopes.DriveReadOnly);
        var calls = 0;
        host.Google.Faults.OnCall(call => call.Method == "drive.files.media" && (calls++ == 0 || call.Target == _abusive) && (_abusive ??= call.Target) == call.Target
            ? new Fault.Reply(DriveAnswers.CannotDownloadAbusiveFile())
            : null);

        var result = await host.RunAsync(Drive(folder), 3);

        Assert.Equal("LibraryIncomplete", result.Reason);
        Assert.True(result.Library!.Missing > 0);
        Assert.True(result.Library.Items > 0);
    }

    private string? _abusive;

    [Fact]
    public async Task An_API_that_is_off_and_a_sign_in_without_the_permission_are_told_apart()
    {
        await using var host = await GoogleHost.StartAsync();
        var folder = host.Google.Drive.AddFolder(host.Google.Drive.Root(host.Alice.Email), "Takeout");
        host.SignIn(host.Alice, Scopes.Picker);
        Assert.Equal("GoogleScopeMissing", (await host.RunAsync(Drive(folder), 5)).Reason);
        host.SignIn(host.Alice, Scopes.DriveReadOnly);
        host.Google.Faults.Next(1, "drive.about.get", new Fault.Reply(DriveAnswers.AccessNotConfigured()));
        var disabled = await host.RunAsync(Drive(folder), 5);
        Assert.Equal("GoogleApiDisabled", disabled.Reason);
        Assert.Contains("https://", disabled.Message, StringComparison.Ordinal);
        Assert.Equal("SourceEmpty", (await host.RunAsync(Drive(folder), 3)).Reason);
    }
}
