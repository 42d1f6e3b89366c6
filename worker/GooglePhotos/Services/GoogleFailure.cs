namespace GooglePhotos.Services;

/// <summary>How a call to Google can fail, by what has to happen next. One member is one sentence and one remedy for people.</summary>
public enum GoogleFailure
{
    /// <summary>Google did not understand the request: a bug of ours, never repeated.</summary>
    InvalidRequest,

    /// <summary>A page token is no longer taken: list again from the first page.</summary>
    InvalidPageToken,

    /// <summary>The upload token is older than a day or was used: send the bytes again.</summary>
    InvalidUploadToken,

    /// <summary>What arrived is not what was sent: send the bytes again.</summary>
    ChecksumMismatch,

    /// <summary>The media item itself was refused, such as a file that is no photo. Never repeated.</summary>
    MediaRejected,

    /// <summary>Nothing was picked yet.</summary>
    NotPickedYet,

    /// <summary>The account has no Google Photos, or an administrator switched it off.</summary>
    PhotosDisabled,

    /// <summary>The access token was refused, also after it was renewed.</summary>
    Unauthenticated,

    /// <summary>The refresh token is dead (`invalid_grant`): somebody has to sign in again.</summary>
    GrantRevoked,

    /// <summary>A session policy of the organisation ended the grant (`invalid_rapt`).</summary>
    SessionPolicy,

    /// <summary>The OAuth client is gone, or its secret is another one.</summary>
    ClientRefused,

    /// <summary>Workload identity: the token of the pod was not taken by STS.</summary>
    FederationRefused,

    /// <summary>Workload identity: the pool may not impersonate the service account, or the account is gone.</summary>
    ImpersonationRefused,

    /// <summary>The grant lacks a scope.</summary>
    ScopeMissing,

    /// <summary>No credential reached Google.</summary>
    NoCredential,

    /// <summary>The API is not enabled in the project.</summary>
    ApiDisabled,

    /// <summary>The caller may not see or change it; with Photos: it was not made by this OAuth client.</summary>
    Forbidden,

    /// <summary>It does not exist, or is invisible to this account or client.</summary>
    NotFound,

    /// <summary>The album was deleted by the person.</summary>
    AlbumNotFound,

    /// <summary>A quota per minute.</summary>
    MinuteQuota,

    /// <summary>A quota per day.</summary>
    DayQuota,

    /// <summary>Another write of the same person is under way.</summary>
    ConcurrentWrites,

    /// <summary>Asked too fast, without a quota being named.</summary>
    RateLimited,

    /// <summary>Google limits downloads of one file for up to a day.</summary>
    DownloadQuota,

    /// <summary>Too many open picking sessions.</summary>
    TooManySessions,

    /// <summary>The person's storage is full.</summary>
    StorageFull,

    /// <summary>Google takes the file for malware or spam.</summary>
    AbusiveFile,

    /// <summary>Only the owner may accept the risk of such a file.</summary>
    AbuseNotAcknowledged,

    /// <summary>Downloading is switched off for viewers.</summary>
    DownloadForbidden,

    /// <summary>`drive.file` sees picked files only.</summary>
    AppNotAuthorized,

    /// <summary>The file is not shared with the account.</summary>
    FileNotShared,

    /// <summary>An administrator does not allow Drive apps.</summary>
    DomainPolicy,

    /// <summary>The content is shorter than the range asked for: it changed.</summary>
    RangeNotSatisfiable,

    /// <summary>5xx, or an answer that cannot be read.</summary>
    ServerError,

    /// <summary>No answer at all.</summary>
    Network,

    /// <summary>An answer of none of these kinds.</summary>
    Unknown,
}

public enum QuotaPeriod
{
    Minute,
    Day,
}

public enum QuotaAccess
{
    All,
    Read,
    Write,

    /// <summary>Bytes behind base URLs.</summary>
    Media,
}

/// <summary>The quota that an answer names.</summary>
/// <param name="Metric">`photoslibrary.googleapis.com/write_requests`.</param>
/// <param name="Limit">`WritesPerMinutePerUser`.</param>
/// <param name="Value">Requests in the period; null when the answer does not say.</param>
public sealed record GoogleQuota(QuotaPeriod Period, QuotaAccess Access, string? Metric, string? Limit, long? Value);
