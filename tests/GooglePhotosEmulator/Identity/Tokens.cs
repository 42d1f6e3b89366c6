namespace GooglePhotosEmulator.Identity;

/// <summary>What an access token stands for.</summary>
/// <param name="Principal">E-mail address of the person or service account; for a federated identity its subject.</param>
public sealed record AccessToken(string Value, string Principal, string Subject, string ClientId, string Project, IReadOnlySet<string> Scopes, DateTimeOffset Expires)
{
    /// <summary>The grant that it was made from; null for service accounts.</summary>
    public RefreshGrant? Grant { get; init; }

    public bool IsServiceAccount { get; init; }

    public bool Allows(params ReadOnlySpan<string> anyOf)
    {
        foreach (var scope in anyOf)
        {
            if (Scopes.Contains(scope))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A refresh token: a person's consent to a client.</summary>
public sealed class RefreshGrant
{
    internal RefreshGrant(string token, OAuthClient client, UserAccount user, IReadOnlyList<string> scopes, DateTimeOffset created, DateTimeOffset? expires)
    {
        Token = token;
        ClientId = client.Id;
        User = user;
        Scopes = scopes;
        Created = created;
        LastUsed = created;
        Expires = expires;
    }

    public string Token { get; }

    public string ClientId { get; }

    public UserAccount User { get; }

    public IReadOnlyList<string> Scopes { get; }

    public DateTimeOffset Created { get; }

    public DateTimeOffset LastUsed { get; internal set; }

    /// <summary>When the grant ends by itself; null when it does not.</summary>
    public DateTimeOffset? Expires { get; set; }

    /// <summary>The person took the consent back, or more than 100 younger tokens pushed this one out.</summary>
    public bool Revoked { get; set; }

    /// <summary>A session policy of the organisation asks for a new sign-in (<c>invalid_rapt</c>).</summary>
    public bool ReauthenticationNeeded { get; set; }

    internal bool IsAlive(DateTimeOffset now) => !Revoked && now < (Expires ?? DateTimeOffset.MaxValue) && now < LastUsed.AddMonths(6);
}
