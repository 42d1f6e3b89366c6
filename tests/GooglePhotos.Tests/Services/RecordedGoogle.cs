using System.Net;
using System.Text;
using Google.Apis.Services;
using GooglePhotos.Services;

namespace GooglePhotos.Tests.Services;

/// <summary>Answers with recorded bodies, in order, and remembers what was asked.</summary>
internal sealed class RecordedGoogle : HttpMessageHandler
{
    private readonly Queue<Func<HttpRequestMessage, HttpResponseMessage>> _answers = [];

    public List<(HttpRequestMessage Request, string Body)> Requests { get; } = [];

    public BaseClientService.Initializer Initializer => GoogleService.Configure(null, null, new GoogleHttp(() => this));

    public RecordedGoogle Answer(HttpStatusCode status, string body, params (string Name, string Value)[] headers)
    {
        _answers.Enqueue(_ =>
        {
            var response = new HttpResponseMessage(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            foreach (var (name, value) in headers)
            {
                if (!response.Headers.TryAddWithoutValidation(name, value))
                {
                    response.Content.Headers.TryAddWithoutValidation(name, value);
                }
            }

            return response;
        });
        return this;
    }

    public RecordedGoogle Break()
    {
        _answers.Enqueue(_ => throw new HttpRequestException("connection reset by peer"));
        return this;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests.Add((request, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken)));
        var response = _answers.Dequeue()(request);
        response.RequestMessage = request;
        return response;
    }
}
