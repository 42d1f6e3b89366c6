using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Answers;

/// <summary>
/// Errors of Drive: <c>{"error":{"errors":[{"domain","reason","message",…}],"code","message"}}</c>. A client decides by the
/// reason, because the code is nearly always 403.
/// </summary>
public static class DriveAnswers
{
    private const string QuotaUrl = "https://console.developers.google.com/apis/api/drive.googleapis.com/quotas?project=1";

    public static Answer UserRateLimitExceeded() =>
        Error(403, "userRateLimitExceeded",
            "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota. You may consider re-evaluating expected per-user " +
            "traffic to the API and adjust project quota limits accordingly. You may monitor aggregate quota usage and adjust limits in the API Console: " +
            QuotaUrl, "usageLimits", extendedHelp: QuotaUrl);

    public static Answer RateLimitExceeded(int code = 403) => Error(code, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits");

    public static Answer DailyLimitExceeded() => Error(403, "dailyLimitExceeded", "Daily Limit Exceeded", "usageLimits");

    public static Answer DownloadQuotaExceeded(string domain = "global") =>
        Error(403, "downloadQuotaExceeded", "The download quota for this file has been exceeded.", domain);

    public static Answer CannotDownloadAbusiveFile() =>
        Error(403, "cannotDownloadAbusiveFile", "This file has been identified as malware or spam and cannot be downloaded.");

    public static Answer CannotDownloadFile() => Error(403, "cannotDownloadFile", "This file cannot be downloaded by the user.");

    public static Answer FileNotDownloadable() =>
        Error(403, "fileNotDownloadable", "Only files with binary content can be downloaded. Use Export with Docs Editors files.", locationType: "parameter", location: "alt");

    public static Answer AppNotAuthorizedToFile() =>
        Error(403, "appNotAuthorizedToFile", "The user has not granted the app access to the file.");

    public static Answer InsufficientFilePermissions() =>
        Error(403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.");

    public static Answer DomainPolicy() => Error(403, "domainPolicy", "The domain administrators have disabled Drive apps.");

    public static Answer AccessNotConfigured(string project = "1") =>
        Error(403, "accessNotConfigured",
            $"Google Drive API has not been used in project {project} before or it is disabled. Enable it by visiting " +
            $"https://console.developers.google.com/apis/api/drive.googleapis.com/overview?project={project} then retry.", "usageLimits",
            extendedHelp: "https://console.developers.google.com");

    public static Answer DailyLimitExceededUnreg() =>
        Error(403, "dailyLimitExceededUnreg", "Daily Limit for Unauthenticated Use Exceeded. Continued use requires signup.", "usageLimits",
            extendedHelp: "https://code.google.com/apis/console");

    public static Answer InsufficientScopes() =>
        Error(403, "insufficientPermissions", "Insufficient Permission: Request had insufficient authentication scopes.") with
        {
            Headers = new Dictionary<string, string> { ["WWW-Authenticate"] = "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"" },
        };

    public static Answer NotFound(string fileId) =>
        Error(404, "notFound", $"File not found: {fileId}.", locationType: "parameter", location: "fileId");

    public static Answer RevisionNotFound(string revisionId) =>
        Error(404, "notFound", $"Revision not found: {revisionId}.", locationType: "parameter", location: "revisionId");

    public static Answer RangeNotSatisfiable() =>
        Error(416, "requestedRangeNotSatisfiable", "Request range not satisfiable", locationType: "header", location: "Range");

    public static Answer AuthError() =>
        Error(401, "authError", "Invalid Credentials", locationType: "header", location: "Authorization") with
        {
            Headers = new Dictionary<string, string> { ["WWW-Authenticate"] = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"" },
        };

    public static Answer Invalid(string parameter, string message = "Invalid Value") =>
        Error(400, "invalid", message, locationType: "parameter", location: parameter);

    public static Answer InvalidField(string field) =>
        Error(400, "invalidParameter", $"Invalid field selection {field}", locationType: "parameter", location: "fields");

    public static Answer FieldsRequired() =>
        Error(400, "required", "The 'fields' parameter is required for this method.", locationType: "parameter", location: "fields");

    public static Answer StorageQuotaExceeded(bool serviceAccount) =>
        Error(403, "storageQuotaExceeded", serviceAccount
            ? "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead."
            : "The user's Drive storage quota has been exceeded.");

    public static Answer BackendError(int code = 500) => Error(code, "backendError", "Backend Error");

    public static Answer Error(int code, string reason, string message, string domain = "global", string? locationType = null, string? location = null,
        string? extendedHelp = null)
    {
        var detail = new JsonObject { ["domain"] = domain, ["reason"] = reason, ["message"] = message };
        Set(detail, "locationType", locationType);
        Set(detail, "location", location);
        Set(detail, "extendedHelp", extendedHelp);
        return new Answer(code, new JsonObject
        {
            ["error"] = new JsonObject { ["errors"] = new JsonArray(detail), ["code"] = code, ["message"] = message },
        }.ToJsonString());
    }

    private static void Set(JsonObject target, string name, string? value)
    {
        if (value is not null)
        {
            target[name] = value;
        }
    }
}
