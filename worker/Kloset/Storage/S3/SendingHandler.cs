using System.Net;

namespace Kloset.Storage.S3;

/// <summary>
/// Counts requests, holds bodies to the bandwidth limit, and gives up on a request only when nothing moves any more: a packfile on a slow
/// line takes longer than any fixed time that would still notice a dead server.
/// </summary>
internal sealed class SendingHandler(StoreCounters counters, S3Options options, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private const int DefaultPiece = 256 << 10;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        counters.CountRequest();
        using var silence = new CancellationTokenSource(options.RequestTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        if (request.Content is { } content)
        {
            request.Content = new PacedContent(content, options.UploadLimit, () => silence.CancelAfter(options.RequestTimeout));
        }

        try
        {
            return await base.SendAsync(request, either.Token);
        }
        catch (OperationCanceledException canceled) when (silence.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // The SDK tries again what it knows as a broken connection.
            throw new HttpRequestException(
                HttpRequestError.ConnectionError, "the connection stood still", new IOException($"nothing moved for {options.RequestTimeout.TotalSeconds:0} s", canceled));
        }
    }

    private sealed class PacedContent : HttpContent
    {
        private readonly HttpContent _content;
        private readonly BandwidthLimit? _limit;
        private readonly Action _moved;

        public PacedContent(HttpContent content, BandwidthLimit? limit, Action moved)
        {
            (_content, _limit, _moved) = (content, limit, moved);
            foreach (var (name, values) in content.Headers)
            {
                Headers.TryAddWithoutValidation(name, values);
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await using var body = await _content.ReadAsStreamAsync(cancellationToken);
            var piece = new byte[_limit?.PieceBytes ?? DefaultPiece];
            int count;
            while ((count = await body.ReadAsync(piece, cancellationToken)) > 0)
            {
                if (_limit is not null)
                {
                    await _limit.WaitAsync(count, cancellationToken);
                }

                await stream.WriteAsync(piece.AsMemory(0, count), cancellationToken);
                _moved();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _content.Headers.ContentLength ?? -1;
            return length >= 0;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _content.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
