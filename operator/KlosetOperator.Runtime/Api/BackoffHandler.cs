using System.Net;

namespace KlosetOperator.Runtime.Api;

/// <summary>
/// Waits as the server asks: a 429, or a 5xx that carries <c>Retry-After</c>, was refused before it took effect and is
/// sent again. The call's time limit bounds it all.
/// </summary>
internal sealed class BackoffHandler(TimeProvider time) : DelegatingHandler
{
    /// <summary>client-go's count.</summary>
    public const int MaxRetries = 10;

    /// <summary>A longer wait is the caller's business: the answer goes back to it with the time in it.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        for (var retry = 0; ; retry++)
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (retry == MaxRetries || Wait(response) is not { } wait || wait > LongestWait)
            {
                return response;
            }

            response.Dispose();
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private TimeSpan? Wait(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter?.Delta ?? (response.Headers.RetryAfter?.Date - time.GetUtcNow());
        if (asked < TimeSpan.Zero)
        {
            asked = TimeSpan.Zero;
        }

        return response.StatusCode switch
        {
            HttpStatusCode.TooManyRequests => asked ?? TimeSpan.FromSeconds(1),
            >= HttpStatusCode.InternalServerError => asked,
            _ => null,
        };
    }
}
