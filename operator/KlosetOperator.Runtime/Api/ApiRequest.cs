using System.Net.Http.Headers;

namespace KlosetOperator.Runtime.Api;

/// <summary>One request, and how errors speak of it.</summary>
/// <param name="What">For people: the verb and the object.</param>
/// <param name="PathAndQuery">Relative to the server's address.</param>
internal sealed record ApiRequest(string What, HttpMethod Method, string PathAndQuery)
{
    public string Accept { get; init; } = "application/json";

    public ReadOnlyMemory<byte>? Body { get; init; }

    public string ContentType { get; init; } = "application/json";

    public override string ToString() => What;

    public HttpRequestMessage ToMessage(Uri server, Version version)
    {
        // The server's address may carry a path of its own (a proxy's).
        var address = server.AbsoluteUri;
        var request = new HttpRequestMessage(Method, address + (address.EndsWith('/') ? "" : "/") + PathAndQuery)
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.TryAddWithoutValidation("Accept", Accept);
        if (Body is { } body)
        {
            request.Content = new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(ContentType) } };
        }

        return request;
    }
}
