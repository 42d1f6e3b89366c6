using System.Globalization;
using System.Net;
using System.Text.Json;

namespace GooglePhotos.Services;

/// <summary>What an unsuccessful answer of Google says, in any of its envelopes.</summary>
/// <param name="Reason">`errors[0].reason`, which decides with Drive; else the one of ErrorInfo.</param>
/// <param name="Canonical">`RESOURCE_EXHAUSTED` and the like.</param>
/// <param name="Text">Google's words; the start of the body when it is no envelope.</param>
internal sealed record GoogleAnswer(HttpStatusCode Status, string? Reason, string? Canonical, string Text)
{
    private const int StartOfBody = 200;

    public string? Location { get; init; }

    public string? HelpUrl { get; init; }

    /// <summary>`error_subtype` of a token endpoint.</summary>
    public string? Subtype { get; init; }

    public string? QuotaLimit { get; init; }

    public string? QuotaMetric { get; init; }

    public long? QuotaValue { get; init; }

    /// <summary>True for an envelope of Google; anything else comes from something between us and Google.</summary>
    public bool IsEnvelope { get; init; }

    public static GoogleAnswer Parse(HttpStatusCode status, string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("error", out var error))
            {
                return error.ValueKind switch
                {
                    JsonValueKind.Object => OfEnvelope(status, error),
                    JsonValueKind.String => OfToken(status, error.GetString()!, document.RootElement),
                    _ => OfText(status, body),
                };
            }
        }
        catch (JsonException)
        {
        }

        return OfText(status, body);
    }

    private static GoogleAnswer OfEnvelope(HttpStatusCode status, JsonElement error)
    {
        var first = Elements(error, "errors").FirstOrDefault(item => item.ValueKind == JsonValueKind.Object);
        var info = Elements(error, "details").FirstOrDefault(detail => Member(detail, "@type")?.EndsWith("google.rpc.ErrorInfo", StringComparison.Ordinal) == true);
        var metadata = info.ValueKind == JsonValueKind.Object && info.TryGetProperty("metadata", out var found) ? found : default;
        var link = Elements(error, "details").SelectMany(detail => Elements(detail, "links")).Select(item => Member(item, "url")).FirstOrDefault(url => url is not null);
        return new(status, Member(first, "reason") ?? Member(info, "reason"), Member(error, "status"), Member(error, "message") ?? Member(first, "message") ?? "no message")
        {
            IsEnvelope = true,
            Location = Member(first, "location"),
            HelpUrl = Member(metadata, "activationUrl") ?? Member(first, "extendedHelp") ?? link,
            QuotaLimit = Member(metadata, "quota_limit"),
            QuotaMetric = Member(metadata, "quota_metric"),
            QuotaValue = long.TryParse(Member(metadata, "quota_limit_value"), CultureInfo.InvariantCulture, out var value) ? value : null,
        };
    }

    private static GoogleAnswer OfToken(HttpStatusCode status, string error, JsonElement root) =>
        new(status, error, null, Member(root, "error_description") ?? error) { IsEnvelope = true, Subtype = Member(root, "error_subtype") };

    private static GoogleAnswer OfText(HttpStatusCode status, string body)
    {
        var text = string.Join(' ', body.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return new(status, null, null, text.Length == 0 ? "an empty answer" : text.Length <= StartOfBody ? text : text[..StartOfBody] + "…");
    }

    private static string? Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : null;

    private static JsonElement[] Elements(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [];
}
