using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Identity;

/// <summary>Clients, people, service accounts and their tokens.</summary>
public sealed class IdentityStore : IDisposable
{
    /// <summary>More live refresh tokens of one account and client push the oldest out, silently.</summary>
    internal const int TokensPerAccountAndClient = 100;

    internal static readonly TimeSpan AccessTokenLifetime = TimeSpan.FromSeconds(3599);

    private readonly TimeProvider _time;
    private readonly bool _adoptUnknown;
    private readonly ConcurrentDictionary<string, OAuthClient> _clients = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, UserAccount> _users = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, ServiceAccount> _serviceAccounts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, AccessToken> _accessTokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RefreshGrant> _grants = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WorkloadIdentityProvider> _providers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Func<string, PhotoLibrary> _newLibrary;

    internal IdentityStore(TimeProvider time, TokenMint mint, bool adoptUnknown, Func<string, PhotoLibrary> newLibrary)
    {
        _time = time;
        Mint = mint;
        _adoptUnknown = adoptUnknown;
        _newLibrary = newLibrary;
    }

    public IEnumerable<UserAccount> Users => _users.Values;

    public IEnumerable<RefreshGrant> Grants => _grants.Values;

    /// <summary>Whom a consent without <c>login_hint</c> is for, and whom unknown tokens are taken for in open mode.</summary>
    public UserAccount? SignedIn { get; set; }

    /// <summary>Which client an unknown client counts as in open mode.</summary>
    public OAuthClient? DefaultClient { get; set; }

    internal TokenMint Mint { get; }

    internal RSA IdTokenKey { get; } = RSA.Create(2048);

    public OAuthClient Add(OAuthClient client)
    {
        _clients[client.Id] = client;
        DefaultClient ??= client;
        return client;
    }

    public OAuthClient AddClient(string name = "client", bool testing = false, string projectNumber = "1") =>
        Add(new OAuthClient($"{name}.apps.googleusercontent.com", "GOCSPX-" + Mint.Opaque("secret", name, 28)) { Testing = testing, ProjectNumber = projectNumber });

    public UserAccount AddUser(string email)
    {
        var user = new UserAccount(email, Mint.Subject(email), _newLibrary(email));
        if (!_users.TryAdd(email, user))
        {
            throw new ArgumentException($"{email} is there already.", nameof(email));
        }

        SignedIn ??= user;
        return user;
    }

    public ServiceAccount AddServiceAccount(string name, string project = "project-1")
    {
        var email = $"{name}@{project}.iam.gserviceaccount.com";
        var account = new ServiceAccount(email, Mint.Subject(email), project, Mint.Opaque("key", email, 40));
        _serviceAccounts[email] = account;
        return account;
    }

    public WorkloadIdentityProvider AddWorkloadIdentityProvider(string pool = "pool", string provider = "cluster", string project = "123")
    {
        var added = new WorkloadIdentityProvider($"//iam.googleapis.com/projects/{project}/locations/global/workloadIdentityPools/{pool}/providers/{provider}", _time);
        _providers[added.Audience] = added;
        return added;
    }

    /// <summary>A consent as if the person had clicked it.</summary>
    public RefreshGrant Grant(UserAccount user, OAuthClient client, params IEnumerable<string> scopes)
    {
        var now = _time.GetUtcNow();
        var grant = new RefreshGrant(Mint.RefreshToken(), client, user, [.. scopes], now, client.Testing ? now.AddDays(7) : null);
        lock (_gate)
        {
            _grants[grant.Token] = grant;
            var alive = _grants.Values.Where(other => other.User == user && other.ClientId == client.Id && other.IsAlive(now)).OrderBy(other => other.Created).ToArray();
            foreach (var oldest in alive.Where(other => other != grant).Take(Math.Max(0, alive.Length - TokensPerAccountAndClient)))
            {
                oldest.Revoked = true;
            }
        }

        return grant;
    }

    /// <summary>The <c>authorized_user</c> JSON that Google's libraries read.</summary>
    public string AuthorizedUserJson(RefreshGrant grant, string tokenUri) => new JsonObject
    {
        ["type"] = "authorized_user",
        ["client_id"] = grant.ClientId,
        ["client_secret"] = FindClient(grant.ClientId)!.Secret,
        ["refresh_token"] = grant.Token,
        ["token_uri"] = tokenUri,
        ["scopes"] = new JsonArray([.. grant.Scopes.Select(scope => (JsonNode)scope)]),
        ["account"] = grant.User.Email,
    }.ToJsonString();

