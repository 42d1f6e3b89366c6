using System.Buffers.Text;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Identity;

/// <summary>Routes of the hosts that know who is who.</summary>
internal sealed class IdentityService(IdentityStore identities, Consent consent, TokenEndpoint tokens, FederationEndpoint federation, TimeProvider time) : IGoogleService
{
    public ApiMethod? Resolve(GoogleRequest request) => (request.Host, request.Segments) switch
    {
        (GoogleHosts.OAuth or GoogleHosts.Accounts or GoogleHosts.GoogleApis, ["token"] or ["o", "oauth2", "token"] or ["oauth2", "v3" or "v4", "token"])
            => new("oauth2.token", tokens.TokenAsync),
        (GoogleHosts.OAuth or GoogleHosts.Accounts, ["revoke"] or ["o", "oauth2", "revoke"]) => new("oauth2.revoke", tokens.RevokeAsync),
        (GoogleHosts.OAuth, ["device", "code"]) => new("oauth2.device", tokens.DeviceCodeAsync),
        (GoogleHosts.Accounts, ["o", "oauth2", "v2", "auth"] or ["o", "oauth2", "auth"]) => new("oauth2.auth", consent.AuthorizeAsync),
        (GoogleHosts.Accounts, [".well-known", "openid-configuration"]) => new("oauth2.configuration", request => request.WriteAsync(Configuration())),
        (GoogleHosts.OAuth, ["tokeninfo"]) or (GoogleHosts.GoogleApis, ["oauth2", "v1" or "v2" or "v3", "tokeninfo"]) => new("oauth2.tokeninfo", TokenInfoAsync),
        (GoogleHosts.OpenId, ["v1", "userinfo"]) or (GoogleHosts.GoogleApis, ["oauth2", "v1" or "v2" or "v3", "userinfo"]) => new("oauth2.userinfo", UserInfoAsync),
        (GoogleHosts.GoogleApis, ["oauth2", "v3", "certs"]) => new("oauth2.certs", request => request.WriteAsync(Certificates())),
        (GoogleHosts.Sts, ["v1", "token"]) => new("sts.token", federation.ExchangeAsync),
        (GoogleHosts.IamCredentials, ["v1", "projects", _, "serviceAccounts", var account]) when account.EndsWith(":generateAccessToken", StringComparison.Ordinal)
            => new("iamcredentials.generateAccessToken", federation.GenerateAccessTokenAsync, account[..^":generateAccessToken".Length]),
        _ => null,
    };

    private async Task TokenInfoAsync(GoogleRequest request)
    {
        var value = request.Query("access_token") ?? (request.Http.Request.HasFormContentType ? (await request.Http.Request.ReadFormAsync(request.Aborted))["access_token"].ToString() : "");
        var token = identities.FindAccessToken(value) ?? throw new AnswerException(OAuthAnswers.Error(400, "invalid_token", "Invalid Value"));
        var info = new JsonObject
        {
            ["azp"] = token.ClientId,
            ["aud"] = token.ClientId,
            ["sub"] = token.Subject,
            ["scope"] = string.Join(' ', token.Scopes),
            ["exp"] = token.Expires.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["expires_in"] = ((long)(token.Expires - time.GetUtcNow()).TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        if (token.Allows("email", Scopes.UserInfoEmail))
        {
            info["email"] = token.Principal;
            info["email_verified"] = "true";
        }

        info["access_type"] = token.IsServiceAccount ? "online" : "offline";
        await request.WriteAsync(info);
    }

    private async Task UserInfoAsync(GoogleRequest request)
    {
        var token = request.Token ?? throw new AnswerException(PhotosAnswers.Unauthenticated());
        if (!token.Allows("openid", "email", "profile", Scopes.UserInfoEmail, Scopes.UserInfoProfile))
        {
            throw new AnswerException(PhotosAnswers.Unauthenticated());
        }

        var info = new JsonObject { ["sub"] = token.Subject };
        if (token.Allows("profile", Scopes.UserInfoProfile))
        {
            var name = identities.FindUser(token.Principal)?.DisplayName ?? token.Principal;
            info["name"] = name;
            info["given_name"] = name;
            info["picture"] = "https://lh3.googleusercontent.com/a/default-user";
        }

        if (token.Allows("email", Scopes.UserInfoEmail))
        {
            info["email"] = token.Principal;
            info["email_verified"] = true;
        }

        await request.WriteAsync(info);
    }

    private JsonObject Certificates()
    {
        var key = identities.IdTokenKey.ExportParameters(false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA",
                ["alg"] = "RS256",
                ["use"] = "sig",
                ["kid"] = "emulator-1",
                ["n"] = Base64Url.EncodeToString(key.Modulus),
                ["e"] = Base64Url.EncodeToString(key.Exponent),
            }),
        };
    }

    private static JsonObject Configuration() => new()
    {
        ["issuer"] = "https://accounts.google.com",
        ["authorization_endpoint"] = "https://accounts.google.com/o/oauth2/v2/auth",
        ["device_authorization_endpoint"] = "https://oauth2.googleapis.com/device/code",
        ["token_endpoint"] = "https://oauth2.googleapis.com/token",
        ["userinfo_endpoint"] = "https://openidconnect.googleapis.com/v1/userinfo",
        ["revocation_endpoint"] = "https://oauth2.googleapis.com/revoke",
        ["jwks_uri"] = "https://www.googleapis.com/oauth2/v3/certs",
        ["response_types_supported"] = new JsonArray("code"),
        ["code_challenge_methods_supported"] = new JsonArray("plain", "S256"),
    };
}
