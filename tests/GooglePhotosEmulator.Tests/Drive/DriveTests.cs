using System.Security.Cryptography;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Drive;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Tests.Drive;

public class DriveTests
{
    private static readonly byte[] Part = [.. Enumerable.Range(0, 100_000).Select(number => (byte)(number * 7))];

    [Fact]
    public async Task A_shared_folder_is_read_by_a_service_account_and_by_nobody_else()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        var robot = google.Emulator.Identities.AddServiceAccount("robot");
        var robotToken = google.Emulator.Identities.Issue(robot, [Scopes.DriveReadOnly]).Value;
        Assert.Equal((404, "notFound"), await RefusalAsync(google, $"files/{file.Id}", robotToken));
        google.Emulator.Drive.Share(folder, robot.Email);
        Assert.Equal([file.Id], await ListAsync(google, $"'{folder.Id}' in parents and trashed = false", robotToken));
        Assert.Equal([folder.Id], await ListAsync(google, "sharedWithMe = true and name = 'Takeout'", robotToken));
        var later = google.Emulator.Drive.AddFile(folder, "takeout-20261120T031415Z-1-002.zip", Part);
        Assert.Contains(later.Id, await ListAsync(google, $"'{folder.Id}' in parents", robotToken));
        var seen = (await google.GetAsync(google.Drive($"files/{file.Id}?fields=ownedByMe,owners,shared,capabilities,parents"), robotToken)).Json;
        Assert.False(seen["ownedByMe"]!.GetValue<bool>());
        Assert.True(seen["shared"]!.GetValue<bool>());
        Assert.Equal("alice@example.com", seen["owners"]![0]!["emailAddress"]!.ToString());
        Assert.Null((await google.GetAsync(google.Drive($"files/{folder.Id}?fields=id,parents"), robotToken)).Json["parents"]);
        Assert.Equal(Part, (await google.GetAsync(google.Drive($"files/{file.Id}?alt=media"), robotToken)).Body);
        var bob = google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.DriveReadOnly);
        Assert.Equal((404, "notFound"), await RefusalAsync(google, $"files/{file.Id}?alt=media", bob));
        google.Emulator.Drive.Trash(file);
        Assert.Equal((404, "notFound"), await RefusalAsync(google, $"files/{file.Id}", robotToken));
        Assert.True((await google.GetAsync(google.Drive($"files/{file.Id}?fields=trashed"))).Json["trashed"]!.GetValue<bool>());
        google.Emulator.Drive.Unshare(folder, robot.Email);
        Assert.Empty(await ListAsync(google, $"'{folder.Id}' in parents", robotToken));
    }

    [Fact]
    public async Task Only_what_was_asked_for_comes_back()
    {
        await using var google = await Google.StartAsync();
        var (_, file) = Takeout(google);
        Assert.Equal(["kind", "id", "name", "mimeType"], (await google.GetAsync(google.Drive($"files/{file.Id}"))).Json.Select(pair => pair.Key));
        var json = (await google.GetAsync(google.Drive($"files/{file.Id}?fields=size,md5Checksum,sha1Checksum,sha256Checksum,headRevisionId,version"))).Json;
        Assert.Equal("100000", json["size"]!.GetValue<string>());
        Assert.Equal(Convert.ToHexStringLower(MD5.HashData(Part)), json["md5Checksum"]!.ToString());
        Assert.Equal(Convert.ToHexStringLower(SHA1.HashData(Part)), json["sha1Checksum"]!.ToString());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Part)), json["sha256Checksum"]!.ToString());
        Assert.Equal("1", json["version"]!.GetValue<string>());
        Assert.Null(json["name"]);
        file.WithoutChecksums = true;
        Assert.Null((await google.GetAsync(google.Drive($"files/{file.Id}?fields=id,sha256Checksum"))).Json["sha256Checksum"]);
        Assert.Equal((400, "required"), await RefusalAsync(google, "about"));
        Assert.Equal((400, "invalidParameter"), await RefusalAsync(google, $"files/{file.Id}?fields=dragons"));
        var list = (await google.GetAsync(google.Drive("files?fields=files(id,owners/emailAddress)"))).Json;
        Assert.Equal(["files"], list.Select(pair => pair.Key));
        Assert.Equal(["id", "owners"], list["files"]![0]!.AsObject().Select(pair => pair.Key).Order());
        Assert.Equal("""[{"emailAddress":"alice@example.com"}]""", list["files"]![0]!["owners"]!.ToJsonString());
    }

    [Fact]
    public async Task About_tells_who_and_how_much_room()
    {
        await using var google = await Google.StartAsync();
        google.Alice.StorageLimit = 1_000_000;
        google.Alice.Library.Add("a.jpg", Google.Photo(1));
        var (_, file) = Takeout(google);
        google.Emulator.Drive.Trash(file);
        var about = (await google.GetAsync(google.Drive("about?fields=user,storageQuota"))).Json;
        Assert.Equal("alice@example.com", about["user"]!["emailAddress"]!.ToString());
        Assert.Equal($$"""{"limit":"1000000","usage":"{{100_000 + google.Alice.Library.Bytes}}","usageInDrive":"100000","usageInDriveTrash":"100000"}""", about["storageQuota"]!.ToJsonString());
    }

    [Theory]
    [InlineData("name = 'it\\'s' and mimeType = 'application/zip'", "it's")]
    [InlineData("name contains 'takeout-' and not name contains '003'", "takeout-1-001.zip,takeout-1-002.zip")]
    [InlineData("name contains '001.z'", "takeout-1-001.zip")]
    [InlineData("name contains 'ake'", "")]
    [InlineData("(name = 'it\\'s' or name = 'takeout-1-003.zip') and 'me' in owners", "it's,takeout-1-003.zip")]
    [InlineData("mimeType = 'application/vnd.google-apps.folder' and 'root' in parents", "Takeout")]
    [InlineData("trashed = true", "gone.zip")]
    [InlineData("modifiedTime > '2030-01-01T00:00:00Z'", "")]
    public async Task Queries_find_what_they_say(string query, string names)
    {
        await using var google = await Google.StartAsync();
        var drive = google.Emulator.Drive;
        var folder = drive.AddFolder(drive.Root(google.Alice.Email), "Takeout");
        foreach (var name in new[] { "takeout-1-003.zip", "takeout-1-001.zip", "takeout-1-002.zip", "it's" })
        {
            drive.AddFile(folder, name, Part);
        }

        drive.Trash(drive.AddFile(folder, "gone.zip", Part));
        var reply = await google.GetAsync(google.Drive($"files?orderBy=name&q={Uri.EscapeDataString(query)}"));
        var found = reply.Json["files"]!.AsArray().Select(file => file!["name"]!.ToString()).Where(name => names.Contains("gone.zip", StringComparison.Ordinal) || name != "gone.zip");
        Assert.Equal(names, string.Join(',', found));
    }

    [Theory]
    [InlineData("q=name+%3D", "invalid")]
    [InlineData("q=dragons+%3D+'x'", "invalid")]
    [InlineData("pageToken=x", "invalid")]
    [InlineData("pageSize=0", "invalid")]
    [InlineData("orderBy=beauty", "invalid")]
    [InlineData("corpora=drive", "teamDriveIdRequired")]
    public async Task A_listing_that_Drive_would_refuse_is_refused(string query, string reason)
    {
        await using var google = await Google.StartAsync();
        Assert.Equal(reason, (await google.GetAsync(google.Drive("files?" + query))).Reason);
    }

    [Fact]
    public async Task Pages_may_be_short_or_empty_and_tokens_die()
    {
        await using var google = await Google.StartAsync();
        var drive = google.Emulator.Drive;
        for (var number = 1; number <= 12; number++)
        {
            drive.AddFile(drive.Root(google.Alice.Email), $"part-{number}.zip", [1]);
        }

        (google.Emulator.Pages.EmptyEvery, google.Emulator.Pages.ShortEvery) = (2, 3);
        var names = new List<string>();
        string? token = null;
        do
        {
            var page = (await google.GetAsync(google.Drive($"files?pageSize=5&orderBy=name_natural&pageToken={token}"))).Json;
            names.AddRange(page["files"]!.AsArray().Select(file => file!["name"]!.ToString()));
            token = page["nextPageToken"]?.ToString();
        }
        while (token is not null);
        Assert.Equal(Enumerable.Range(1, 12).Select(number => $"part-{number}.zip"), names);
        google.Emulator.Pages.EmptyEvery = null;
        token = (await google.GetAsync(google.Drive("files?pageSize=5"))).Json["nextPageToken"]!.ToString();
        drive.KillPageTokens();
        Assert.Equal((400, "invalid"), await RefusalAsync(google, $"files?pageSize=5&pageToken={token}"));
    }

    [Fact]
    public async Task Shared_drives_want_their_flags_and_may_not_be_searched_whole()
    {
        await using var google = await Google.StartAsync();
        var drive = google.Emulator.Drive.AddSharedDrive("Team");
        var file = google.Emulator.Drive.AddFile(drive, "a.zip", Part);
        google.Emulator.Drive.Share(drive, google.Alice.Email);
        Assert.Equal((404, "notFound"), await RefusalAsync(google, $"files/{file.Id}"));
        var json = (await google.GetAsync(google.Drive($"files/{file.Id}?supportsAllDrives=true&fields=driveId,owners"))).Json;
        Assert.Equal(drive.Id, json["driveId"]!.ToString());
        Assert.Null(json["owners"]);
        Assert.Empty(await ListAsync(google, $"'{drive.Id}' in parents"));
        var found = await google.GetAsync(google.Drive($"files?supportsAllDrives=true&includeItemsFromAllDrives=true&corpora=drive&driveId={drive.Id}"));
        Assert.Single(found.Json["files"]!.AsArray());
        google.Emulator.Drive.IncompleteSearch = true;
        Assert.True((await google.GetAsync(google.Drive("files?supportsAllDrives=true&includeItemsFromAllDrives=true&corpora=allDrives"))).Json["incompleteSearch"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Shortcuts_and_documents_have_no_bytes()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        var shortcut = google.Emulator.Drive.AddShortcut(folder, "link", file.Id);
        var json = (await google.GetAsync(google.Drive($"files/{shortcut.Id}?fields=shortcutDetails,size"))).Json;
        Assert.Equal(file.Id, json["shortcutDetails"]!["targetId"]!.ToString());
        Assert.Null(json["size"]);
        Assert.Equal((403, "fileNotDownloadable"), await RefusalAsync(google, $"files/{shortcut.Id}?alt=media"));
        Assert.Equal((403, "fileNotDownloadable"), await RefusalAsync(google, $"files/{google.Emulator.Drive.AddDocument(folder, "doc").Id}?alt=media"));
        google.Emulator.Drive.Delete(file);
        Assert.Equal((404, "notFound"), await RefusalAsync(google, $"files/{file.Id}"));
    }

    [Fact]
    public async Task Bytes_come_whole_in_part_or_not_at_all()
    {
        await using var google = await Google.StartAsync();
        var (_, file) = Takeout(google);
        var url = google.Drive($"files/{file.Id}?alt=media");
        Assert.Equal(Part, (await google.GetAsync(url)).Body);
        var part = await google.GetAsync(url, null, ("Range", "bytes=50000-50009"));
        Assert.Equal((206, "bytes 50000-50009/100000"), (part.Code, part.Headers["Content-Range"]));
        Assert.Equal(Part[50000..50010], part.Body);
        Assert.Equal(Part[99990..], (await google.GetAsync(url, null, ("Range", "bytes=-10"))).Body);
        var behind = await google.GetAsync(url, null, ("Range", "bytes=100000-100009"));
        Assert.Equal((416, "requestedRangeNotSatisfiable"), (behind.Code, behind.Reason));
        file.DownloadQuota = DownloadQuotaState.UnboundedRefused;
        Assert.Equal("downloadQuotaExceeded", (await google.GetAsync(url)).Reason);
        Assert.Equal("downloadQuotaExceeded", (await google.GetAsync(url, null, ("Range", "bytes=0-"))).Reason);
        Assert.Equal(206, (await google.GetAsync(url, null, ("Range", "bytes=0-9"))).Code);
        file.DownloadQuota = DownloadQuotaState.AllRefused;
        Assert.Equal("downloadQuotaExceeded", (await google.GetAsync(url, null, ("Range", "bytes=0-9"))).Reason);
        Assert.Equal(8, google.Emulator.Calls.Count("drive.files.media"));
    }

    [Fact]
    public async Task Connections_break_lie_and_change_what_they_carry()
    {
        await using var google = await Google.StartAsync();
        var (_, file) = Takeout(google);
        var url = google.Drive($"files/{file.Id}?alt=media");
        var faults = google.Emulator.Faults;
        faults.Next(1, "drive.files.media", new Fault.CutAnswer(70_000));
        await Assert.ThrowsAnyAsync<Exception>(() => google.GetAsync(url));
        faults.Next(1, "drive.files.media", new Fault.WrongTotal(99));
        Assert.Equal("bytes 0-9/99", (await google.GetAsync(url, null, ("Range", "bytes=0-9"))).Headers["Content-Range"]);
        faults.Next(1, "drive.files.media", new Fault.Shorten(10));
        Assert.Equal(Part[..10], (await google.GetAsync(url)).Body);
        faults.Next(1, "drive.files.media", new Fault.Corrupt(70_000));
        var wrong = (await google.GetAsync(url)).Body;
        Assert.Equal([70_000], Enumerable.Range(0, Part.Length).Where(at => wrong[at] != Part[at]));
        faults.Next(1, "drive.files.media", new Fault.Meanwhile(() => google.Emulator.Drive.Replace(file, [1, 2, 3])));
        Assert.Equal([1, 2, 3], (await google.GetAsync(url)).Body);
        faults.Next(1, "drive.*", new Fault.Cut());
        await Assert.ThrowsAnyAsync<Exception>(() => google.GetAsync(url));
        Assert.Equal([1, 2, 3], (await google.GetAsync(url)).Body);
    }

    [Fact]
    public async Task Replaced_content_is_a_new_revision_and_the_old_one_stays_readable_for_who_may_write()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        async Task<(string Head, string Version, string Size)> StateAsync()
        {
            var json = (await google.GetAsync(google.Drive($"files/{file.Id}?fields=headRevisionId,version,size"))).Json;
            return (json["headRevisionId"]!.ToString(), json["version"]!.ToString(), json["size"]!.ToString());
        }

        var before = await StateAsync();
        google.Emulator.Drive.Rename(file, "other.zip");
        google.Emulator.Drive.Touch(file);
        Assert.Equal(before with { Version = "3" }, await StateAsync());
        google.Emulator.Drive.Replace(file, [1, 2, 3]);
        var after = await StateAsync();
        Assert.NotEqual(before.Head, after.Head);
        Assert.Equal("3", after.Size);
        Assert.Equal(Part, (await google.GetAsync(google.Drive($"files/{file.Id}/revisions/{before.Head}?alt=media"))).Body);
        google.Emulator.Drive.Share(folder, "bob@example.com");
        var bob = google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.DriveReadOnly);
        Assert.Equal((403, "insufficientFilePermissions"), await RefusalAsync(google, $"files/{file.Id}/revisions/{before.Head}?alt=media", bob));
    }

    [Fact]
    public async Task Who_may_not_is_told_why()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        var bob = google.Emulator.Identities.AddUser("bob@example.com");
        google.Emulator.Drive.Share(folder, bob.Email);
        string Token(params string[] scopes) => google.TokenOf(bob, google.Client, scopes);
        var path = $"files/{file.Id}?alt=media";
        Assert.Equal((403, "insufficientPermissions"), await RefusalAsync(google, path, Token(Scopes.DriveMetadataReadOnly)));
        Assert.Equal(200, (await google.GetAsync(google.Drive($"files/{file.Id}"), Token(Scopes.DriveMetadataReadOnly))).Code);
        Assert.Equal((403, "appNotAuthorizedToFile"), await RefusalAsync(google, path, Token(Scopes.DriveFile)));
        Assert.Empty(await ListAsync(google, $"'{folder.Id}' in parents", Token(Scopes.DriveFile)));
        Assert.Equal((403, "insufficientPermissions"), await RefusalAsync(google, path, Token(Scopes.AppendOnly)));
        file.DownloadForbiddenForReaders = true;
        Assert.Equal((403, "cannotDownloadFile"), await RefusalAsync(google, path, Token(Scopes.DriveReadOnly)));
        Assert.False((await google.GetAsync(google.Drive($"files/{file.Id}?fields=capabilities"), Token(Scopes.DriveReadOnly))).Json["capabilities"]!["canDownload"]!.GetValue<bool>());
        Assert.Equal(200, (await google.GetAsync(google.Drive(path))).Code);
        file.DownloadForbiddenForReaders = false;
        file.Abusive = true;
        Assert.Equal((403, "cannotDownloadAbusiveFile"), await RefusalAsync(google, path + "&acknowledgeAbuse=true", Token(Scopes.DriveReadOnly)));
        Assert.Equal((403, "cannotDownloadAbusiveFile"), await RefusalAsync(google, path));
        Assert.Equal(200, (await google.GetAsync(google.Drive(path + "&acknowledgeAbuse=true"))).Code);
        bob.DriveAppsForbidden = true;
        Assert.Equal((403, "domainPolicy"), await RefusalAsync(google, path, Token(Scopes.DriveReadOnly)));
        Assert.Equal((403, "dailyLimitExceededUnreg"), await RefusalAsync(google, path, ""));
        Assert.Equal((401, "authError"), await RefusalAsync(google, path, "nonsense"));
        var off = google.Emulator.Identities.Add(new OAuthClient("off", "s") { DisabledApis = new HashSet<string> { "drive.googleapis.com" } });
        Assert.Equal((403, "accessNotConfigured"), await RefusalAsync(google, path, google.TokenOf(google.Alice, off, Scopes.DriveReadOnly)));
    }

    [Fact]
    public async Task Old_links_want_their_key()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        var bob = google.TokenOf(google.Emulator.Identities.AddUser("bob@example.com"), google.Client, Scopes.DriveReadOnly);
        google.Emulator.Drive.Share(folder, "bob@example.com");
        file.ResourceKey = "0-key";
        Assert.Equal(404, (await google.GetAsync(google.Drive($"files/{file.Id}"), bob)).Code);
        Assert.Equal(200, (await google.GetAsync(google.Drive($"files/{file.Id}"), bob, ("X-Goog-Drive-Resource-Keys", $"{file.Id}/0-key"))).Code);
    }

    [Fact]
    public async Task Changes_are_told_from_a_token_that_never_ends()
    {
        await using var google = await Google.StartAsync();
        var (folder, file) = Takeout(google);
        var start = (await google.GetAsync(google.Drive("changes/startPageToken"))).Json["startPageToken"]!.ToString();
        var added = google.Emulator.Drive.AddFile(folder, "b.zip", Part);
        google.Emulator.Drive.Delete(file);
        var changes = (await google.GetAsync(google.Drive($"changes?pageToken={start}"))).Json;
        Assert.Equal([(added.Id, false), (file.Id, true)], changes["changes"]!.AsArray().Select(change => (change!["fileId"]!.ToString(), change["removed"]!.GetValue<bool>())));
        Assert.Empty((await google.GetAsync(google.Drive($"changes?pageToken={changes["newStartPageToken"]}"))).Json["changes"]!.AsArray());
    }

    [Fact]
    public async Task Every_error_of_Drive_can_be_had_on_demand()
    {
        await using var google = await Google.StartAsync();
        Answer[] answers =
        [
            DriveAnswers.UserRateLimitExceeded(), DriveAnswers.RateLimitExceeded(429), DriveAnswers.DailyLimitExceeded(), DriveAnswers.DownloadQuotaExceeded("usageLimits"),
            DriveAnswers.BackendError(), DriveAnswers.BackendError(503), DriveAnswers.DomainPolicy(), DriveAnswers.AppNotAuthorizedToFile(),
        ];
        foreach (var answer in answers)
        {
            google.Emulator.Faults.Next(1, call => call.Method == "drive.files.list", new Fault.Reply(answer));
            var reply = await google.GetAsync(google.Drive("files"));
            Assert.Equal((answer.Status, answer.Body), (reply.Code, reply.Text));
            Assert.Equal(JsonNode.Parse(answer.Body)!["error"]!["errors"]![0]!["reason"]!.ToString(), reply.Reason);
        }
    }

    private static (DriveFile Folder, DriveFile File) Takeout(Google google)
    {
        var folder = google.Emulator.Drive.AddFolder(google.Emulator.Drive.Root(google.Alice.Email), "Takeout");
        return (folder, google.Emulator.Drive.AddFile(folder, "takeout-20261120T031415Z-1-001.zip", Part));
    }

    private static async Task<(int Code, string Reason)> RefusalAsync(Google google, string path, string? token = null)
    {
        var reply = await google.GetAsync(google.Drive(path), token);
        return (reply.Code, reply.Code < 400 ? "" : reply.Reason);
    }

    private static async Task<string[]> ListAsync(Google google, string query, string? token = null) =>
        [.. (await google.GetAsync(google.Drive($"files?q={Uri.EscapeDataString(query)}"), token)).Json["files"]!.AsArray().Select(file => file!["id"]!.ToString())];
}
