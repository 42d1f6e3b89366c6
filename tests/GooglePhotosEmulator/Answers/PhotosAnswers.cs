using System.Globalization;
using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Answers;

/// <summary>
/// Errors of the Library and Picker APIs: <c>{"error":{"code","message","status","details"}}</c>. Quota errors have an
/// <c>errors</c> list and <c>ErrorInfo</c> details, as real answers had them.
/// </summary>
public static class PhotosAnswers
{
    public const string StorageFullMessage = "The remaining storage in the user's account is not enough to perform this operation.";

    public static Answer InvalidArgument(string message) => Error(400, "INVALID_ARGUMENT", message);

    public static Answer FailedPrecondition(string message) => Error(400, "FAILED_PRECONDITION", message);

    public static Answer NotFound(string message = "Requested entity was not found.") => Error(404, "NOT_FOUND", message);

    public static Answer PermissionDenied(string message = "The caller does not have permission") => Error(403, "PERMISSION_DENIED", message);

    public static Answer ResourceExhausted(string message) => Error(429, "RESOURCE_EXHAUSTED", message);

    public static Answer StorageFull() => Error(429, "RESOURCE_EXHAUSTED", StorageFullMessage);

    public static Answer Internal() => Error(500, "INTERNAL", "Internal error encountered.");

    public static Answer Unavailable() => Error(503, "UNAVAILABLE", "The service is currently unavailable.");

    public static Answer Unauthenticated() =>
        Error(401, "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
            "See https://developers.google.com/identity/sign-in/web/devconsole-project.") with
        {
            Headers = new Dictionary<string, string> { ["WWW-Authenticate"] = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"" },
        };

    public static Answer InsufficientScopes(string service, string method) =>
        Error(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", new JsonArray(
            ErrorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", new JsonObject { ["service"] = service, ["method"] = method }))) with
        {
            Headers = new Dictionary<string, string> { ["WWW-Authenticate"] = "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"" },
        };

    public static Answer ServiceDisabled(string service, string name, string project) =>
        Error(403, "PERMISSION_DENIED",
            $"{name} has not been used in project {project} before or it is disabled. Enable it by visiting " +
            $"https://console.developers.google.com/apis/api/{service}/overview?project={project} then retry. If you enabled this API recently, " +
            "wait a few minutes for the action to propagate to our systems and retry.",
            new JsonArray(ErrorInfo("SERVICE_DISABLED", new JsonObject { ["service"] = service, ["consumer"] = $"projects/{project}" })));

    public static Answer WritesPerMinute(int limit = 30, string project = "1") =>
        Quota("photoslibrary.googleapis.com", "Write requests", "Write requests per minute per user", "write_requests", "WritesPerMinutePerUser", limit, project);

    /// <summary>Not seen anywhere: the form of the others with the names that Google would give.</summary>
    public static Answer ReadsPerMinute(int limit, string project = "1") =>
        Quota("photoslibrary.googleapis.com", "Read requests", "Read requests per minute per user", "read_requests", "ReadsPerMinutePerUser", limit, project);

    public static Answer RequestsPerDay(int limit = 10_000, string project = "1") =>
        Quota("photoslibrary.googleapis.com", "All requests", "All requests per day", "all_requests", "ApiCallsPerProjectPerDay", limit, project);

    /// <summary>Only the words "concurrent write request" are known of this one; the rest is in the form of the others.</summary>
    public static Answer ConcurrentWrites(int limit = 1, string project = "1") =>
        Quota("photoslibrary.googleapis.com", "Concurrent write request", "concurrent write request", "concurrent_write_request", "ConcurrentWriteRequestPerUser",
            limit, project);

    /// <summary>Media bytes answer in plain HTTP, without the quota's details; the numbers are Google's, the body is ours.</summary>
    public static Answer MediaPerDay(int limit = 75_000, string project = "1") =>
        Quota("photoslibrary.googleapis.com", "Base URL requests", "Base URL requests per day", "base_url_requests", "BaseUrlRequestsPerProjectPerDay", limit, project);

    /// <summary>Likewise.</summary>
    public static Answer PickerMediaPerMinute(int limit = 1_000_000, string project = "1") =>
        Quota("photospicker.googleapis.com", "Base URL requests", "Base URL requests per minute", "base_url_requests", "BaseUrlRequestsPerMinutePerProject", limit, project);

    public static Answer PickerPerMinute(int limit, string project = "1") =>
        Quota("photospicker.googleapis.com", "All requests", "All requests per minute", "all_requests", "ApiCallsPerMinutePerProject", limit, project);

    public static Answer Error(int code, string status, string message, JsonArray? details = null)
    {
        var error = new JsonObject { ["code"] = code, ["message"] = message, ["status"] = status };
        if (details is not null)
        {
            error["details"] = details;
        }

        return new Answer(code, new JsonObject { ["error"] = error }.ToJsonString());
    }

    private static Answer Quota(string service, string metric, string limitName, string metricId, string limitId, int value, string project)
    {
        var message = $"Quota exceeded for quota metric '{metric}' and limit '{limitName}' of service '{service}' for consumer 'project_number:{project}'.";
        var metadata = new JsonObject
        {
            ["service"] = service,
            ["quota_limit_value"] = value.ToString(CultureInfo.InvariantCulture),
            ["quota_location"] = "global",
            ["consumer"] = $"projects/{project}",
            ["quota_metric"] = $"{service}/{metricId}",
            ["quota_limit"] = limitId,
        };
        return new Answer(429, new JsonObject
        {
            ["error"] = new JsonObject
            {
                ["code"] = 429,
                ["message"] = message,
                ["errors"] = new JsonArray(new JsonObject { ["message"] = message, ["domain"] = "global", ["reason"] = "rateLimitExceeded" }),
                ["status"] = "RESOURCE_EXHAUSTED",
                ["details"] = new JsonArray(
                    ErrorInfo("RATE_LIMIT_EXCEEDED", metadata),
                    new JsonObject
                    {
                        ["@type"] = "type.googleapis.com/google.rpc.Help",
                        ["links"] = new JsonArray(new JsonObject
                        {
                            ["description"] = "Request a higher quota limit.",
                            ["url"] = "https://cloud.google.com/docs/quota#requesting_higher_quota",
                        }),
                    }),
            },
        }.ToJsonString());
    }

    private static JsonObject ErrorInfo(string reason, JsonObject metadata) => new()
    {
        ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo",
        ["reason"] = reason,
        ["domain"] = "googleapis.com",
        ["metadata"] = metadata,
    };
}
