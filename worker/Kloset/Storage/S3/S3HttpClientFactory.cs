using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;

namespace Kloset.Storage.S3;

/// <summary>Gives the SDK one HTTP client with our trust and our counters; the handler is a seam for tests that break the network.</summary>
internal sealed class S3HttpClientFactory : HttpClientFactory, IDisposable
{
    // the SDK asks for a client with every request: a new one each time would connect anew each time
    private readonly HttpClient _client;

    public S3HttpClientFactory(S3Options options, StoreCounters counters, Func<HttpMessageHandler, HttpMessageHandler>? wrap)
    {
        var sockets = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10), // a moved endpoint is found again
            MaxConnectionsPerServer = 32,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
        };
        if (options.TrustedCertificates is { Count: > 0 } trusted)
        {
            sockets.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(trusted, certificate, chain, errors);
        }

        _client = new HttpClient(new SendingHandler(counters, options, wrap is null ? sockets : wrap(sockets))) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => _client;

    public void Dispose() => _client.Dispose();

    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

    private static bool IsTrusted(X509Certificate2Collection trusted, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is null || chain is null)
        {
            return false; // a wrong host name is not a question of trust
        }

        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var presented = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(presented);
    }
}
