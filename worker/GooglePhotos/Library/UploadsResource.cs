using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using GooglePhotos.Services;

namespace GooglePhotos.Library;

/// <summary>Bytes that are to be uploaded.</summary>
public sealed record UploadSource
{
    public required long Length { get; init; }

    public required string MimeType { get; init; }

    public required string FileName { get; init; }

    /// <summary>SHA-1 of all bytes; Google checks what arrives against it.</summary>
    public required ReadOnlyMemory<byte> Sha1 { get; init; }

    /// <summary>Opens the bytes from an offset on. Called again whenever bytes have to be sent again, and gives the same bytes each time.</summary>
    public required Func<long, CancellationToken, ValueTask<Stream>> OpenAt { get; init; }
}

/// <param name="Location">Valid for 7 days.</param>
/// <param name="Granularity">Each chunk but the last is a multiple of it.</param>
public sealed record UploadSession(Uri Location, long Granularity);

public enum UploadStatus
{
    Active,

    /// <summary>All arrived, and the token was given out, which it is only once.</summary>
    Final,
    Cancelled,
}

/// <param name="Received">Bytes that Google has.</param>
public sealed record UploadState(UploadStatus Status, long Received);

/// <summary>
/// `POST /v1/uploads`: bytes in, a token out. It is valid for a day and makes nothing visible before `batchCreate`. Both protocols are Google's own
/// (`X-Goog-Upload-*`), not the one of Google.Apis.Upload. Single calls, none of them repeated; see <see cref="MediaUploader"/>.
/// </summary>
public sealed class UploadsResource(PhotosLibraryService service)
{
    private const long DefaultGranularity = 256 << 10;

    /// <summary>All bytes in one request: one call of the quota, and nothing to go on from when it breaks.</summary>
    /// <returns>The upload token.</returns>
    public async Task<string> RawAsync(UploadSource source, CancellationToken cancellationToken, Action<long>? sent = null)
    {
        using var request = NewRequest(new Uri(new Uri(service.BaseUri), "v1/uploads"), null, "raw");
        Describe(request, source);
        request.Content = new UploadContent(source, 0, source.Length, sent) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
        using var response = await service.SendAsync(request, cancellationToken);
        return await TokenAsync(response, cancellationToken);
    }

    public async Task<UploadSession> StartAsync(UploadSource source, CancellationToken cancellationToken)
    {
        using var request = NewRequest(new Uri(new Uri(service.BaseUri), "v1/uploads"), "start", "resumable");
        Describe(request, source);
        request.Headers.Add("X-Goog-Upload-Raw-Size", source.Length.ToString(CultureInfo.InvariantCulture));
        request.Content = new ByteArrayContent([]);
        using var response = await service.SendAsync(request, cancellationToken);
        if (!Uri.TryCreate(Header(response, "X-Goog-Upload-URL"), UriKind.Absolute, out var location) || !IsOurs(location))
        {
            throw Malformed(response, "no usable upload URL");
        }

        return new(location, Number(response, "X-Goog-Upload-Chunk-Granularity") is { } granularity and > 0 ? granularity : DefaultGranularity);
    }

    /// <summary>Sends bytes from <paramref name="offset"/> on; with the last of them the upload is finalised.</summary>
    /// <param name="offset">What Google has already.</param>
    /// <param name="length">Bytes to send; up to the end, or a multiple of the granularity.</param>
    /// <returns>The upload token; null when more is to come.</returns>
    public async Task<string?> SendAsync(UploadSession session, UploadSource source, long offset, long length, CancellationToken cancellationToken, Action<long>? sent = null)
    {
        var last = offset + length == source.Length;
        using var request = NewRequest(session.Location, last ? "upload, finalize" : "upload", null);
        request.Headers.Add("X-Goog-Upload-Offset", offset.ToString(CultureInfo.InvariantCulture));
        if (last)
        {
            request.Headers.TryAddWithoutValidation("X-Goog-Hash", Hash(source));
        }

        request.Content = new UploadContent(source, offset, length, sent);
        using var response = await service.SendAsync(request, cancellationToken);
        return last ? await TokenAsync(response, cancellationToken) : null;
    }

