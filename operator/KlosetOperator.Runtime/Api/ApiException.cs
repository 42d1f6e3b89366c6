using System.Net;

namespace KlosetOperator.Runtime.Api;

/// <summary>A request that the API server refused, or that did not reach it.</summary>
public sealed class ApiException : Exception
{
    public ApiException()
    {
    }

    public ApiException(string message)
        : base(message)
    {
    }

    public ApiException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    public ApiException(string message, HttpStatusCode statusCode, string reason, Exception? innerException = null)
        : base(message, innerException)
    {
        StatusCode = statusCode;
        Reason = reason;
    }

    /// <summary>Null when no answer arrived: the request may or may not have taken effect.</summary>
    public HttpStatusCode? StatusCode { get; }

    /// <summary>The <c>reason</c> of the server's Status (<c>AlreadyExists</c>, <c>Expired</c>, …); empty when it sent none.</summary>
    public string Reason { get; } = "";

    /// <summary>The reasons of the Status's causes, such as <c>NamespaceTerminating</c>.</summary>
    public IReadOnlyList<string> Causes { get; init; } = [];

    /// <summary>How long the server asked to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public bool IsNotFound => StatusCode == HttpStatusCode.NotFound;

    public bool IsAlreadyExists => Reason == "AlreadyExists";

    /// <summary>The object changed (or is another one of the same name) since it was read.</summary>
    public bool IsConflict => StatusCode == HttpStatusCode.Conflict && !IsAlreadyExists;

    /// <summary>The resource version (or continue token) is older than what the server remembers.</summary>
    public bool IsExpired => StatusCode == HttpStatusCode.Gone || Reason is "Expired" or "Gone";

    public bool IsForbidden => StatusCode == HttpStatusCode.Forbidden;

    /// <summary>The server found the object itself wrong: sending it again does not help.</summary>
    public bool IsInvalid => StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity;

    public bool IsTooManyRequests => StatusCode == HttpStatusCode.TooManyRequests;

    public bool IsNamespaceTerminating => Causes.Contains("NamespaceTerminating");

    /// <summary>The server's cache has not reached the resource version that was asked for.</summary>
    public bool IsTooLargeResourceVersion =>
        Causes.Contains("ResourceVersionTooLarge") || Message.Contains("Too large resource version", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether the server may come to allow it by itself: one that has just started refuses everybody until it has read who they are
    /// and what they may do.
    /// </summary>
    public bool IsUnauthorized => StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    /// <summary>Whether the same request may succeed later without anybody changing anything.</summary>
    public bool IsTransient => StatusCode is null || IsTooManyRequests || (int)StatusCode >= 500 || StatusCode == HttpStatusCode.RequestTimeout;
}
