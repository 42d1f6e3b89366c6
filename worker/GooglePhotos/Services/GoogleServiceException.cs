using System.Net;
using Google;

namespace GooglePhotos.Services;

/// <summary>A call to Google that failed, in words for people.</summary>
public sealed class GoogleServiceException(string service, GoogleFailure failure, string message, Exception? cause = null)
    : GoogleApiException(service, message, cause)
{
    private readonly string _message = message;

    public GoogleFailure Failure { get; } = failure;

    /// <summary>What failed and why; never a secret.</summary>
    public override string Message => _message;

    /// <summary>Google's own word for it (`errors[0].reason`, else the one of ErrorInfo); null when there is none.</summary>
    public string? Reason { get; init; }

    public GoogleQuota? Quota { get; init; }

    /// <summary>How long Google asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>When it makes sense to go on; set when waiting here would take too long.</summary>
    public DateTimeOffset? ResumeAfter { get; init; }

    /// <summary>A page that helps, such as the one that enables an API.</summary>
    public string? HelpUrl { get; init; }

    public HttpStatusCode Status
    {
        get => HttpStatusCode;
        init => HttpStatusCode = value;
    }

    public override string ToString() => $"{nameof(GoogleServiceException)} ({Failure}, {(int)Status}): {_message}\n{StackTrace}";

    internal GoogleServiceException Until(DateTimeOffset resumeAfter) => new(ServiceName, Failure, _message, InnerException)
    {
        Reason = Reason,
        Quota = Quota,
        RetryAfter = RetryAfter,
        ResumeAfter = resumeAfter,
        HelpUrl = HelpUrl,
        Status = Status,
        Error = Error,
    };
}
