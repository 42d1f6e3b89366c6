using System.Net.Http.Headers;
using Google;
using Google.Apis.Discovery;
using Google.Apis.Http;
using Google.Apis.Requests;
using Google.Apis.Services;
using Newtonsoft.Json;

namespace GooglePhotos.Services;

/// <summary>
/// What our services share: Google's dialect of JSON, and failures as <see cref="GoogleServiceException"/>. Nothing is retried in here but a call whose
/// access token was refused, once, with a fresh one; everything else is decided by <see cref="GoogleCalls"/> alone, so that retries do not multiply.
/// </summary>
public abstract class GoogleService : BaseClientService
{
    private readonly string _defaultBaseUri;

    /// <param name="defaultBaseUri">With a slash at its end.</param>
    private protected GoogleService(Initializer initializer, string defaultBaseUri)
        : base(initializer)
    {
        _defaultBaseUri = defaultBaseUri;
        HttpClient.MessageHandler.NumTries = 2;
    }

    /// <summary>For people: "Google Drive".</summary>
    public abstract string DisplayName { get; }

    public override string BaseUri => BaseUriOverride ?? _defaultBaseUri;

    public override string BasePath => "";

    public override IList<string> Features { get; } = [];

    /// <summary>Without Google's own retries, without a limit of time (see <see cref="GoogleCalls"/>), and with proxies and trusted certificates from the environment.</summary>
    /// <param name="baseUri">Of an emulator; null for Google's own.</param>
    public static Initializer Configure(IConfigurableHttpClientInitializer? credential, Uri? baseUri = null, IHttpClientFactory? http = null) => new()
    {
        ApplicationName = GoogleHttp.ApplicationName,
        BaseUri = baseUri is null ? null : new Uri(baseUri.AbsoluteUri.TrimEnd('/') + "/").AbsoluteUri,
        DefaultExponentialBackOffPolicy = ExponentialBackOffPolicy.None,
        GZipEnabled = false,
        HttpClientFactory = http ?? GoogleHttp.Default,
        HttpClientInitializer = credential,
        HttpClientTimeout = Timeout.InfiniteTimeSpan,
        Serializer = GoogleJson.Serializer,
    };

    public override async Task<T> DeserializeResponse<T>(HttpResponseMessage response)
    {
        try
        {
            return await base.DeserializeResponse<T>(response);
        }
        catch (Exception exception) when (exception is JsonException or GoogleApiException and not GoogleServiceException)
        {
            throw new GoogleServiceException(
                DisplayName, GoogleFailure.ServerError, GoogleSentences.Of(DisplayName, GoogleFailure.ServerError, "an answer that is cut or no JSON."), exception)
            {
                Status = response.StatusCode,
            };
        }
    }

    public override async Task<RequestError> DeserializeError(HttpResponseMessage response) => throw await ErrorOfAsync(response, CancellationToken.None);

    /// <summary>Sends a request that is no JSON call (bytes up or down). The answer is successful, or a failure is thrown.</summary>
    /// <exception cref="GoogleServiceException"/>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await ErrorOfAsync(response, cancellationToken);
        }
    }

    private async Task<GoogleServiceException> ErrorOfAsync(HttpResponseMessage response, CancellationToken cancellationToken) => GoogleErrors.Of(
        DisplayName, response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken), Delay(response.Headers.RetryAfter, response.Headers.Date));

    private static TimeSpan? Delay(RetryConditionHeaderValue? header, DateTimeOffset? now) =>
        header?.Delta ?? (header?.Date is { } date && now is { } sent && date > sent ? date - sent : null);
}

/// <summary>One method of a service, described as the generated packages do.</summary>
public abstract class GoogleRequest<TResponse> : ClientServiceRequest<TResponse>
{
    private readonly object? _body;

    /// <param name="path">Relative to the service; `{name}` for the parameters of the path.</param>
    private protected GoogleRequest(GoogleService service, string name, string method, string path, object? body = null)
        : base(service)
    {
        (MethodName, HttpMethod, RestPath, _body) = (name, method, path, body);
        InitParameters();
    }

    public override string MethodName { get; }

    public override string HttpMethod { get; }

    public override string RestPath { get; }

    protected override object? GetBody() => _body;

    protected sealed override void InitParameters()
    {
        base.InitParameters();
        foreach (var property in GetType().GetProperties())
        {
            if (property.GetCustomAttributes(typeof(Google.Apis.Util.RequestParameterAttribute), inherit: true) is [Google.Apis.Util.RequestParameterAttribute parameter])
            {
                RequestParameters[parameter.Name] = new Parameter
                {
                    Name = parameter.Name,
                    ParameterType = parameter.Type == Google.Apis.Util.RequestParameterType.Path ? "path" : "query",
                    IsRequired = parameter.Type == Google.Apis.Util.RequestParameterType.Path,
                };
            }
        }
    }
}
