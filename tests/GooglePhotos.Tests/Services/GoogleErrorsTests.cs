using System.Net;
using GooglePhotos.Services;

namespace GooglePhotos.Tests.Services;

public sealed class GoogleErrorsTests
{
    private const string MinuteQuota = """
        {"error":{"code":429,"message":"Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.",
        "errors":[{"message":"(same)","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED",
        "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com",
        "metadata":{"service":"photoslibrary.googleapis.com","quota_limit_value":"30","quota_location":"global","consumer":"projects/1",
        "quota_metric":"photoslibrary.googleapis.com/write_requests","quota_limit":"WritesPerMinutePerUser"}},
        {"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Request a higher quota limit.","url":"https://cloud.google.com/docs/quota#requesting_higher_quota"}]}]}}
        """;

    private const string DayQuota = """
        {"error":{"code":429,"message":"Quota exceeded for quota metric 'All requests' and limit 'All requests per day' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.",
        "errors":[{"message":"(same)","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED",
        "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com",
        "metadata":{"quota_limit_value":"10000","quota_metric":"photoslibrary.googleapis.com/all_requests","quota_limit":"ApiCallsPerProjectPerDay"}}]}}
        """;

    public static TheoryData<int, string, GoogleFailure> Answers => new()
    {
        { 429, MinuteQuota, GoogleFailure.MinuteQuota },
        { 429, DayQuota, GoogleFailure.DayQuota },
        { 429, Photos(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'concurrent write request'"), GoogleFailure.ConcurrentWrites },
        { 429, Photos(429, "RESOURCE_EXHAUSTED", "Too many sessions for the user."), GoogleFailure.TooManySessions },
        { 400, Photos(400, "INVALID_ARGUMENT", "Request must contain a valid upload token."), GoogleFailure.InvalidUploadToken },
        { 400, Photos(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), GoogleFailure.InvalidRequest },
        { 400, Photos(400, "INVALID_ARGUMENT", "Invalid page token."), GoogleFailure.InvalidPageToken },
        { 400, Photos(400, "FAILED_PRECONDITION", "The user has not picked any media items."), GoogleFailure.NotPickedYet },
        { 400, Photos(400, "FAILED_PRECONDITION", "The user does not have a Google Photos account."), GoogleFailure.PhotosDisabled },
        { 400, "Checksum from header does not match received payload content.", GoogleFailure.ChecksumMismatch },
        { 400, Photos(400, "INVALID_ARGUMENT", "User-provided checksum does not match received payload content."), GoogleFailure.ChecksumMismatch },
        { 401, Photos(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), GoogleFailure.Unauthenticated },
        { 403, Photos(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes."), GoogleFailure.ScopeMissing },
        { 403, Photos(403, "PERMISSION_DENIED", "The caller does not have permission"), GoogleFailure.Forbidden },
        { 403, Photos(403, "PERMISSION_DENIED", "Google Photos is disabled for the user"), GoogleFailure.PhotosDisabled },
        { 404, Photos(404, "NOT_FOUND", "Requested entity was not found."), GoogleFailure.NotFound },
        { 400, Photos(400, "INVALID_ARGUMENT", "The provided ID does not match any albums"), GoogleFailure.AlbumNotFound },
        { 400, Photos(400, "INVALID_ARGUMENT", "The remaining storage in the user's account is not enough to perform this operation."), GoogleFailure.StorageFull },
        { 500, Photos(500, "INTERNAL", "Internal error encountered."), GoogleFailure.ServerError },
        { 503, "<html>Service unavailable</html>", GoogleFailure.ServerError },
        { 403, "<html>The proxy says no</html>", GoogleFailure.Unknown },

        { 403, Drive(403, "userRateLimitExceeded", "User Rate Limit Exceeded."), GoogleFailure.RateLimited },
        { 429, Drive(429, "rateLimitExceeded", "Rate Limit Exceeded"), GoogleFailure.RateLimited },
        { 403, Drive(403, "dailyLimitExceeded", "Daily Limit Exceeded"), GoogleFailure.DayQuota },
        { 403, Drive(403, "downloadQuotaExceeded", "The download quota for this file has been exceeded."), GoogleFailure.DownloadQuota },
        { 403, Drive(403, "quotaExceeded", "The download quota for this file has been exceeded."), GoogleFailure.DownloadQuota },
        { 403, Drive(403, "cannotDownloadAbusiveFile", "This file has been identified as malware or spam and cannot be downloaded."), GoogleFailure.AbusiveFile },
        { 403, Drive(403, "invalidAbuseAcknowledgment", "x"), GoogleFailure.AbuseNotAcknowledged },
        { 403, Drive(403, "cannotDownloadFile", "x"), GoogleFailure.DownloadForbidden },
        { 403, Drive(403, "insufficientPermissions", "Request had insufficient authentication scopes."), GoogleFailure.ScopeMissing },
        { 403, Drive(403, "appNotAuthorizedToFile", "x"), GoogleFailure.AppNotAuthorized },
        { 403, Drive(403, "insufficientFilePermissions", "x"), GoogleFailure.FileNotShared },
        { 403, Drive(403, "domainPolicy", "x"), GoogleFailure.DomainPolicy },
        { 403, Drive(403, "accessNotConfigured", "x"), GoogleFailure.ApiDisabled },
        { 403, Drive(403, "dailyLimitExceededUnreg", "x"), GoogleFailure.NoCredential },
        { 403, Drive(403, "storageQuotaExceeded", "x"), GoogleFailure.StorageFull },
        { 404, Drive(404, "notFound", "File not found: 1AbC."), GoogleFailure.NotFound },
        { 416, Drive(416, "requestedRangeNotSatisfiable", "Request range not satisfiable"), GoogleFailure.RangeNotSatisfiable },
        { 401, Drive(401, "authError", "Invalid Credentials"), GoogleFailure.Unauthenticated },
        { 400, Drive(400, "badRequest", "Bad Request"), GoogleFailure.InvalidRequest },
        { 500, Drive(500, "backendError", "Backend Error"), GoogleFailure.ServerError },

        { 400, """{"error":"invalid_grant","error_description":"Token has been expired or revoked."}""", GoogleFailure.GrantRevoked },
        { 400, """{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}""", GoogleFailure.SessionPolicy },
        { 401, """{"error":"invalid_client","error_description":"The OAuth client was not found."}""", GoogleFailure.ClientRefused },
        { 400, """{"error":"invalid_scope","error_description":"Bad scope."}""", GoogleFailure.ScopeMissing },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void Every_answer_of_the_reference_has_one_meaning_and_one_sentence(int status, string body, GoogleFailure expected)
    {
        var error = GoogleErrors.Of("Google Photos", (HttpStatusCode)status, body, null);
        Assert.Equal(expected, error.Failure);
        Assert.True(error.Message.Length is > 10 and < 700, error.Message);
        Assert.DoesNotContain("{", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quota_tells_its_period_its_kind_and_its_size()
    {
        Assert.Equal(
            new GoogleQuota(QuotaPeriod.Minute, QuotaAccess.Write, "photoslibrary.googleapis.com/write_requests", "WritesPerMinutePerUser", 30),
            GoogleErrors.Of("x", HttpStatusCode.TooManyRequests, MinuteQuota, null).Quota);
        Assert.Equal(
            new GoogleQuota(QuotaPeriod.Day, QuotaAccess.All, "photoslibrary.googleapis.com/all_requests", "ApiCallsPerProjectPerDay", 10000),
            GoogleErrors.Of("x", HttpStatusCode.TooManyRequests, DayQuota, null).Quota);
    }

    [Theory]
    [InlineData(0, "Success", null)]
    [InlineData(3, "BAD_IMAGE: There was an error while trying to create this media item.", GoogleFailure.MediaRejected)]
    [InlineData(3, "Request must contain a valid upload token.", GoogleFailure.InvalidUploadToken)]
    [InlineData(13, "Failed: There was an error while trying to create this media item.", GoogleFailure.ServerError)]
    [InlineData(8, "The remaining storage in the user's account is not enough to perform this operation.", GoogleFailure.StorageFull)]
    [InlineData(5, "Not found", GoogleFailure.NotFound)]
    [InlineData(7, "The caller does not have permission", GoogleFailure.Forbidden)]
    public void The_status_of_one_item_has_a_meaning_of_its_own(int code, string message, GoogleFailure? expected) =>
        Assert.Equal(expected, GoogleErrors.OfItem(code, message));

    [Fact]
    public void Every_failure_has_a_sentence() =>
        Assert.All(Enum.GetValues<GoogleFailure>(), failure => Assert.NotEmpty(GoogleSentences.Of("Google Drive", failure, "words")));

    private static string Photos(int code, string status, string message) =>
        $$$"""{"error":{"code":{{{code}}},"message":"{{{message}}}","status":"{{{status}}}"}}""";

    private static string Drive(int code, string reason, string message) =>
        $$$"""{"error":{"errors":[{"domain":"global","reason":"{{{reason}}}","message":"{{{message}}}"}],"code":{{{code}}},"message":"{{{message}}}"}}""";
}
