using Google.Apis.Http;

namespace GooglePhotos.Services;

/// <summary>
/// Connections to Google. Proxies come from HTTPS_PROXY and NO_PROXY, trusted certificates from SSL_CERT_FILE and SSL_CERT_DIR, as the runtime has it.
/// </summary>
/// <param name="handler">Makes the innermost handler; tests give their own.</param>
public sealed class GoogleHttp(Func<HttpMessageHandler> handler) : HttpClientFactory
{
    public const string ApplicationName = "kloset";

    public static GoogleHttp Default { get; } = new(NewHandler);

    /// <summary>The same connections, read along with.</summary>
    internal GoogleHttp Observed(Credentials.TokenObserver observer) => new(() => new Credentials.TokenObserverHandler(observer, handler()));

    protected override HttpMessageHandler CreateHandler(CreateHttpClientArgs args) => handler();

    /// <summary>Compression is off: ranges of compressed content would be ranges of something else.</summary>
    private static SocketsHttpHandler NewHandler() => new()
    {
        ConnectTimeout = TimeSpan.FromSeconds(30),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        AllowAutoRedirect = false,
    };
}
