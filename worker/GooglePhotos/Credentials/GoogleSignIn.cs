using System.Net.Http.Headers;
using System.Text.Json;
using Google.Apis.Auth.OAuth2;
using Google.Apis.Auth.OAuth2.Flows;
using Google.Apis.Auth.OAuth2.Responses;
using Google.Apis.Http;
using Google.Apis.Util;
using Google.Apis.Util.Store;
using GooglePhotos.Drive;
using GooglePhotos.Library;
using GooglePhotos.Picker;
using GooglePhotos.Services;

namespace GooglePhotos.Credentials;

/// <summary>
/// A sign-in with which calls are made. Access tokens live in memory only, and are renewed when they run out or are refused. Failures of the token endpoints
/// come as <see cref="GoogleServiceException"/> out of the calls that needed a token.
/// </summary>
public sealed class GoogleSignIn
{
    private readonly GoogleEndpoints _endpoints;
    private readonly GoogleHttp _http;
    private readonly ITokenAccess _tokens;
    private readonly TokenObserver _observer;

    private GoogleSignIn(GoogleCredentialFile file, GoogleEndpoints endpoints, GoogleHttp http, TokenObserver observer, IConfigurableHttpClientInitializer initializer)
    {
        (File, _endpoints, _http, _observer) = (file, endpoints, http, observer);
        Initializer = initializer;
        _tokens = (ITokenAccess)initializer;
    }

    public GoogleCredentialFile File { get; }

    public IConfigurableHttpClientInitializer Initializer { get; }

    /// <summary>True once Google sent another refresh token than the one of the file: the file will stop working.</summary>
    public bool RefreshTokenReplaced => _observer.RefreshTokenReplaced;

    public PhotosLibraryService Library() => new(GoogleService.Configure(Initializer, _endpoints.Library, _http));

    public PhotosPickerService Picker() => new(GoogleService.Configure(Initializer, _endpoints.Picker, _http));

    public DriveService Drive() => new(GoogleService.Configure(Initializer, _endpoints.Drive, _http));

    /// <summary>A client without any credential, for the Library's base URLs.</summary>
    public HttpClient Bare()
    {
        var client = _http.CreateHttpClient(new CreateHttpClientArgs { ApplicationName = GoogleHttp.ApplicationName });
        client.Timeout = Timeout.InfiniteTimeSpan;
        client.MessageHandler.NumTries = 1;
        return client;
    }

    /// <param name="scopes">What a service account asks for; the scopes of a person's sign-in were chosen at the login.</param>
    public static GoogleSignIn Open(GoogleCredentialFile file, IReadOnlyList<string> scopes, TimeProvider time, GoogleEndpoints? endpoints = null, GoogleHttp? http = null)
    {
        var where = endpoints ?? GoogleEndpoints.Google;
        var connection = http ?? GoogleHttp.Default;
        var observer = new TokenObserver(file is AuthorizedUserFile user ? user.RefreshToken : null);
        var observed = connection.Observed(observer);
        var clock = new Clock(time);
        return new(file, where, connection, observer, file switch
        {
            AuthorizedUserFile person => new UserCredential(
                new GoogleAuthorizationCodeFlow(new FlowAddresses(where.Authorization, where.Trusted(person.TokenUri, where.Token))
                {
                    ClientSecrets = new() { ClientId = person.ClientId, ClientSecret = person.ClientSecret.Reveal() },
                    DataStore = new NullDataStore(),
                    DefaultExponentialBackOffPolicy = ExponentialBackOffPolicy.None,
                    HttpClientFactory = observed,
                    Clock = clock,
                }),
                "kloset",
                new TokenResponse { RefreshToken = person.RefreshToken.Reveal() }),
            ServiceAccountFile account => ServiceAccount(account, scopes, where, observed, clock),
            ExternalAccountFile external => External(external, scopes, where, observed, clock),
            _ => throw new System.Diagnostics.UnreachableException(),
        });
    }

