using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Faults;

namespace GooglePhotosEmulator.Control;

/// <summary>Faults as they are told over HTTP: exactly one of the names below, beside <c>method</c> and <c>times</c>.</summary>
internal static class FaultJson
{
    private static readonly Dictionary<string, Func<Answer>> Named = new(StringComparer.Ordinal)
    {
        ["writesPerMinute"] = () => PhotosAnswers.WritesPerMinute(),
        ["requestsPerDay"] = () => PhotosAnswers.RequestsPerDay(),
        ["concurrentWrites"] = () => PhotosAnswers.ConcurrentWrites(),
        ["storageFull"] = PhotosAnswers.StorageFull,
        ["internal"] = PhotosAnswers.Internal,
        ["unavailable"] = PhotosAnswers.Unavailable,
        ["unauthenticated"] = PhotosAnswers.Unauthenticated,
        ["permissionDenied"] = () => PhotosAnswers.PermissionDenied(),
        ["expiredOrRevoked"] = OAuthAnswers.ExpiredOrRevoked,
        ["invalidRapt"] = OAuthAnswers.InvalidRapt,
        ["userRateLimitExceeded"] = DriveAnswers.UserRateLimitExceeded,
        ["rateLimitExceeded"] = () => DriveAnswers.RateLimitExceeded(),
        ["dailyLimitExceeded"] = DriveAnswers.DailyLimitExceeded,
        ["downloadQuotaExceeded"] = () => DriveAnswers.DownloadQuotaExceeded(),
        ["backendError"] = () => DriveAnswers.BackendError(),
    };

    /// <exception cref="FormatException">When no fault is named.</exception>
    public static Fault Read(JsonObject body)
    {
        if (body["answer"]?.ToString() is { } name)
        {
            return Named.TryGetValue(name, out var answer)
                ? new Fault.Reply(answer())
                : throw new FormatException($"There is no answer \"{name}\"; there are {string.Join(", ", Named.Keys)}.");
        }

        if (body["status"]?.GetValue<int>() is { } status)
        {
            var headers = body["headers"] as JsonObject ?? [];
            return new Fault.Reply(new Answer(status, body["body"] switch { null => "", JsonValue text => text.ToString(), var json => json.ToJsonString() })
            {
                Headers = headers.ToDictionary(pair => pair.Key, pair => pair.Value?.ToString() ?? ""),
            });
        }

        return (body["cut"]?.ToString(), Number(body, "cutRequestAfter"), Number(body, "cutAnswerAfter"), Number(body, "delayMilliseconds"), Number(body, "bytesPerSecond"),
                Number(body, "shortenTo"), Number(body, "corruptAt"), Number(body, "wrongTotal")) switch
        {
            ("before", _, _, _, _, _, _, _) => new Fault.Cut(),
            ("after", _, _, _, _, _, _, _) => new Fault.LoseAnswer(),
            (_, { } bytes, _, _, _, _, _, _) => new Fault.CutRequest(bytes),
            (_, _, { } bytes, _, _, _, _, _) => new Fault.CutAnswer(bytes),
            (_, _, _, { } milliseconds, _, _, _, _) => new Fault.Delay(TimeSpan.FromMilliseconds(milliseconds)),
            (_, _, _, _, { } rate, _, _, _) => new Fault.Slow(rate),
            (_, _, _, _, _, { } length, _, _) => new Fault.Shorten(length),
            (_, _, _, _, _, _, { } at, _) => new Fault.Corrupt(at),
            (_, _, _, _, _, _, _, { } total) => new Fault.WrongTotal(total),
            _ => throw new FormatException("Name a fault: answer, status, cut (before or after), cutRequestAfter, cutAnswerAfter, delayMilliseconds, bytesPerSecond, shortenTo, corruptAt or wrongTotal."),
        };
    }

    public static ItemFault ReadItem(JsonObject body) => (body["missing"]?.GetValue<bool>(), body["code"]?.GetValue<int>()) switch
    {
        (true, _) => new ItemFault.Missing(body["created"]?.GetValue<bool>() ?? true),
        (_, { } code) => new ItemFault.Status(code, body["message"]?.ToString() ?? "Failed: There was an error while trying to create this media item."),
        _ => throw new FormatException("Name a fault: missing or code."),
    };

    private static long? Number(JsonObject body, string name) => body[name]?.GetValue<long>();
}
