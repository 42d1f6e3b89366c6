using S3Server;

namespace Kloset.Tests.Storage;

/// <summary>One S3 server for all the tests of this assembly; see <see cref="S3TestServer"/>.</summary>
public sealed class S3ServerFixture : IAsyncLifetime
{
    private S3TestServer? _server;
    private string? _whyNot;

    public async ValueTask InitializeAsync() => (_server, _whyNot) = await S3TestServer.TryStartAsync(CancellationToken.None);

    public S3TestServer ServerOrSkip()
    {
        Assert.SkipWhen(_server is null, _whyNot ?? "");
        return _server!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}

[CollectionDefinition(Name)]
public sealed class S3ServerCollection : ICollectionFixture<S3ServerFixture>
{
    public const string Name = "S3 server";
}