    /// <summary>Who is behind the sign-in, as Google says; null for workloads without a service account.</summary>
    /// <exception cref="GoogleServiceException"/>
    /// <exception cref="GoogleCredentialException">The grant does not tell an address.</exception>
    public async Task<string?> AddressAsync(CancellationToken cancellationToken)
    {
        if (File is ServiceAccountFile service)
        {
            return service.Email;
        }

        if (File is ExternalAccountFile external)
        {
            return external.ServiceAccount;
        }

        using var http = Bare();
        using var request = new HttpRequestMessage(HttpMethod.Get, _endpoints.UserInfo);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await _tokens.GetAccessTokenForRequestAsync(null, cancellationToken));
        using var response = await http.SendAsync(request, cancellationToken);
        if (response.IsSuccessStatusCode)
        {
            using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
            if (document.RootElement.TryGetProperty("email", out var email) && email.GetString() is { Length: > 0 } address)
            {
                return address;
            }
        }
        else if ((int)response.StatusCode is >= 500 or 429)
        {
            throw GoogleErrors.Of("Google's sign-in", response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken), null);
        }

        throw new GoogleCredentialException(CredentialProblem.NoAddress, "The sign-in does not tell whose it is; it was made without the scope 'email'.");
    }

    /// <summary>What the person granted, as far as the last answer told; null when it did not.</summary>
    public async Task<IReadOnlyList<string>?> ScopesAsync(CancellationToken cancellationToken)
    {
        await _tokens.GetAccessTokenForRequestAsync(null, cancellationToken);
        return _observer.Scopes ?? (File as AuthorizedUserFile)?.Scopes;
    }

    private static ServiceAccountCredential ServiceAccount(ServiceAccountFile file, IReadOnlyList<string> scopes, GoogleEndpoints where, GoogleHttp http, Clock clock)
    {
        try
        {
            return new(new ServiceAccountCredential.Initializer(file.Email, where.Trusted(file.TokenUri, where.Token).AbsoluteUri)
            {
                KeyId = file.PrivateKeyId,
                Scopes = scopes,
                DefaultExponentialBackOffPolicy = ExponentialBackOffPolicy.None,
                HttpClientFactory = http,
                Clock = clock,
            }.FromPrivateKey(file.PrivateKey.Reveal()));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or System.Security.Cryptography.CryptographicException)
        {
            throw new GoogleCredentialException(CredentialProblem.Malformed, "The private key of the service account cannot be read.");
        }
    }

    private static ProgrammaticExternalAccountCredential External(ExternalAccountFile file, IReadOnlyList<string> scopes, GoogleEndpoints where, GoogleHttp http, Clock clock) =>
        new(new ProgrammaticExternalAccountCredential.Initializer(
            where.Trusted(file.TokenUri, where.Trusted("https://sts.googleapis.com/v1/token", where.Token)).AbsoluteUri, file.Audience, file.SubjectTokenType, new PodToken(file))
        {
            ServiceAccountImpersonationUrl = file.ImpersonationUrl is { } url ? where.Trusted(url, where.Token).AbsoluteUri : null,
            Scopes = scopes,
            DefaultExponentialBackOffPolicy = ExponentialBackOffPolicy.None,
            HttpClientFactory = http,
            Clock = clock,
        });

    /// <summary>Read at every exchange, because the kubelet renews the file.</summary>
    private sealed class PodToken(ExternalAccountFile file) : ProgrammaticExternalAccountCredential.ISubjectTokenProvider
    {
        public async Task<string> GetSubjectTokenAsync(ProgrammaticExternalAccountCredential caller, CancellationToken taskCancellationToken)
        {
            try
            {
                var text = await System.IO.File.ReadAllTextAsync(file.TokenFile, taskCancellationToken);
                if (file.FieldName is not { } field)
                {
                    return text.Trim();
                }

                using var document = JsonDocument.Parse(text);
                return document.RootElement.GetProperty(field).GetString() ?? "";
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
            {
                throw new GoogleCredentialException(CredentialProblem.Malformed, $"The pod's token {file.TokenFile} cannot be read; is it projected into the pod?", exception);
            }
        }
    }

    private sealed class Clock(TimeProvider time) : IClock
    {
        public DateTime Now => time.GetLocalNow().DateTime;

        public DateTime UtcNow => time.GetUtcNow().UtcDateTime;
    }
}

/// <summary>The way by which Google's library lets the addresses of a flow be others than its own.</summary>
internal sealed class FlowAddresses(Uri authorization, Uri token)
    : GoogleAuthorizationCodeFlow.Initializer(authorization.AbsoluteUri, token.AbsoluteUri, GoogleAuthConsts.RevokeTokenUrl);
