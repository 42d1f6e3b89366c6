using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Identity;

/// <summary><c>oauth2.googleapis.com</c>: tokens for codes, refresh tokens, devices and signed assertions.</summary>
internal sealed class TokenEndpoint(IdentityStore identities, Consent consent, TimeProvider time)
{
    private const string JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    private const string DeviceCode = "urn:ietf:params:oauth:grant-type:device_code";
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, DeviceRequest> _devices = new(StringComparer.Ordinal);

    public async Task TokenAsync(GoogleRequest request)
    {
        var form = await FormAsync(request);
        var answer = form["grant_type"] switch
        {
            "refresh_token" => Refresh(form),
            "authorization_code" => Exchange(form),
            JwtBearer => Assertion(form),
            DeviceCode => Device(form),
            "" => throw new AnswerException(OAuthAnswers.InvalidRequest("Required parameter is missing: grant_type")),
            var other => throw new AnswerException(OAuthAnswers.UnsupportedGrantType(other)),
        };
        await request.WriteAsync(answer);
    }

    public async Task RevokeAsync(GoogleRequest request)
    {
        var token = request.Query("token") ?? (request.Http.Request.HasFormContentType ? (await request.Http.Request.ReadFormAsync(request.Aborted))["token"].ToString() : "");
        await (identities.Revoke(token) ? request.WriteAsync([]) : request.WriteAsync(OAuthAnswers.Error(400, "invalid_token", "Token expired or revoked")));
    }

    public async Task DeviceCodeAsync(GoogleRequest request)
    {
        var form = await FormAsync(request);
        var client = Client(form, needsSecret: false);
        var scopes = form["scope"].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (scopes.FirstOrDefault(scope => !IsForDevices(scope)) is { } refused)
        {
            throw new AnswerException(OAuthAnswers.Error(400, "invalid_scope", $"Invalid device flow scope: {refused}"));
        }

        var device = new DeviceRequest(identities.Mint.Opaque("device", 60), identities.Mint.Opaque("user-code", 8).ToUpperInvariant(), client, scopes, time.GetUtcNow().AddMinutes(30));
        _devices[device.Code] = device;
        await request.WriteAsync(new JsonObject
        {
            ["device_code"] = device.Code,
            ["user_code"] = device.UserCode,
            ["expires_in"] = 1800,
            ["interval"] = 5,
            ["verification_url"] = "https://www.google.com/device",
        });
    }

    /// <summary>As if the person had typed the code.</summary>
    public bool ApproveDevice(string userCode, UserAccount user)
    {
        var device = _devices.Values.FirstOrDefault(waiting => waiting.UserCode == userCode);
        if (device is null)
        {
            return false;
        }

        device.ApprovedBy = user;
        return true;
    }

    private JsonObject Refresh(Dictionary<string, string> form)
    {
        var client = Client(form, needsSecret: true);
        var now = time.GetUtcNow();
        var grant = identities.FindGrant(form["refresh_token"]);
        if (grant is null)
        {
            throw new AnswerException(form["refresh_token"].Length == 0
                ? OAuthAnswers.InvalidRequest("Missing required parameter: refresh_token")
                : OAuthAnswers.InvalidGrant("Bad Request"));
        }

        if (grant.ClientId != client.Id)
        {
            throw new AnswerException(identities.FindClient(grant.ClientId) is { Deleted: true } ? OAuthAnswers.DeletedClient() : OAuthAnswers.UnauthorizedClient());
        }

        if (!grant.IsAlive(now))
        {
            throw new AnswerException(OAuthAnswers.ExpiredOrRevoked());
        }

        if (grant.ReauthenticationNeeded)
        {
            throw new AnswerException(OAuthAnswers.InvalidRapt());
        }

        var scopes = form["scope"].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (scopes.Except(grant.Scopes).Any())
        {
            throw new AnswerException(OAuthAnswers.Error(400, "invalid_scope", "Some requested scopes were invalid."));
        }

        grant.LastUsed = now;
        return Describe(identities.Issue(grant, scopes.Length > 0 ? scopes : null), grant, client, withRefreshToken: false);
    }

    private JsonObject Exchange(Dictionary<string, string> form)
    {
        var client = Client(form, needsSecret: true);
        var (grant, withRefreshToken) = consent.Redeem(form["code"], client, form["redirect_uri"], form["code_verifier"]);
        return Describe(identities.Issue(grant), grant, client, withRefreshToken);
    }

