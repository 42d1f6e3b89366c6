using System.Net;

namespace GooglePhotos.Services;

/// <summary>
/// From an answer to what it means. Drive answers 403 to nearly everything, so the reason decides before the code; Photos gives no reasons, so there the
/// texts decide that clients have published. Sources: the error guides of the three APIs, and answers that other clients recorded.
/// </summary>
internal static class GoogleErrors
{
    private const string StorageFullText = "The remaining storage in the user's account is not enough";

    public static GoogleServiceException Of(string service, HttpStatusCode status, string body, TimeSpan? retryAfter)
    {
        var answer = GoogleAnswer.Parse(status, body);
        var failure = Classify(answer);
        var quota = failure is GoogleFailure.MinuteQuota or GoogleFailure.DayQuota ? QuotaOf(answer, failure) : null;
        return new(service, failure, GoogleSentences.Of(service, failure, answer.Text, quota))
        {
            Status = status,
            Reason = answer.Reason,
            Quota = quota,
            RetryAfter = retryAfter,
            HelpUrl = answer.HelpUrl,
        };
    }

    /// <summary>The same answer, where the one who asked knows better what it means.</summary>
    public static GoogleServiceException As(GoogleServiceException error, GoogleFailure failure, string words) =>
        new(error.ServiceName, failure, GoogleSentences.Of(error.ServiceName, failure, words)) { Status = error.Status, Reason = error.Reason, HelpUrl = error.HelpUrl };

    /// <summary>What a status inside of a successful answer means (`batchCreate`, `batchGet`); null when it stands for success.</summary>
    /// <param name="code">A canonical code of gRPC.</param>
    public static GoogleFailure? OfItem(int code, string message) => code switch
    {
        0 => null,
        _ when Has(message, StorageFullText) => GoogleFailure.StorageFull,
        3 when Has(message, "upload token") => GoogleFailure.InvalidUploadToken,
        3 => GoogleFailure.MediaRejected,
        5 => GoogleFailure.NotFound,
        7 => GoogleFailure.Forbidden,
        8 => GoogleFailure.MinuteQuota,
        16 => GoogleFailure.Unauthenticated,

        // INTERNAL ("Failed: There was an error while trying to create this media item.") and its like pass when repeated.
        2 or 4 or 10 or 13 or 14 => GoogleFailure.ServerError,
        _ => GoogleFailure.Unknown,
    };

    internal static GoogleFailure Classify(GoogleAnswer answer) =>
        ByText(answer) ?? ByReason(answer) ?? ByStatus(answer);

    private static GoogleFailure? ByText(GoogleAnswer answer) => answer.Text switch
    {
        var text when Has(text, StorageFullText) => GoogleFailure.StorageFull,
        var text when Has(text, "concurrent write request") => GoogleFailure.ConcurrentWrites,
        var text when Has(text, "hecksum") && Has(text, "does not match") => GoogleFailure.ChecksumMismatch,
        var text when Has(text, "valid upload token") => GoogleFailure.InvalidUploadToken,
        var text when Has(text, "does not match any albums") => GoogleFailure.AlbumNotFound,
        var text when Has(text, "Google Photos is disabled") => GoogleFailure.PhotosDisabled,
        var text when Has(text, "insufficient authentication scopes") => GoogleFailure.ScopeMissing,
        _ => null,
    };

