using System.Net;
using Kloset.Storage;
using Kloset.Storage.S3;

namespace Kloset.Tests.Storage;

/// <summary>Fails the first, third, … request: with a status, or (-1) by a connection that ends.</summary>
internal sealed class FailEveryOther(HttpMessageHandler inner, int failure) : DelegatingHandler(inner)
{
    private int _count;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Interlocked.Increment(ref _count) % 2 == 0
            ? base.SendAsync(request, cancellationToken)
            : failure < 0
                ? Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ResponseEnded, "the response ended prematurely"))
                : Task.FromResult(new HttpResponseMessage((HttpStatusCode)failure) { RequestMessage = request, Content = new StringContent("") });
}

/// <summary>The whole contract on a connection of which every other request is lost.</summary>
[Collection(S3ServerCollection.Name)]
public sealed class S3StoreOnABadLineTests(S3ServerFixture fixture) : StoreContract
{
    protected override async Task<IStore> NewStoreAsync()
    {
        var server = fixture.ServerOrSkip();
        return new S3Store(
            new S3Options
            {
                Endpoint = server.Endpoint,
                Bucket = await server.CreateBucketAsync(TestContext.Current.CancellationToken),
                Credentials = new S3Credentials(server.AccessKey, server.SecretKey),
            },
            inner => new FailEveryOther(inner, 503));
    }
}