    private JsonObject Device(Dictionary<string, string> form)
    {
        var client = Client(form, needsSecret: true);
        if (!_devices.TryGetValue(form["device_code"], out var device) || device.Client.Id != client.Id)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("Malformed auth code."));
        }

        if (time.GetUtcNow() > device.Expires)
        {
            throw new AnswerException(OAuthAnswers.Error(400, "expired_token", "The device code has expired."));
        }

        if (device.ApprovedBy is not { } user)
        {
            throw new AnswerException(OAuthAnswers.Error(428, "authorization_pending", "Precondition Required"));
        }

        _devices.TryRemove(device.Code, out _);
        var grant = identities.Grant(user, client, device.Scopes);
        return Describe(identities.Issue(grant), grant, client, withRefreshToken: true);
    }

    private JsonObject Assertion(Dictionary<string, string> form)
    {
        var jwt = Jwt.Parse(form["assertion"]) ?? throw new AnswerException(OAuthAnswers.InvalidGrant("Bad Request"));
        var account = identities.FindServiceAccount(jwt.Claim("iss") ?? "") ?? throw new AnswerException(OAuthAnswers.InvalidGrant("Invalid grant: account not found"));
        if (account.KeyRevoked || !jwt.IsSignedBy(account.PublicKey))
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("Invalid JWT Signature."));
        }

        var now = time.GetUtcNow();
        if (jwt.Time("iat") is not { } issued || jwt.Time("exp") is not { } expires || expires - issued > TimeSpan.FromHours(1)
            || issued > now + ClockTolerance || expires < now - ClockTolerance || expires <= issued)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."));
        }

        if (!jwt.Audiences.Any(audience => audience.Contains($"{GoogleHosts.OAuth}/token", StringComparison.Ordinal) || audience.EndsWith("/oauth2/v4/token", StringComparison.Ordinal)))
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant("Invalid JWT: Failed audience check."));
        }

        if (jwt.Claim("sub") is { } acting && acting != account.Email)
        {
            // Acting as a person needs domain-wide delegation, which no project has and no product should ask for.
            throw new AnswerException(OAuthAnswers.UnauthorizedClient());
        }

        var scopes = (jwt.Claim("scope") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (scopes.Length == 0)
        {
            throw new AnswerException(OAuthAnswers.Error(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
        }

        var token = identities.Issue(account, scopes);
        return new JsonObject { ["access_token"] = token.Value, ["expires_in"] = 3599, ["token_type"] = "Bearer" };
    }

    private JsonObject Describe(AccessToken token, RefreshGrant grant, OAuthClient client, bool withRefreshToken)
    {
        var answer = new JsonObject
        {
            ["access_token"] = token.Value,
            ["expires_in"] = (int)IdentityStore.AccessTokenLifetime.TotalSeconds,
            ["scope"] = string.Join(' ', token.Scopes),
            ["token_type"] = "Bearer",
        };
        if (withRefreshToken)
        {
            answer["refresh_token"] = grant.Token;
        }

        if (client.TellsExpiry && grant.Expires is { } end)
        {
            answer["refresh_token_expires_in"] = (long)(end - time.GetUtcNow()).TotalSeconds;
        }

        if (token.Scopes.Contains("openid"))
        {
            answer["id_token"] = IdToken(grant, client);
        }

        return answer;
    }

    private string IdToken(RefreshGrant grant, OAuthClient client)
    {
        var now = time.GetUtcNow();
        var claims = new JsonObject
        {
            ["iss"] = "https://accounts.google.com",
            ["azp"] = client.Id,
            ["aud"] = client.Id,
            ["sub"] = grant.User.Subject,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddHours(1).ToUnixTimeSeconds(),
        };
        if (grant.Scopes.Contains("email") || grant.Scopes.Contains(Scopes.UserInfoEmail))
        {
            claims["email"] = grant.User.Email;
            claims["email_verified"] = true;
        }

        return Jwt.Sign(identities.IdTokenKey, "emulator-1", claims);
    }

    private OAuthClient Client(Dictionary<string, string> form, bool needsSecret)
    {
        var client = identities.FindClient(form["client_id"]) ?? throw new AnswerException(OAuthAnswers.UnknownClient());
        if (client.Deleted)
        {
            throw new AnswerException(OAuthAnswers.DeletedClient());
        }

        // an adopted client has its own id and a secret that nobody knows
        if (needsSecret && client.Id == form["client_id"] && form["client_secret"] != client.Secret && !identities.AdoptsUnknown)
        {
            throw new AnswerException(form["client_secret"].Length == 0 ? OAuthAnswers.InvalidRequest("client_secret is missing.") : OAuthAnswers.WrongSecret());
        }

        return client;
    }

    private static bool IsForDevices(string scope) => scope is "openid" or "email" or "profile" or Scopes.DriveFile or "https://www.googleapis.com/auth/drive.appdata"
        or "https://www.googleapis.com/auth/photosambient.mediaitems" or Scopes.UserInfoEmail or Scopes.UserInfoProfile
        || scope.StartsWith("https://www.googleapis.com/auth/youtube", StringComparison.Ordinal);

    private static async Task<Dictionary<string, string>> FormAsync(GoogleRequest request)
    {
        if (!request.Http.Request.HasFormContentType)
        {
            throw new AnswerException(OAuthAnswers.InvalidRequest("Could not determine client ID from request."));
        }

        var form = await request.Http.Request.ReadFormAsync(request.Aborted);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in form)
        {
            values[name] = value.ToString();
        }

        // OAuth2 libraries may send the client by Basic authentication; Google takes both
        if (request.Header("Authorization") is { } header && header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            var pair = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(header[6..])).Split(':', 2);
            values["client_id"] = Uri.UnescapeDataString(pair[0]);
            values["client_secret"] = Uri.UnescapeDataString(pair[1]);
        }

        foreach (var name in new[] { "grant_type", "client_id", "client_secret", "refresh_token", "scope", "code", "redirect_uri", "code_verifier", "device_code", "assertion" })
        {
            values.TryAdd(name, "");
        }

        return values;
    }

    private sealed record DeviceRequest(string Code, string UserCode, OAuthClient Client, IReadOnlyList<string> Scopes, DateTimeOffset Expires)
    {
        public UserAccount? ApprovedBy { get; set; }
    }
}
