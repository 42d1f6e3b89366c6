using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

/// <summary>Bytes that a client sent and that are not yet an item.</summary>
internal sealed record UploadedBytes(string Token, string User, string ClientId, string FileName, Content Content, byte[] Sha1, DateTimeOffset Expires);

/// <summary><c>POST /v1/uploads</c>: raw in one request, or in a session that may break anywhere.</summary>
internal sealed class UploadService(IdentityStore identities, TimeProvider time, EmulatorOptions options, Func<string> newFile)
{
    private const string Mismatch = "Checksum from header does not match received payload content.";

    private readonly ConcurrentDictionary<string, UploadedBytes> _tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);

    public Task HandleAsync(GoogleRequest request, AccessToken token)
    {
        if (request.Query("upload_id") is { } session)
        {
            return ContinueAsync(request, token, session);
        }

        return request.Header("X-Goog-Upload-Protocol") switch
        {
            "raw" => RawAsync(request, token),
            "resumable" when request.Header("X-Goog-Upload-Command") == "start" => StartAsync(request, token),
            _ => throw Bad("Invalid or missing X-Goog-Upload-Protocol."),
        };
    }

    /// <returns>Null for a token that was never given out, to somebody else, or more than a day ago.</returns>
    public UploadedBytes? Find(string token, AccessToken by) =>
        _tokens.TryGetValue(token, out var bytes) && bytes.User == by.Principal && bytes.ClientId == by.ClientId && time.GetUtcNow() < bytes.Expires ? bytes : null;

    private async Task RawAsync(GoogleRequest request, AccessToken token)
    {
        using var body = new ContentBuilder(newFile);
        await body.AppendAsync(request.Http.Request.Body, request.Aborted);
        await FinishAsync(request, token, body, request.Header("X-Goog-Hash"), FileName(request), "");
    }

    private async Task StartAsync(GoogleRequest request, AccessToken token)
    {
        if (request.Header("X-Goog-Upload-Content-Type") is null)
        {
            throw Bad("X-Goog-Upload-Content-Type is required.");
        }

        long? size = long.TryParse(request.Header("X-Goog-Upload-Raw-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : null;
        var session = new Session(identities.Mint.Opaque("upload", 86), token, FileName(request), size, request.Header("X-Goog-Hash"), time.GetUtcNow().AddDays(7), new ContentBuilder(newFile));
        _sessions[session.Id] = session;
        var headers = request.Http.Response.Headers;
        headers["X-Goog-Upload-URL"] = $"{request.UrlOf(GoogleHosts.Library)}/v1/uploads?upload_id={session.Id}&upload_protocol=resumable";
        headers["X-Goog-Upload-Control-URL"] = headers["X-Goog-Upload-URL"];
        headers["X-Goog-Upload-Chunk-Granularity"] = options.UploadGranularity.ToString(CultureInfo.InvariantCulture);
        headers["X-Goog-Upload-Status"] = "active";
        await request.WriteAsync(new Answer(200, "") { ContentType = "text/plain; charset=utf-8" });
    }

    private async Task ContinueAsync(GoogleRequest request, AccessToken token, string id)
    {
        if (!_sessions.TryGetValue(id, out var session) || session.Token.Principal != token.Principal || time.GetUtcNow() >= session.Expires)
        {
            throw new AnswerException(PhotosAnswers.NotFound());
        }

        // one request at a time has the session; a second one while the first still runs would mix their bytes
        await session.Turn.WaitAsync(request.Aborted);
        try
        {
            var commands = (request.Header("X-Goog-Upload-Command") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            switch (commands)
            {
                case ["query"]:
                    await AnswerStateAsync(request, session);
                    break;
                case ["cancel"]:
                    session.Status = "cancelled";
                    session.Body.Dispose();
                    await AnswerStateAsync(request, session);
                    break;
                case ["upload"] or ["upload", "finalize"] or ["finalize"] when session.Status == "active":
                    await ReceiveAsync(request, session, commands.Contains("upload"), commands.Contains("finalize"));
                    break;
                default:
                    request.Http.Response.Headers["X-Goog-Upload-Status"] = session.Status;
                    throw Bad($"Upload has already been {(session.Status == "final" ? "finalized" : session.Status)}, or the upload command is invalid.");
            }
        }
        finally
        {
            session.Turn.Release();
        }
    }

    private async Task ReceiveAsync(GoogleRequest request, Session session, bool upload, bool finalize)
    {
        var before = session.Body.Length;
        if (upload)
        {
            if (!long.TryParse(request.Header("X-Goog-Upload-Offset"), NumberStyles.None, CultureInfo.InvariantCulture, out var offset) || offset != before)
            {
                Describe(request, session);
                throw Bad($"The upload offset must be the {before} bytes received so far.");
            }

            try
            {
                await session.Body.AppendAsync(request.Http.Request.Body, request.Aborted);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or BadHttpRequestException)
            {
                // What is there of whole granules stays; the rest of the broken request is gone.
                session.Body.Truncate(session.Body.Length - (session.Body.Length % options.UploadGranularity));
                throw;
            }
        }

        var received = session.Body.Length - before;
        if (!finalize && received % options.UploadGranularity != 0)
        {
            session.Body.Truncate(before);
            Describe(request, session);
            throw Bad($"Every chunk but the last must be a multiple of {options.UploadGranularity} bytes.");
        }

        if (session.Size is { } size && (session.Body.Length > size || (finalize && session.Body.Length != size)))
        {
            session.Body.Truncate(before);
            Describe(request, session);
            throw Bad($"Received {before + received} bytes where X-Goog-Upload-Raw-Size announced {size}.");
        }

        if (!finalize)
        {
            await AnswerStateAsync(request, session);
            return;
        }

        session.Status = "final";
        await FinishAsync(request, session.Token, session.Body, request.Header("X-Goog-Hash") ?? session.Hash, session.FileName, "final");
        session.Body.Dispose();
    }

    private async Task FinishAsync(GoogleRequest request, AccessToken by, ContentBuilder body, string? hash, string fileName, string status)
    {
        if (body.Length == 0)
        {
            throw Bad("Upload must not be empty.");
        }

        var content = body.ToContent();
        var sha1 = content.Hash(HashAlgorithmName.SHA1);
        if (ClaimedSha1(hash) is { } claimed && !claimed.AsSpan().SequenceEqual(sha1))
        {
            throw Bad(Mismatch);
        }

        var bytes = new UploadedBytes(identities.Mint.Opaque("upload-token", 80), by.Principal, by.ClientId, fileName, content, sha1, time.GetUtcNow().AddDays(1));
        _tokens[bytes.Token] = bytes;
        if (status.Length > 0)
        {
            request.Http.Response.Headers["X-Goog-Upload-Status"] = status;
        }

        await request.WriteAsync(new Answer(200, bytes.Token) { ContentType = "text/plain; charset=utf-8" });
    }

    private static Task AnswerStateAsync(GoogleRequest request, Session session)
    {
        Describe(request, session);
        return request.WriteAsync(new Answer(200, "") { ContentType = "text/plain; charset=utf-8" });
    }

    private static void Describe(GoogleRequest request, Session session)
    {
        request.Http.Response.Headers["X-Goog-Upload-Status"] = session.Status;
        if (session.Status == "active")
        {
            request.Http.Response.Headers["X-Goog-Upload-Size-Received"] = session.Body.Length.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static byte[]? ClaimedSha1(string? header)
    {
        if (header is null)
        {
            return null;
        }

        foreach (var part in header.Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.StartsWith("sha1=", StringComparison.OrdinalIgnoreCase))
            {
                var decoded = new byte[30];
                return Convert.TryFromBase64String(part["sha1=".Length..], decoded, out var length) ? decoded[..length] : [];
            }
        }

        return null;
    }

    private static string FileName(GoogleRequest request) => Uri.UnescapeDataString(request.Header("X-Goog-Upload-File-Name") ?? "");

    private static AnswerException Bad(string message) => new(PhotosAnswers.InvalidArgument(message));

    private sealed record Session(string Id, AccessToken Token, string FileName, long? Size, string? Hash, DateTimeOffset Expires, ContentBuilder Body)
    {
        /// <summary>active, final or cancelled.</summary>
        public string Status { get; set; } = "active";

        public SemaphoreSlim Turn { get; } = new(1, 1);
    }
}