    /// <summary>How far an upload has come, after a connection broke.</summary>
    public async Task<UploadState> QueryAsync(UploadSession session, CancellationToken cancellationToken)
    {
        using var request = NewRequest(session.Location, "query", null);
        request.Content = new ByteArrayContent([]);
        using var response = await service.SendAsync(request, cancellationToken);
        return Header(response, "X-Goog-Upload-Status") switch
        {
            "active" => new(UploadStatus.Active, Number(response, "X-Goog-Upload-Size-Received") ?? 0),
            "final" => new(UploadStatus.Final, Number(response, "X-Goog-Upload-Size-Received") ?? 0),
            _ => new(UploadStatus.Cancelled, 0),
        };
    }

    private static HttpRequestMessage NewRequest(Uri uri, string? command, string? protocol)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, uri);
        if (protocol is not null)
        {
            request.Headers.Add("X-Goog-Upload-Protocol", protocol);
        }

        if (command is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Goog-Upload-Command", command);
        }

        return request;
    }

    private static void Describe(HttpRequestMessage request, UploadSource source)
    {
        request.Headers.TryAddWithoutValidation("X-Goog-Upload-Content-Type", source.MimeType);
        request.Headers.TryAddWithoutValidation("X-Goog-Upload-File-Name", AsciiName(source.FileName));
        request.Headers.TryAddWithoutValidation("X-Goog-Hash", Hash(source));
    }

    private static string Hash(UploadSource source) => "sha1=" + Convert.ToBase64String(source.Sha1.Span);

    /// <summary>A header holds ASCII; the name that counts is the one of `batchCreate`.</summary>
    private static string AsciiName(string name) => string.Concat(name.Select(c => c is > ' ' and < (char)127 and not ('/' or '\\' or '"') ? c : '_'));

    /// <summary>The URL comes from the server, and our access token goes to it.</summary>
    private bool IsOurs(Uri location)
    {
        var host = new Uri(service.BaseUri);
        return location.Scheme == host.Scheme
            && (location.Authority == host.Authority || (location.Host.EndsWith(".googleapis.com", StringComparison.OrdinalIgnoreCase) && location.IsDefaultPort));
    }

    private async Task<string> TokenAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        (await response.Content.ReadAsStringAsync(cancellationToken)).Trim() is { Length: > 0 } token ? token : throw Malformed(response, "no upload token");

    private GoogleServiceException Malformed(HttpResponseMessage response, string what) =>
        new(service.DisplayName, GoogleFailure.ServerError, GoogleSentences.Of(service.DisplayName, GoogleFailure.ServerError, $"{what} in the answer."))
        {
            Status = response.StatusCode == HttpStatusCode.OK ? HttpStatusCode.BadGateway : response.StatusCode,
        };

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static long? Number(HttpResponseMessage response, string name) =>
        long.TryParse(Header(response, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

/// <summary>A part of a source as the body of a request. It can be sent again, which happens when the access token has just run out.</summary>
internal sealed class UploadContent(UploadSource source, long offset, long length, Action<long>? sent) : HttpContent
{
    private const int BufferBytes = 128 << 10;

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var input = await source.OpenAt(offset, cancellationToken);
        var buffer = new byte[(int)Math.Min(BufferBytes, Math.Max(1, length))];
        for (var left = length; left > 0;)
        {
            var read = await input.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancellationToken);
            if (read == 0)
            {
                throw new EndOfStreamException($"{source.FileName} ended {left} bytes early.");
            }

            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            left -= read;
            sent?.Invoke(read);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override bool TryComputeLength(out long computed)
    {
        computed = length;
        return true;
    }
}
