using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Identity;
using KlosetWorker.Contract;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>
/// Every refusal of Google that the engineering reference names, given by the emulator to the real worker: one code, one exit code, one sentence that says
/// what happened, and one that says what to do.
/// </summary>
public sealed class GoogleErrorTableTests
{
    private const string Albums = "photoslibrary.albums.list";
    private const string About = "drive.about.get";
    private const string Media = "drive.files.media";
    private const string Token = "oauth2.token";

    /// <summary>Where it comes, the answer, and what has to come of it.</summary>
    private static readonly Dictionary<string, (string Method, Answer Answer, string Code, ExitCode Exit, string Words)> Rows = new(StringComparer.Ordinal)
    {
        ["400 INVALID_ARGUMENT"] = (Albums, PhotosAnswers.InvalidArgument("Request contains an invalid argument."), "GoogleRefusedRequest", ExitCode.Configuration, "did not understand"),
        ["400 FAILED_PRECONDITION, no Photos account"] = (Albums, PhotosAnswers.FailedPrecondition("The user does not have an active Google Photos account."), "GooglePhotosDisabled", ExitCode.Authorisation, "no Google Photos"),
        ["401 UNAUTHENTICATED"] = (Albums, PhotosAnswers.Unauthenticated(), "GoogleTokenRefused", ExitCode.Authorisation, "fresh access token"),
        ["403 PERMISSION_DENIED"] = (Albums, PhotosAnswers.PermissionDenied(), "GoogleForbidden", ExitCode.Authorisation, "refuses access"),
        ["403 disabled for the user"] = (Albums, PhotosAnswers.PermissionDenied("Google Photos is disabled for the user"), "GooglePhotosDisabled", ExitCode.Authorisation, "switched off"),
        ["403 scopes"] = (Albums, PhotosAnswers.InsufficientScopes("photoslibrary.googleapis.com", "x"), "GoogleScopeMissing", ExitCode.Authorisation, "lacks a permission"),
        ["403 API not enabled"] = (Albums, PhotosAnswers.ServiceDisabled("photoslibrary.googleapis.com", "Photos Library API", "1"), "GoogleApiDisabled", ExitCode.Authorisation, "https://"),
        ["404 NOT_FOUND"] = (Albums, PhotosAnswers.NotFound(), "GoogleNotFound", ExitCode.Configuration, "no such thing"),
        ["404 album"] = (Albums, PhotosAnswers.NotFound("The provided ID does not match any albums"), "GoogleAlbumNotFound", ExitCode.Incomplete, "album is gone"),
        ["429 a minute"] = (Albums, PhotosAnswers.WritesPerMinute(), "GoogleMinuteQuota", ExitCode.Paused, "WritesPerMinutePerUser"),
        ["429 a day"] = (Albums, PhotosAnswers.RequestsPerDay(), "GoogleDayQuota", ExitCode.Paused, "ApiCallsPerProjectPerDay"),
        ["429 concurrent"] = (Albums, PhotosAnswers.ConcurrentWrites(), "GoogleConcurrentWrites", ExitCode.Paused, "same library"),
        ["storage full"] = (Albums, PhotosAnswers.StorageFull(), "GoogleStorageFull", ExitCode.Full, "full"),
        ["500 INTERNAL"] = (Albums, PhotosAnswers.Internal(), "GoogleTrouble", ExitCode.Paused, "trouble"),
        ["503 UNAVAILABLE"] = (Albums, PhotosAnswers.Unavailable(), "GoogleTrouble", ExitCode.Paused, "trouble"),
        ["a page of a proxy"] = (Albums, new Answer(403, "<html><title>Blocked by the proxy</title></html>") { ContentType = "text/html" }, "GoogleRefusedRequest", ExitCode.Configuration, "Blocked by the proxy"),
        ["media of a day"] = ("media.get", PhotosAnswers.MediaPerDay(), "GoogleDayQuota", ExitCode.Paused, "BaseUrlRequestsPerProjectPerDay"),

        ["invalid_grant"] = (Token, OAuthAnswers.ExpiredOrRevoked(), "GoogleSignInExpired", ExitCode.Authorisation, "'Testing' (a grant then lasts 7 days)"),
        ["invalid_rapt"] = (Token, OAuthAnswers.InvalidRapt(), "GoogleSessionPolicy", ExitCode.Authorisation, "session policy"),
        ["invalid_client"] = (Token, OAuthAnswers.UnknownClient(), "GoogleClientRefused", ExitCode.Authorisation, "does not know the OAuth client"),
        ["deleted_client"] = (Token, OAuthAnswers.DeletedClient(), "GoogleClientRefused", ExitCode.Authorisation, "OAuth client"),
        ["unauthorized_client"] = (Token, OAuthAnswers.UnauthorizedClient(), "GoogleClientRefused", ExitCode.Authorisation, "OAuth client"),

        ["Drive 400 invalid"] = (About, DriveAnswers.Invalid("fields"), "GoogleRefusedRequest", ExitCode.Configuration, "did not understand"),
        ["Drive 401 authError"] = (About, DriveAnswers.AuthError(), "GoogleTokenRefused", ExitCode.Authorisation, "fresh access token"),
        ["Drive 403 userRateLimitExceeded"] = (About, DriveAnswers.UserRateLimitExceeded(), "GoogleMinuteQuota", ExitCode.Paused, "slow down"),
        ["Drive 403 rateLimitExceeded"] = (About, DriveAnswers.RateLimitExceeded(), "GoogleMinuteQuota", ExitCode.Paused, "slow down"),
        ["Drive 429 rateLimitExceeded"] = (About, DriveAnswers.RateLimitExceeded(429), "GoogleMinuteQuota", ExitCode.Paused, "slow down"),
        ["Drive 403 dailyLimitExceeded"] = (About, DriveAnswers.DailyLimitExceeded(), "GoogleDayQuota", ExitCode.Paused, "today"),
        ["Drive 403 downloadQuotaExceeded"] = (Media, DriveAnswers.DownloadQuotaExceeded(), "GoogleDownloadQuota", ExitCode.Paused, "for up to a day"),
        ["Drive 403 downloadQuotaExceeded, usageLimits"] = (Media, DriveAnswers.DownloadQuotaExceeded("usageLimits"), "GoogleDownloadQuota", ExitCode.Paused, "for up to a day"),
        ["Drive 403 cannotDownloadAbusiveFile"] = (Media, DriveAnswers.CannotDownloadAbusiveFile(), "LibraryIncomplete", ExitCode.Incomplete, "malware or spam"),
        ["Drive 403 cannotDownloadFile"] = (Media, DriveAnswers.CannotDownloadFile(), "LibraryIncomplete", ExitCode.Incomplete, "switched off for viewers"),
        ["Drive 403 insufficientPermissions"] = (About, DriveAnswers.InsufficientScopes(), "GoogleScopeMissing", ExitCode.Authorisation, "lacks a permission"),
        ["Drive 403 appNotAuthorizedToFile"] = (About, DriveAnswers.AppNotAuthorizedToFile(), "GoogleAppNotAuthorized", ExitCode.Authorisation, "drive.file"),
        ["Drive 403 insufficientFilePermissions"] = (About, DriveAnswers.InsufficientFilePermissions(), "GoogleFileNotShared", ExitCode.Authorisation, "may not read"),
        ["Drive 403 domainPolicy"] = (About, DriveAnswers.DomainPolicy(), "GoogleDomainPolicy", ExitCode.Authorisation, "administrator"),
        ["Drive 403 accessNotConfigured"] = (About, DriveAnswers.AccessNotConfigured(), "GoogleApiDisabled", ExitCode.Authorisation, "https://"),
        ["Drive 403 dailyLimitExceededUnreg"] = (About, DriveAnswers.DailyLimitExceededUnreg(), "GoogleNoCredential", ExitCode.Authorisation, "No credential"),
        ["Drive 404 folder"] = ("drive.files.get", DriveAnswers.NotFound("1AbC"), "GoogleNotFound", ExitCode.Configuration, "is it shared with this account?"),
        ["Drive 500 backendError"] = (About, DriveAnswers.BackendError(), "GoogleTrouble", ExitCode.Paused, "trouble"),
        ["Drive 502"] = (About, DriveAnswers.BackendError(502), "GoogleTrouble", ExitCode.Paused, "trouble"),
        ["Drive 504"] = (About, DriveAnswers.BackendError(504), "GoogleTrouble", ExitCode.Paused, "trouble"),
        ["Drive storageQuotaExceeded"] = (About, DriveAnswers.StorageQuotaExceeded(serviceAccount: true), "GoogleStorageFull", ExitCode.Full, "full"),

        ["Picker: too many sessions"] = ("photospicker.sessions.create", PhotosAnswers.ResourceExhausted("Too many sessions for the user."), "GoogleTooManySessions", ExitCode.Paused, "too many open picking sessions"),
        ["Picker: no Photos account"] = ("photospicker.sessions.create", PhotosAnswers.FailedPrecondition("The user does not have an active Google Photos account."), "GooglePhotosDisabled", ExitCode.Authorisation, "no Google Photos"),
        ["Picker: a minute"] = ("photospicker.sessions.create", PhotosAnswers.PickerPerMinute(100_000), "GoogleMinuteQuota", ExitCode.Paused, "ApiCallsPerMinutePerProject"),
    };

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_refusal_of_the_reference_becomes_one_message_that_says_what_to_do(string name)
    {
        var (method, answer, code, exit, words) = Rows[name];
        var time = new HastyTime(20);
        await using var host = await GoogleHost.StartAsync(options => options with { Time = time }, time);
        host.SignIn(host.Alice, Scopes.ReadAppCreated, Scopes.Picker, Scopes.DriveReadOnly);
        host.Alice.Library.Add("IMG.jpg", TakeoutGenerator.MediaBytes.Jpeg(new Random(1), 300, null, "Camera", null), host.Client);
        var folder = host.Google.Drive.AddFolder(host.Google.Drive.Root(host.Alice.Email), "Takeout");
        TakeoutGenerator.Export.Write(
            TakeoutGenerator.Library.Generate(new() { Items = 3, MediaSize = 200 }),
            new() { Time = new(2026, 9, 1, 12, 0, 0, TimeSpan.Zero) },
            Directory.CreateDirectory(host.Host.At("drop")).FullName);
        foreach (var file in Directory.EnumerateFiles(host.Host.At("drop")))
        {
            host.Google.Drive.AddFile(folder, file);
        }

        // What may pass is repeated for ten minutes; an answer that names a longer time is believed at once, and nobody has to wait here.
        host.Google.Faults.Always(method, new Fault.Reply(exit == ExitCode.Paused ? answer with { Headers = new Dictionary<string, string> { ["Retry-After"] = "1200" } } : answer));
        var (ended, result) = await host.RunAsync(new RunFile
        {
            Kind = RunKind.Backup,
            RunId = Guid.CreateVersion7().ToString(),
            Repository = new() { Backend = new() { Volume = new("repository") } },
            Account = new("alice"),
            Backup = method switch
            {
                _ when method.StartsWith("drive.", StringComparison.Ordinal) => new() { Takeout = [new() { GoogleDrive = new(folder.Id, "google") }], SettleSeconds = 0 },
                _ when method.StartsWith("photospicker.", StringComparison.Ordinal) => new() { PickerCredentialsSecret = "google" },
                _ => new() { LibraryCredentialsSecret = "google" },
            },
        });

        Assert.True((code, (int)exit) == (result.Reason, ended), $"{ended} {result.Reason}: {result.Message}");
        Assert.Contains(words, string.Join('\n', [result.Message ?? "", .. result.Warnings ?? []]), StringComparison.Ordinal);
        Assert.DoesNotContain("{", result.Message, StringComparison.Ordinal);
        Assert.True(result.Hint is { Length: > 10 }, "what to do");
        Assert.Equal(exit == ExitCode.Paused, result.ResumeAfter is not null);
        var info = ErrorCatalogue.Find(code)!;
        Assert.NotEmpty(info.Meaning);
    }

