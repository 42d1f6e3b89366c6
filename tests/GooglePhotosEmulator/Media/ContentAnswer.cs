using System.Globalization;
using GooglePhotosEmulator.Faults;
using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Media;

/// <summary>Sends bytes: all of them, or the part that was asked for; shorter or with a lie about the total when a fault wants it.</summary>
internal static class ContentAnswer
{
    public static async Task SendAsync(GoogleRequest request, Content content, string mimeType, ByteRange? range)
    {
        var response = request.Http.Response;
        var fault = request.Http.Features.Get<Fault>();
        var (start, length) = range is null ? (0L, content.Length) : (range.Start, range.Length);
        response.StatusCode = range is null ? 200 : 206;
        response.ContentType = mimeType;
        response.Headers.AcceptRanges = "bytes";
        if (range is not null)
        {
            var total = fault is Fault.WrongTotal wrong ? wrong.Total : content.Length;
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {range.Start}-{range.End}/{total}");
        }

        if (fault is Fault.Shorten shorten)
        {
            length = Math.Min(length, shorten.ToBytes);
        }

        response.ContentLength = length;
        if (HttpMethods.IsHead(request.Verb))
        {
            return;
        }

        await using var stream = content.Open();
        stream.Position = start;
        var buffer = new byte[(int)Math.Min(64 * 1024, Math.Max(1, length))];
        while (length > 0)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length)), request.Aborted);
            if (read == 0)
            {
                break;
            }

            await response.Body.WriteAsync(buffer.AsMemory(0, read), request.Aborted);
            length -= read;
        }
    }
}
