using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Identity;

/// <summary>An account of a program. Photos does not know it; in Drive it sees what was shared with its address.</summary>
public sealed class ServiceAccount : IDisposable
{
    private readonly RSA _key = RSA.Create(2048);

    internal ServiceAccount(string email, string uniqueId, string project, string keyId)
    {
        Email = email;
        UniqueId = uniqueId;
        Project = project;
        KeyId = keyId;
    }

    public string Email { get; }

    public string UniqueId { get; }

    public string Project { get; }

    public string KeyId { get; }

    public bool Deleted { get; set; }

    /// <summary>The key was taken away: signatures are no longer accepted.</summary>
    public bool KeyRevoked { get; set; }

    /// <summary>Federated identities that may act as this account, such as <c>system:serviceaccount:photos:worker</c>.</summary>
    public ISet<string> WorkloadIdentityUsers { get; } = new HashSet<string>(StringComparer.Ordinal);

    internal RSA PublicKey => _key;

    /// <summary>The key file that Google's libraries read (<c>"type":"service_account"</c>).</summary>
    public string ToJson(string tokenUri) => new JsonObject
    {
        ["type"] = "service_account",
        ["project_id"] = Project,
        ["private_key_id"] = KeyId,
        ["private_key"] = _key.ExportPkcs8PrivateKeyPem() + "\n",
        ["client_email"] = Email,
        ["client_id"] = UniqueId,
        ["auth_uri"] = "https://accounts.google.com/o/oauth2/auth",
        ["token_uri"] = tokenUri,
        ["auth_provider_x509_cert_url"] = "https://www.googleapis.com/oauth2/v1/certs",
        ["universe_domain"] = "googleapis.com",
    }.ToJsonString();

    public void Dispose() => _key.Dispose();
}
