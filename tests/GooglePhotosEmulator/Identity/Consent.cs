using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;

namespace GooglePhotosEmulator.Identity;

public enum ConsentMode
{
    /// <summary>Every question is answered with yes, without a page.</summary>
    Allow,

    Deny,

    /// <summary>A page with two buttons.</summary>
    Ask,
}

/// <summary><c>accounts.google.com</c>: a person is asked whether a client may, and the client gets a code.</summary>
public sealed class Consent
{
    private readonly IdentityStore _identities;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, PendingCode> _codes = new(StringComparer.Ordinal);

    internal Consent(IdentityStore identities, TimeProvider time)
    {
        _identities = identities;
        _time = time;
    }

    public ConsentMode Mode { get; set; } = ConsentMode.Allow;

    /// <summary>The boxes that the person ticks; null ticks all that is asked for.</summary>
    public IReadOnlySet<string>? TickedScopes { get; set; }

    /// <summary>
    /// The person did not tick ongoing access: the grant ends by itself after this time (180 days were seen).
    /// </summary>
    public TimeSpan? LimitedTo { get; set; }

    internal async Task AuthorizeAsync(GoogleRequest request)
    {
        var clientId = request.Query("client_id") ?? "";
        var redirect = request.Query("redirect_uri") ?? "";
        if (_identities.FindClient(clientId) is not { } client)
        {
            await PageAsync(request, 401, "Error 401: invalid_client", "The OAuth client was not found.");
            return;
        }

        if (client.Deleted)
        {
            await PageAsync(request, 401, "Error 401: deleted_client", "The OAuth client was deleted.");
            return;
        }

        if (!IsAllowed(client, redirect))
        {
            await PageAsync(request, 400, "Error 400: redirect_uri_mismatch", $"The redirect URI in the request, {redirect}, does not match the ones authorized for the OAuth client.");
            return;
        }

        if (request.Query("response_type") != "code" || string.IsNullOrEmpty(request.Query("scope")))
        {
            await PageAsync(request, 400, "Error 400: invalid_request", "Required parameter is missing: response_type or scope");
            return;
        }

        var user = request.Query("login_hint") is { Length: > 0 } hint ? _identities.FindUser(hint) : _identities.SignedIn;
        var decision = request.Query("emulator_decision");
        if (Mode == ConsentMode.Ask && decision is null)
        {
            await AskAsync(request, client, user);
            return;
        }

        if (user is null || Mode == ConsentMode.Deny || decision == "deny")
        {
            Redirect(request, redirect, "error=access_denied");
            return;
        }

        var scopes = GrantedScopes(request.Query("scope")!.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var offline = request.Query("access_type") == "offline";
        var again = (request.Query("prompt") ?? "").Split(' ').Contains("consent") || request.Query("approval_prompt") == "force";
        // a client that is only taken for the default one has not been here before
        var known = client.Id == clientId && _identities.Grants.Any(grant => grant.User == user && grant.ClientId == client.Id && grant.IsAlive(_time.GetUtcNow()));
        var code = _identities.Mint.Code();
        _codes[code] = new PendingCode(client.Id, user, scopes, redirect, request.Query("code_challenge"), request.Query("code_challenge_method") ?? "plain",
            offline && (again || !known), _time.GetUtcNow().AddMinutes(10));
        Redirect(request, redirect, $"code={Uri.EscapeDataString(code)}&scope={Uri.EscapeDataString(string.Join(' ', scopes))}");
    }

    internal (RefreshGrant Grant, bool WithRefreshToken) Redeem(string code, OAuthClient client, string redirect, string verifier)
    {
        // a code is good for one try
        if (!_codes.TryRemove(code, out var pending) || pending.ClientId != client.Id || _time.GetUtcNow() > pending.Expires)
        {
            throw new AnswerException(OAuthAnswers.InvalidGrant(pending is null ? "Malformed auth code." : "Bad Request"));
        }

        if (pending.Redirect != redirect)
        {
            throw new AnswerException(OAuthAnswers.Error(400, "redirect_uri_mismatch", "Bad Request"));
        }

        if (pending.Challenge is { Length: > 0 } challenge)
        {
            var computed = pending.ChallengeMethod == "S256" ? Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))) : verifier;
            if (computed != challenge)
            {
                throw new AnswerException(OAuthAnswers.InvalidGrant(verifier.Length == 0 ? "Missing code verifier." : "Invalid code verifier."));
            }
        }

        var grant = _identities.Grant(pending.User, client, pending.Scopes);
        if (LimitedTo is { } limit)
        {
            grant.Expires = _time.GetUtcNow() + limit;
        }

        return (grant, pending.WithRefreshToken);
    }

    private string[] GrantedScopes(string[] asked)
    {
        var granted = asked.Where(scope => TickedScopes is null || TickedScopes.Contains(scope) || scope is "openid" or "email" or "profile");
        if (_identities.AdoptsUnknown)
        {
            // a program of before 2025 asks for scopes that no longer give anything; in open mode it gets what has replaced them
            granted = granted.SelectMany(scope => Scopes.Dead.TryGetValue(scope, out var living) ? living : [scope]);
        }

        return [.. granted.Distinct()];
    }

    private static bool IsAllowed(OAuthClient client, string redirect) =>
        client.Kind == ClientKind.Web
            ? client.RedirectUris.Contains(redirect)
            : Uri.TryCreate(redirect, UriKind.Absolute, out var uri) && uri.Scheme == "http" && uri.IsLoopback;

    private static void Redirect(GoogleRequest request, string redirect, string result)
    {
        var state = request.Query("state") is { } given ? $"&state={Uri.EscapeDataString(given)}" : "";
        request.Http.Response.Redirect($"{redirect}{(redirect.Contains('?') ? '&' : '?')}{result}{state}");
    }

    private static async Task AskAsync(GoogleRequest request, OAuthClient client, UserAccount? user)
    {
        var hidden = string.Concat(request.Http.Request.Query.Select(pair => $"<input type=hidden name=\"{WebUtility.HtmlEncode(pair.Key)}\" value=\"{WebUtility.HtmlEncode(pair.Value.ToString())}\">"));
        var scopes = string.Concat((request.Query("scope") ?? "").Split(' ').Select(scope => $"<li>{WebUtility.HtmlEncode(scope)}</li>"));
        await HtmlAsync(request, 200, $"""
            <!doctype html><title>Sign in - Google Accounts</title>
            <h1>{WebUtility.HtmlEncode(client.Id)} wants access to your Google Account</h1><p>{WebUtility.HtmlEncode(user?.Email ?? "nobody")}</p><ul>{scopes}</ul>
            <form method=get>{hidden}<button name=emulator_decision value=allow>Continue</button> <button name=emulator_decision value=deny>Cancel</button></form>
            """);
    }

    private static Task PageAsync(GoogleRequest request, int status, string title, string text) =>
        HtmlAsync(request, status, $"<!doctype html><title>{WebUtility.HtmlEncode(title)}</title><h1>Access blocked</h1><p>{WebUtility.HtmlEncode(title)}</p><p>{WebUtility.HtmlEncode(text)}</p>");

    private static Task HtmlAsync(GoogleRequest request, int status, string html) =>
        request.WriteAsync(new Answer(status, html) { ContentType = "text/html; charset=utf-8" });

    private sealed record PendingCode(string ClientId, UserAccount User, IReadOnlyList<string> Scopes, string Redirect, string? Challenge, string ChallengeMethod,
        bool WithRefreshToken, DateTimeOffset Expires);
}
