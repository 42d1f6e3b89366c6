using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Http;

/// <summary>One request to one of Google's hosts, whichever way it came.</summary>
internal sealed class GoogleRequest(HttpContext http, string host, string path, bool byPath)
{
    public HttpContext Http { get; } = http;

    public string Host { get; } = host;

    /// <summary>Path below the host, with a leading slash, decoded.</summary>
    public string Path { get; } = path;

    /// <summary>Path below the host without its slashes; a custom verb (<c>:batchCreate</c>) stays in the last segment.</summary>
    public string[] Segments { get; } = path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    public string Verb => Http.Request.Method;

    public CancellationToken Aborted => Http.RequestAborted;

    /// <summary>Whom the access token names; null without a valid one. Handlers enforce, fault scripts only look.</summary>
    public AccessToken? Token { get; set; }

    /// <summary>A URL of a Google host as this client can reach it: the real one through the proxy, else below this server.</summary>
    public string UrlOf(string googleHost) => byPath ? $"{Http.Request.Scheme}://{Http.Request.Host}/{googleHost}" : $"https://{googleHost}";

    public string? Query(string name) => Http.Request.Query.TryGetValue(name, out var value) ? value.ToString() : null;

    public string? Header(string name) => Http.Request.Headers.TryGetValue(name, out var value) ? value.ToString() : null;

    /// <summary>An int32 of the query; absent is the default.</summary>
    public int QueryNumber(string name, int absent)
    {
        var text = Query(name);
        if (string.IsNullOrEmpty(text))
        {
            return absent;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new AnswerException(PhotosAnswers.InvalidArgument($"Invalid value at '{name}' (TYPE_INT32), \"{text}\""));
    }

    /// <summary>The body as a JSON object; an empty body is an empty object.</summary>
    public async Task<JsonObject> JsonAsync()
    {
        if (Http.Request.ContentLength == 0)
        {
            return [];
        }

        try
        {
            using var buffer = new MemoryStream();
            await Http.Request.Body.CopyToAsync(buffer, Aborted);
            if (buffer.Length == 0)
            {
                return [];
            }

            return JsonNode.Parse(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)) as JsonObject
                ?? throw new AnswerException(PhotosAnswers.InvalidArgument("Invalid JSON payload received. The root element must be an object."));
        }
        catch (JsonException e)
        {
            throw new AnswerException(PhotosAnswers.InvalidArgument($"Invalid JSON payload received. {e.Message}"));
        }
    }

    public async Task WriteAsync(JsonObject body, int status = 200)
    {
        Http.Response.StatusCode = status;
        Http.Response.ContentType = "application/json; charset=UTF-8";
        if (FieldMask.Parse(Query("fields")) is { } mask && Host != GoogleHosts.GoogleApis && Host != GoogleHosts.Drive)
        {
            body = mask.Apply(body);
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(body);
        Http.Response.ContentLength = bytes.Length;
        await Http.Response.Body.WriteAsync(bytes, Aborted);
    }

    public Task WriteAsync(Answer answer) => WriteAsync(Http, answer);

    public static async Task WriteAsync(HttpContext http, Answer answer)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        http.Response.StatusCode = answer.Status;
        http.Response.ContentType = answer.ContentType;
        foreach (var (name, value) in answer.Headers)
        {
            http.Response.Headers[name] = value;
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes(answer.Body);
        http.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
        }
    }
}
