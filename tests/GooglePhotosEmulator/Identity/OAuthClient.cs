namespace GooglePhotosEmulator.Identity;

public enum ClientKind
{
    /// <summary>Redirects to the loopback interface, any port.</summary>
    Desktop,

    Web,
}

/// <summary>An OAuth client of a project. What it uploads is its own: no other client sees it.</summary>
public sealed record OAuthClient(string Id, string Secret)
{
    public string ProjectNumber { get; init; } = "1";

    public ClientKind Kind { get; init; } = ClientKind.Desktop;

    /// <summary>Allowed redirects of a web client.</summary>
    public IReadOnlyList<string> RedirectUris { get; init; } = [];

    /// <summary>A consent screen that is <i>External</i> and in <i>Testing</i>: refresh tokens live 7 days.</summary>
    public bool Testing { get; init; }

    /// <summary>Whether token answers carry <c>refresh_token_expires_in</c> when the grant ends by itself.</summary>
    public bool TellsExpiry { get; init; } = true;

    public bool Deleted { get; init; }

    /// <summary>APIs that are off in the project, by host name, such as <c>drive.googleapis.com</c>.</summary>
    public IReadOnlySet<string> DisabledApis { get; init; } = new HashSet<string>();
}