    private static GoogleFailure? ByReason(GoogleAnswer answer) => answer.Reason switch
    {
        "downloadQuotaExceeded" => GoogleFailure.DownloadQuota,

        // Old Drive clients got this for the same thing; with other locations it is a quota of the project.
        "quotaExceeded" when Has(answer.Location ?? "", "download") || Has(answer.Text, "download") => GoogleFailure.DownloadQuota,
        "quotaExceeded" or "dailyLimitExceeded" => GoogleFailure.DayQuota,
        "dailyLimitExceededUnreg" => GoogleFailure.NoCredential,
        "userRateLimitExceeded" => GoogleFailure.RateLimited,
        "rateLimitExceeded" or "RATE_LIMIT_EXCEEDED" => OfQuotaLimit(answer) ?? GoogleFailure.RateLimited,
        "cannotDownloadAbusiveFile" => GoogleFailure.AbusiveFile,
        "invalidAbuseAcknowledgment" => GoogleFailure.AbuseNotAcknowledged,
        "cannotDownloadFile" => GoogleFailure.DownloadForbidden,
        "insufficientPermissions" or "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => GoogleFailure.ScopeMissing,
        "appNotAuthorizedToFile" => GoogleFailure.AppNotAuthorized,
        "insufficientFilePermissions" => GoogleFailure.FileNotShared,
        "domainPolicy" => GoogleFailure.DomainPolicy,
        "accessNotConfigured" or "SERVICE_DISABLED" => GoogleFailure.ApiDisabled,
        "storageQuotaExceeded" => GoogleFailure.StorageFull,
        "requestedRangeNotSatisfiable" => GoogleFailure.RangeNotSatisfiable,
        "authError" => GoogleFailure.Unauthenticated,
        "invalid_grant" when answer.Subtype == "invalid_rapt" => GoogleFailure.SessionPolicy,
        "invalid_grant" => GoogleFailure.GrantRevoked,
        "invalid_client" or "unauthorized_client" or "deleted_client" or "disabled_client" => GoogleFailure.ClientRefused,
        "invalid_scope" => GoogleFailure.ScopeMissing,
        _ => null,
    };

    private static GoogleFailure ByStatus(GoogleAnswer answer) => answer.Status switch
    {
        HttpStatusCode.Unauthorized => GoogleFailure.Unauthenticated,
        HttpStatusCode.TooManyRequests => OfQuotaLimit(answer) ?? (Has(answer.Text, "session") ? GoogleFailure.TooManySessions : GoogleFailure.RateLimited),
        _ when answer.Canonical == "RESOURCE_EXHAUSTED" => OfQuotaLimit(answer) ?? (Has(answer.Text, "session") ? GoogleFailure.TooManySessions : GoogleFailure.RateLimited),
        HttpStatusCode.RequestTimeout => GoogleFailure.ServerError,
        HttpStatusCode.RequestedRangeNotSatisfiable => GoogleFailure.RangeNotSatisfiable,
        >= HttpStatusCode.InternalServerError => GoogleFailure.ServerError,
        _ when !answer.IsEnvelope => GoogleFailure.Unknown,
        HttpStatusCode.BadRequest when IsPageToken(answer) => GoogleFailure.InvalidPageToken,
        HttpStatusCode.BadRequest when answer.Canonical == "FAILED_PRECONDITION" => Has(answer.Text, "Photos") && Has(answer.Text, "account")
            ? GoogleFailure.PhotosDisabled
            : GoogleFailure.NotPickedYet,
        HttpStatusCode.BadRequest => GoogleFailure.InvalidRequest,
        HttpStatusCode.Forbidden => GoogleFailure.Forbidden,
        HttpStatusCode.NotFound => GoogleFailure.NotFound,
        _ => GoogleFailure.Unknown,
    };

    private static bool IsPageToken(GoogleAnswer answer) =>
        answer.Location == "pageToken" || Has(answer.Text, "page token") || Has(answer.Text, "pageToken") || Has(answer.Text, "page_token");

    private static GoogleFailure? OfQuotaLimit(GoogleAnswer answer) => (answer.QuotaLimit, answer.Text) switch
    {
        ({ } limit, _) when Has(limit, "PerDay") => GoogleFailure.DayQuota,
        ({ } limit, _) when Has(limit, "PerMinute") => GoogleFailure.MinuteQuota,
        (_, var text) when Has(text, "per day") => GoogleFailure.DayQuota,
        (_, var text) when Has(text, "per minute") => GoogleFailure.MinuteQuota,
        _ => null,
    };

    private static GoogleQuota QuotaOf(GoogleAnswer answer, GoogleFailure failure)
    {
        var name = $"{answer.QuotaLimit} {answer.QuotaMetric} {(answer.QuotaLimit is null ? answer.Text : "")}";
        var access = name switch
        {
            _ when Has(name, "write") => QuotaAccess.Write,
            _ when Has(name, "media") || Has(name, "baseurl") || Has(name, "base_url") => QuotaAccess.Media,
            _ when Has(name, "read") => QuotaAccess.Read,
            _ => QuotaAccess.All,
        };
        return new(failure == GoogleFailure.DayQuota ? QuotaPeriod.Day : QuotaPeriod.Minute, access, answer.QuotaMetric, answer.QuotaLimit, answer.QuotaValue);
    }

    private static bool Has(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);
}