    [Theory]
    [InlineData(7, true)]
    [InlineData(30, false)]
    public async Task A_grant_that_dies_on_its_seventh_day_is_told_its_cause(int age, bool sure)
    {
        await using var host = await GoogleHost.StartAsync();
        var json = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(host.SignIn(host.Alice, Scopes.ReadAppCreated), GoogleHost.Ct))!;
        json["issued"] = TimeProvider.System.GetUtcNow().AddDays(-age).ToString("O");
        host.Host.Write("secrets/google/credentials.json", json.ToJsonString());
        foreach (var grant in host.Google.Identities.Grants)
        {
            grant.Revoked = true;
        }

        var result = await host.RunAsync(new RunBackup { LibraryCredentialsSecret = "google" }, 5);

        Assert.Equal(("GoogleSignInExpired", sure), (result.Reason, result.Message!.Contains("ended after 7 days", StringComparison.Ordinal)));
        Assert.Equal(sure, result.Hint!.Contains("Publish the app", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_refresh_token_is_told_and_not_lost_in_silence()
    {
        await using var host = await GoogleHost.StartAsync();
        host.SignIn(host.Alice, Scopes.ReadAppCreated);
        var grant = host.Google.Identities.Grants.Last();
        var access = host.Google.Identities.Issue(grant);
        host.Google.Faults.Next(1, Token, new Fault.Reply(new Answer(
            200, $$"""{"access_token":"{{access.Value}}","expires_in":3599,"refresh_token":"1//another","token_type":"Bearer","scope":"{{string.Join(' ', grant.Scopes)}}"}""")));

        var result = await host.RunAsync(new RunBackup { LibraryCredentialsSecret = "google" }, 0);

        var action = Assert.Single(result.Actions!);
        Assert.Equal("SignIn", action.Kind);
        Assert.Contains("another refresh token", action.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("1//another", RunResult.ToJson(result), StringComparison.Ordinal);
    }
}
