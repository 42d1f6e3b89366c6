using System.Security.Cryptography;
using GooglePhotosEmulator.Identity;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>A made-up library in a repository, the truth about it, and restores of it into an emulated Google.</summary>
internal sealed class LibraryOfAlice : IAsyncDisposable
{
    private readonly string _restoreId = Guid.CreateVersion7().ToString();

    private LibraryOfAlice(GoogleHost google, ExportManifest truth, Library library)
    {
        (Google, Truth, Library) = (google, truth, library);
    }

    public GoogleHost Google { get; }

    public ExportManifest Truth { get; }

    public Library Library { get; }

    public UserAccount Target => Google.Alice;

    /// <summary>What belongs into Google: for each item the version that people see, each content once.</summary>
    public IReadOnlyList<(ExportedItem Item, ExportedFile File)> Expected =>
    [
        .. Truth.Items
            .Select(item => (item, File: item.Folders[0].Media.FirstOrDefault(file => file.Role == "edited") ?? item.Folders[0].Media[0]))
            .DistinctBy(pair => pair.File.Sha256),
    ];

    /// <param name="drive">The export is read straight out of her Drive, in several parts; else from a folder.</param>
    public static async Task<LibraryOfAlice> MakeAsync(
        LibraryOptions options, Func<GooglePhotosEmulator.EmulatorOptions, GooglePhotosEmulator.EmulatorOptions>? change = null, TimeProvider? time = null, bool drive = false)
    {
        var google = await GoogleHost.StartAsync(change, time);
        var library = Library.Generate(options);
        var truth = Export.Write(library, new ExportOptions { Time = options.Until, Format = ArchiveFormat.Zip, Parts = drive ? 3 : 1 }, Directory.CreateDirectory(google.Host.At("drop")).FullName);
        if (drive)
        {
            var folder = google.Google.Drive.LoadTakeout(google.Alice.Email, google.Host.At("drop"));
            google.SignIn(google.Alice, Scopes.DriveReadOnly);
            await google.RunAsync(new RunBackup { Takeout = [new() { GoogleDrive = new(folder.Id, "google") }], SettleSeconds = 0 }, 0, google.Alice.Email);
        }
        else
        {
            (await google.Host.RunAsync("backup", "takeout:" + google.Host.At("drop"), "--account", "alice", "--json")).Exits(0);
        }

        google.SignIn(google.Alice, [.. Scopes.Restore]);
        return new(google, truth, library);
    }

    public async Task<(int Code, RunResult Result)> RestoreAsync(string? approved = null, bool planOnly = false, string? email = "alice@example.com", string account = "alice")
    {
        return await Google.RunAsync(new RunFile
        {
            Kind = RunKind.Restore,
            RunId = Guid.CreateVersion7().ToString(),
            Repository = new() { Backend = new() { Volume = new("repository") } },
            Account = new("alice"),
            Restore = new()
            {
                Latest = true,
                GooglePhotos = new(account, email, "google"),
                ApprovedPlan = approved,
                PlanOnly = planOnly,
                RestoreId = _restoreId,
            },
        });
    }

    /// <summary>All of the truth is there, each item once, in whatever version of its bytes.</summary>
    public void AssertWhole()
    {
        var there = Target.Library.Items;
        Assert.Equal(Expected.Count, there.Count);
        var verbatim = there.Select(item => Convert.ToHexStringLower(SHA256.HashData(item.OriginalBytes()))).ToHashSet(StringComparer.Ordinal);
        var corrected = Expected.Where(pair => !verbatim.Contains(pair.File.Sha256)).ToArray();

        // Corrected ones have other bytes: of them the names and descriptions must be there, as often as they should.
        var rest = there.Where(item => !Expected.Any(pair => pair.File.Sha256 == Convert.ToHexStringLower(SHA256.HashData(item.OriginalBytes()))));
        Assert.Equal(
            corrected.Select(pair => (pair.Item.Title, pair.Item.Description)).Order(),
            rest.Select(item => (item.FileName, item.Description)).Order());
    }

    public async ValueTask DisposeAsync() => await Google.DisposeAsync();
}