    /// <summary>An access token without the way over the token endpoint.</summary>
    public AccessToken Issue(RefreshGrant grant, IEnumerable<string>? scopes = null)
    {
        var client = FindClient(grant.ClientId)!;
        return Keep(new AccessToken(Mint.AccessToken(), grant.User.Email, grant.User.Subject, client.Id, client.ProjectNumber,
            (scopes ?? grant.Scopes).ToHashSet(StringComparer.Ordinal), _time.GetUtcNow() + AccessTokenLifetime)
        {
            Grant = grant,
        });
    }

    public AccessToken Issue(ServiceAccount account, IEnumerable<string> scopes, TimeSpan? lifetime = null) =>
        Keep(new AccessToken(Mint.AccessToken(), account.Email, account.UniqueId, account.UniqueId, account.Project, scopes.ToHashSet(StringComparer.Ordinal),
            _time.GetUtcNow() + (lifetime ?? AccessTokenLifetime))
        {
            IsServiceAccount = true,
        });

    public UserAccount? FindUser(string email) => _users.GetValueOrDefault(email);

    public OAuthClient? FindClient(string id) => _clients.GetValueOrDefault(id) ?? (_adoptUnknown ? DefaultClient : null);

    internal AccessToken Keep(AccessToken token)
    {
        _accessTokens[token.Value] = token;
        return token;
    }

    internal bool AdoptsUnknown => _adoptUnknown;

    internal ServiceAccount? FindServiceAccount(string email) => _serviceAccounts.GetValueOrDefault(email) is { Deleted: false } found ? found : null;

    internal ServiceAccount? FindServiceAccountById(string uniqueId) => _serviceAccounts.Values.FirstOrDefault(account => account.UniqueId == uniqueId && !account.Deleted);

    internal WorkloadIdentityProvider? FindProvider(string audience) => _providers.GetValueOrDefault(audience);

    internal RefreshGrant? FindGrant(string token)
    {
        if (_grants.TryGetValue(token, out var found))
        {
            return found;
        }

        if (!_adoptUnknown || token.Length == 0 || SignedIn is null || DefaultClient is null)
        {
            return null;
        }

        var now = _time.GetUtcNow();
        return _grants.GetOrAdd(token, key => new RefreshGrant(key, DefaultClient, SignedIn, Scopes.Everything, now, null));
    }

    /// <summary>The live access token that a header <c>Authorization</c> carries.</summary>
    internal AccessToken? FromHeader(string? header)
    {
        if (header is null || !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return FindAccessToken(header["Bearer ".Length..].Trim());
    }

    internal AccessToken? FindAccessToken(string value)
    {
        var now = _time.GetUtcNow();
        if (_accessTokens.TryGetValue(value, out var token))
        {
            var grantEnded = token.Grant is { Revoked: true };
            var accountGone = token.IsServiceAccount && token.Principal.Contains('@') && FindServiceAccount(token.Principal) is null;
            return now < token.Expires && !grantEnded && !accountGone ? token : null;
        }

        if (value.Count(c => c == '.') == 2 && Jwt.Parse(value) is { } jwt)
        {
            return SelfSigned(jwt, value, now);
        }

        return _adoptUnknown && value.Length > 0 && SignedIn is { } user && DefaultClient is { } client
            ? new AccessToken(value, user.Email, user.Subject, client.Id, client.ProjectNumber, Scopes.Everything.ToHashSet(StringComparer.Ordinal), now + AccessTokenLifetime)
            : null;
    }

    /// <summary>Forgets a refresh or access token, and with an access token its grant.</summary>
    internal bool Revoke(string token)
    {
        var grant = _grants.GetValueOrDefault(token) ?? _accessTokens.GetValueOrDefault(token)?.Grant;
        if (grant is null || grant.Revoked)
        {
            return false;
        }

        grant.Revoked = true;
        return true;
    }

    public void Dispose()
    {
        IdTokenKey.Dispose();
        foreach (var account in _serviceAccounts.Values)
        {
            account.Dispose();
        }

        foreach (var provider in _providers.Values)
        {
            provider.Dispose();
        }
    }

    /// <summary>A service account may present a token that it signed itself, with scopes, in place of an access token.</summary>
    private AccessToken? SelfSigned(Jwt jwt, string value, DateTimeOffset now) =>
        jwt.Claim("iss") is { } issuer && FindServiceAccount(issuer) is { KeyRevoked: false } account && jwt.IsSignedBy(account.PublicKey)
        && jwt.Time("exp") is { } expires && expires > now
            ? new AccessToken(value, account.Email, account.UniqueId, account.UniqueId, account.Project,
                (jwt.Claim("scope") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.Ordinal), expires)
            {
                IsServiceAccount = true,
            }
            : null;
}
