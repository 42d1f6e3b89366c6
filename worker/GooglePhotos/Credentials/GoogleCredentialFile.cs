using System.Text.Json;

namespace GooglePhotos.Credentials;

public enum CredentialProblem
{
    /// <summary>No JSON, or without what it needs.</summary>
    Malformed,

    /// <summary>A kind of credential that this cannot be done with.</summary>
    WrongKind,

    /// <summary>The grant ends too soon to be left alone with.</summary>
    ShortLived,

    /// <summary>The account behind it cannot be told.</summary>
    NoAddress,
}

public sealed class GoogleCredentialException(CredentialProblem problem, string message, Exception? cause = null) : Exception(message, cause)
{
    public CredentialProblem Problem { get; } = problem;
}

/// <summary>
/// A credential as a mounted Secret holds it: one of the JSON files that every library of Google's reads. Members that hold secrets are never printed.
/// </summary>
public abstract record GoogleCredentialFile
{
    /// <summary>The key of the Secret.</summary>
    public const string Key = "credentials.json";

    /// <summary>For people: what kind it is and whose, without a secret.</summary>
    public abstract string Description { get; }

    /// <exception cref="GoogleCredentialException"/>
    public static GoogleCredentialFile Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Malformed("is no JSON object");
            }

            return Text(root, "type") switch
            {
                "authorized_user" => new AuthorizedUserFile(Need(root, "client_id"), new(Need(root, "client_secret")), new(Need(root, "refresh_token")))
                {
                    TokenUri = Text(root, "token_uri"),
                    Account = Text(root, "account"),
                    Scopes = Text(root, "scopes")?.Split(' ', StringSplitOptions.RemoveEmptyEntries),
                    Issued = Time(root, "issued"),
                    Expires = Time(root, "expires"),
                },
                "service_account" => new ServiceAccountFile(Need(root, "client_email"), new(Need(root, "private_key")))
                {
                    TokenUri = Text(root, "token_uri"),
                    PrivateKeyId = Text(root, "private_key_id"),
                },
                "external_account" => External(root),
                { } other => throw new GoogleCredentialException(
                    CredentialProblem.WrongKind, $"The credential is of the type '{other}'; authorized_user, service_account and external_account can be used."),
                null when root.TryGetProperty("installed", out _) || root.TryGetProperty("web", out _) => throw new GoogleCredentialException(
                    CredentialProblem.WrongKind, "This is the file of an OAuth client, not of a sign-in: give it to kloset login --client."),
                null => throw Malformed("has no member 'type'"),
            };
        }
        catch (JsonException)
        {
            // The reader's own words quote the text, which is secret.
            throw Malformed("is no JSON");
        }
    }

    private static ExternalAccountFile External(JsonElement root)
    {
        var source = root.TryGetProperty("credential_source", out var found) ? found : default;
        if (Text(source, "file") is not { } file)
        {
            throw new GoogleCredentialException(CredentialProblem.WrongKind, "Of workload identity only tokens from a file are taken (credential_source.file).");
        }

        var format = source.TryGetProperty("format", out var described) ? described : default;
        return new(Need(root, "audience"), Text(root, "subject_token_type") ?? "urn:ietf:params:oauth:token-type:jwt", file)
        {
            TokenUri = Text(root, "token_url"),
            ImpersonationUrl = Text(root, "service_account_impersonation_url"),
            FieldName = Text(format, "type") == "json" ? Text(format, "subject_token_field_name") ?? "access_token" : null,
        };
    }

    private static string Need(JsonElement root, string name) => Text(root, name) ?? throw Malformed($"has no member '{name}'");

    private static GoogleCredentialException Malformed(string what) => new(CredentialProblem.Malformed, $"The credential {what}.");

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static DateTimeOffset? Time(JsonElement element, string name) =>
        DateTimeOffset.TryParse(Text(element, name), System.Globalization.CultureInfo.InvariantCulture, out var time) ? time : null;
}

/// <summary>A text that cannot print itself.</summary>
public sealed class SecretText(string text)
{
    /// <summary>For the one place that needs it.</summary>
    public string Reveal() => text;

    public override string ToString() => "(secret)";
}

/// <summary>The sign-in of a person.</summary>
public sealed record AuthorizedUserFile(string ClientId, SecretText ClientSecret, SecretText RefreshToken) : GoogleCredentialFile
{
    public string? TokenUri { get; init; }

    /// <summary>For display only; what counts is what Google says.</summary>
    public string? Account { get; init; }

    public IReadOnlyList<string>? Scopes { get; init; }

    public DateTimeOffset? Issued { get; init; }

    /// <summary>When the grant ends by itself; written by `kloset login` when Google said so.</summary>
    public DateTimeOffset? Expires { get; init; }

    public override string Description => Account is null ? "a person's sign-in" : $"the sign-in of {Account}";
}

/// <summary>A service account with its key.</summary>
public sealed record ServiceAccountFile(string Email, SecretText PrivateKey) : GoogleCredentialFile
{
    public string? TokenUri { get; init; }

    public string? PrivateKeyId { get; init; }

    public override string Description => $"the service account {Email}";
}

/// <summary>Workload identity federation: the pod's own token is exchanged, no secret is kept.</summary>
public sealed record ExternalAccountFile(string Audience, string SubjectTokenType, string TokenFile) : GoogleCredentialFile
{
    public string? TokenUri { get; init; }

    public string? ImpersonationUrl { get; init; }

    /// <summary>The member of a JSON file that holds the token; null when the file is the token.</summary>
    public string? FieldName { get; init; }

    /// <summary>The service account as which the workload acts.</summary>
    public string? ServiceAccount => ImpersonationUrl is { } url && url.LastIndexOf('/') is var slash and > 0 && url.EndsWith(":generateAccessToken", StringComparison.Ordinal)
        ? url[(slash + 1)..^":generateAccessToken".Length]
        : null;

    public override string Description => ServiceAccount is { } account ? $"workload identity as {account}" : "workload identity";
}
