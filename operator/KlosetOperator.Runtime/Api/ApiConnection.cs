using System.Net;
using System.Text.Json;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Diagnostics;

namespace KlosetOperator.Runtime.Api;

/// <summary>The way to the API server: KubernetesClient's HTTP pipeline and authentication, with our back-off, metrics and time limits.</summary>
internal sealed class ApiConnection : IDisposable
{
    private readonly Transport _transport;
    private readonly TimeProvider _time;

    /// <param name="handlers">Put before the back-off, outermost first.</param>
    /// <param name="transport">Put behind everything: in tests, a server without a network.</param>
    public ApiConnection(
        KubernetesClientConfiguration configuration,
        TimeProvider time,
        RuntimeMetrics metrics,
        TimeSpan requestTimeout,
        IEnumerable<DelegatingHandler>? handlers = null,
        IEnumerable<DelegatingHandler>? transport = null)
    {
        _time = time;
        RequestTimeout = requestTimeout;
        _transport = new Transport(configuration, [.. handlers ?? [], new BackoffHandler(time), new RequestMetricsHandler(metrics), .. transport ?? []]);
    }

    public TimeSpan RequestTimeout { get; }

    public TimeProvider Time => _time;

    public void Dispose() => _transport.Dispose();

    /// <summary>Sends a request within its time limit and reads the answer by <paramref name="read"/>.</summary>
    /// <exception cref="ApiException">Refused, unreachable or too slow.</exception>
    public async Task<TResult> SendAsync<TResult>(
        ApiRequest call, Func<HttpResponseMessage, CancellationToken, Task<TResult>> read, CancellationToken cancellationToken, TimeSpan? timeout = null)
    {
        var limit = timeout ?? RequestTimeout;
        using var limiter = new CancellationTokenSource(limit, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limiter.Token);
        try
        {
            using var response = await OpenAsync(call, both.Token).ConfigureAwait(false);
            return await read(response, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && limiter.IsCancellationRequested)
        {
            throw new ApiException($"{call}: no answer within {limit.TotalSeconds:0} s.");
        }
        catch (Exception error) when (IsNetworkFailure(error))
        {
            throw new ApiException($"{call}: {error.Message}", error);
        }
    }

    /// <summary>Sends a request and returns once its answer's header is there, if it is a success.</summary>
    public async Task<HttpResponseMessage> OpenAsync(ApiRequest call, CancellationToken cancellationToken)
    {
        using var request = call.ToMessage(_transport.BaseUri, _transport.RequestVersion);
        HttpResponseMessage? response = null;
        try
        {
            response = await _transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                var opened = response;
                response = null;
                return opened;
            }

            throw await RefusalAsync(call, response, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (IsNetworkFailure(error))
        {
            throw new ApiException($"{call}: {error.Message}", error);
        }
        finally
        {
            response?.Dispose();
        }
    }

    internal static bool IsNetworkFailure(Exception error) => error is HttpRequestException or IOException or System.Net.Sockets.SocketException;

    internal static ApiException FromStatus(string what, V1Status status, HttpStatusCode code, TimeSpan? retryAfter)
    {
        var message = string.IsNullOrEmpty(status.Message) ? $"{(int)code} {code}" : status.Message;
        return new ApiException($"{what}: {message}", code, status.Reason ?? "")
        {
            Causes = [.. (status.Details?.Causes ?? []).Select(static cause => cause?.Reason ?? "").Where(static reason => reason.Length > 0)],
            RetryAfter = retryAfter ?? (status.Details?.RetryAfterSeconds is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null),
        };
    }

    private static async Task<ApiException> RefusalAsync(ApiRequest call, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var retryAfter = response.Headers.RetryAfter?.Delta;
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (JsonSerializer.Deserialize<V1Status>(body, ApiJson.Options) is { Kind: "Status" } status)
            {
                return FromStatus(call.ToString(), status, response.StatusCode, retryAfter);
            }
        }
        catch (Exception error) when (Undecodable.IsDecodeFailure(error))
        {
            // A proxy's page, or plain text.
        }

        return new ApiException($"{call}: {(int)response.StatusCode} {response.ReasonPhrase}", response.StatusCode, "") { RetryAfter = retryAfter };
    }

    /// <summary>Gives access to what KubernetesClient built from the configuration.</summary>
    private sealed class Transport : Kubernetes
    {
        // As in Go's client: a dead connection is noticed within 45 s, so that no watch sits on one for minutes.
        private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(30);
        private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(15);

        public Transport(KubernetesClientConfiguration configuration, DelegatingHandler[] handlers)
            : base(Configure(configuration), handlers)
        {
            RequestVersion = configuration.DisableHttp2 ? HttpVersion.Version11 : HttpVersion.Version20;
        }

        public Version RequestVersion { get; }

        public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Credentials is { } credentials)
            {
                await credentials.ProcessHttpRequestAsync(request, cancellationToken).ConfigureAwait(false);
            }

            return await HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }

        private static KubernetesClientConfiguration Configure(KubernetesClientConfiguration configuration)
        {
            // Every call has its own limit; one for all would end watches.
            configuration.HttpClientTimeout = Timeout.InfiniteTimeSpan;
            var before = configuration.FirstMessageHandlerSetup;
            configuration.FirstMessageHandlerSetup = handler =>
            {
                if (handler is SocketsHttpHandler sockets)
                {
                    sockets.KeepAlivePingDelay = PingDelay;
                    sockets.KeepAlivePingTimeout = PingTimeout;
                    sockets.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
                    sockets.EnableMultipleHttp2Connections = true;
                    sockets.ConnectTimeout = TimeSpan.FromSeconds(15);
                }

                before?.Invoke(handler);
            };
            return configuration;
        }
    }
}
