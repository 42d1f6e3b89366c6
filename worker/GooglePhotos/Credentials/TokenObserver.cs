using System.Text.Json;
using GooglePhotos.Services;

namespace GooglePhotos.Credentials;

/// <summary>
/// Reads along with the token endpoints, for what Google's library leaves out: the subtype of a refusal, the end of a grant, and a refresh token that
/// took the place of ours. Nothing of it is ever printed.
/// </summary>
internal sealed class TokenObserver(SecretText? refreshToken)
{
    public IReadOnlyList<string>? Scopes { get; private set; }

    /// <summary>Seconds until the grant ends by itself; null when Google did not say.</summary>
    public long? GrantSeconds { get; private set; }

    public bool RefreshTokenReplaced { get; private set; }

    public async Task LookAsync(HttpRequestMessage request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await response.Content.LoadIntoBufferAsync(cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw Refusal(request, response, body);
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.TryGetProperty("scope", out var scope) && scope.ValueKind == JsonValueKind.String)
            {
                Scopes = scope.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }

            if (root.TryGetProperty("refresh_token_expires_in", out var expires) && expires.TryGetInt64(out var seconds))
            {
                GrantSeconds = seconds;
            }

            if (refreshToken is not null && root.TryGetProperty("refresh_token", out var replaced) && replaced.GetString() is { Length: > 0 } token)
            {
                RefreshTokenReplaced |= token != refreshToken.Reveal();
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Google's library reads the same answer and says what is wrong with it.
        }
    }

    private static GoogleServiceException Refusal(HttpRequestMessage request, HttpResponseMessage response, string body)
    {
        var path = request.RequestUri!.AbsolutePath;
        var error = GoogleErrors.Of("Google's sign-in", response.StatusCode, body, response.Headers.RetryAfter?.Delta);
        var failure = (int)response.StatusCode is >= 500 or 429 ? error.Failure
            : path.EndsWith(":generateAccessToken", StringComparison.Ordinal) ? GoogleFailure.ImpersonationRefused
            : path.EndsWith("sts.googleapis.com/v1/token", StringComparison.Ordinal) || request.RequestUri.Host == "sts.googleapis.com" ? GoogleFailure.FederationRefused
            : error.Failure;
        return failure == error.Failure ? error : GoogleErrors.As(error, failure, GoogleAnswer.Parse(response.StatusCode, body).Text);
    }
}

internal sealed class TokenObserverHandler(TokenObserver observer, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        try
        {
            await observer.LookAsync(request, response, cancellationToken);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }
}
