using System.Globalization;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Identity;

/// <summary>
/// <c>sts.googleapis.com</c> and <c>iamcredentials.googleapis.com</c>: a pod's token becomes a federated one, and that one a token of a
/// service account.
/// </summary>
internal sealed class FederationEndpoint(IdentityStore identities, TimeProvider time)
{
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(1);

    public async Task ExchangeAsync(GoogleRequest request)
    {
        var form = request.Http.Request.HasFormContentType
            ? (await request.Http.Request.ReadFormAsync(request.Aborted)).ToDictionary(pair => pair.Key, pair => pair.Value.ToString())
            : (await request.JsonAsync()).ToDictionary(pair => pair.Key, pair => pair.Value?.ToString() ?? "");
        string Value(string snake, string camel) => form.GetValueOrDefault(snake) ?? form.GetValueOrDefault(camel) ?? "";

        if (Value("grant_type", "grantType") != "urn:ietf:params:oauth:grant-type:token-exchange")
        {
            throw new AnswerException(OAuthAnswers.InvalidRequest("Invalid grant type"));
        }

        if (Value("requested_token_type", "requestedTokenType") != "urn:ietf:params:oauth:token-type:access_token")
        {
            throw new AnswerException(OAuthAnswers.InvalidRequest("Invalid requested token type"));
        }

        var audience = Value("audience", "audience");
        var provider = identities.FindProvider(audience)
            ?? throw new AnswerException(OAuthAnswers.Error(400, "invalid_target", "The target service indicated by the \"audience\" parameters is invalid. " +
                "This might either be because the pool or provider is disabled or deleted or because it doesn't exist."));
        if (Value("subject_token_type", "subjectTokenType") is not ("urn:ietf:params:oauth:token-type:jwt" or "urn:ietf:params:oauth:token-type:id_token"))
        {
            throw new AnswerException(OAuthAnswers.InvalidRequest("Invalid subject token type"));
        }

        var jwt = Jwt.Parse(Value("subject_token", "subjectToken")) ?? throw new AnswerException(OAuthAnswers.InvalidRequest("Unable to parse the ID Token."));
        Check(jwt, provider);
        var subject = jwt.Claim("sub") ?? throw new AnswerException(OAuthAnswers.InvalidGrant("The mapped attribute google.subject is missing."));
        var token = identities.Keep(new AccessToken(identities.Mint.AccessToken(), $"principal:{subject}", subject, audience, "123",
            Value("scope", "scope").Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal), time.GetUtcNow().AddHours(1)));
        await request.WriteAsync(new JsonObject
        {
            ["access_token"] = token.Value,
            ["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
            ["token_type"] = "Bearer",
            ["expires_in"] = 3600,
        });
    }

    public async Task GenerateAccessTokenAsync(GoogleRequest request)
    {
        var token = request.Token ?? throw new AnswerException(PhotosAnswers.Unauthenticated());
        var named = Uri.UnescapeDataString(request.Segments[^1])[..^":generateAccessToken".Length];
        if (!token.Allows(Scopes.CloudPlatform, "https://www.googleapis.com/auth/iam"))
        {
            throw new AnswerException(PhotosAnswers.InsufficientScopes(GoogleHosts.IamCredentials, "google.iam.credentials.v1.IAMCredentials.GenerateAccessToken"));
        }

        var account = identities.FindServiceAccount(named) ?? identities.FindServiceAccountById(named)
            ?? throw new AnswerException(PhotosAnswers.NotFound($"Not found; Gaia id not found for email {named}"));
        if (!account.WorkloadIdentityUsers.Contains(token.Subject))
        {
            throw new AnswerException(PhotosAnswers.PermissionDenied(
                "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."));
        }

        var body = await request.JsonAsync();
        var scopes = body["scope"] is JsonArray list ? list.Select(scope => scope!.ToString()).ToArray() : [];
        if (scopes.Length == 0)
        {
            throw new AnswerException(PhotosAnswers.InvalidArgument("At least one value must be specified for scope"));
        }

        var seconds = body["lifetime"]?.ToString() is { Length: > 1 } lifetime ? double.Parse(lifetime[..^1], CultureInfo.InvariantCulture) : 3600;
        if (seconds > 3600)
        {
            throw new AnswerException(PhotosAnswers.InvalidArgument("The access token lifetime cannot exceed 3600 seconds; to override this limit, refer to the documentation."));
        }

        var issued = identities.Issue(account, scopes, TimeSpan.FromSeconds(seconds));
        await request.WriteAsync(new JsonObject
        {
            ["accessToken"] = issued.Value,
            ["expireTime"] = issued.Expires.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        });
    }

    private void Check(Jwt jwt, WorkloadIdentityProvider provider)
    {
        if (jwt.Claim("iss") != provider.Issuer)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant($"The issuer in ID Token {jwt.Claim("iss")} does not match the expected ones: {provider.Issuer}"));
        }

        if (!jwt.IsSignedBy(provider.PublicKey))
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("Error connecting to the given credential's issuer: Invalid ID Token signature"));
        }

        if (!jwt.Audiences.Contains("https:" + provider.Audience) && !jwt.Audiences.Contains(provider.Audience))
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant($"The audience in ID Token [{string.Join(", ", jwt.Audiences)}] does not match the expected audience."));
        }

        var now = time.GetUtcNow();
        if (jwt.Time("exp") is not { } expires || expires < now - ClockTolerance)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("ID Token issued is stale to sign-in."));
        }

        if (jwt.Time("iat") is { } issued && issued > now + ClockTolerance)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("ID Token is issued in the future."));
        }
    }
}
