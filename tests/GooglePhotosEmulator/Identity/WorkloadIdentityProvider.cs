using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Identity;

/// <summary>A cluster whose pod tokens Google accepts, with the cluster's own signing key.</summary>
public sealed class WorkloadIdentityProvider : IDisposable
{
    private readonly RSA _key = RSA.Create(2048);
    private readonly TimeProvider _time;

    internal WorkloadIdentityProvider(string audience, TimeProvider time)
    {
        Audience = audience;
        _time = time;
    }

    /// <summary><c>//iam.googleapis.com/projects/…/providers/…</c>: what the credential file names.</summary>
    public string Audience { get; }

    public string Issuer { get; init; } = "https://kubernetes.default.svc";

    internal RSA PublicKey => _key;

    /// <summary>A projected pod token as the kubelet writes it.</summary>
    /// <param name="subject">Such as <c>system:serviceaccount:photos:worker</c>.</param>
    public string PodToken(string subject, string? audience = null, TimeSpan? lifetime = null)
    {
        var now = _time.GetUtcNow();
        return Jwt.Sign(_key, "cluster-1", new JsonObject
        {
            ["aud"] = new JsonArray(audience ?? "https:" + Audience),
            ["iss"] = Issuer,
            ["sub"] = subject,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + (lifetime ?? TimeSpan.FromHours(1))).ToUnixTimeSeconds(),
        });
    }

    /// <summary>The <c>external_account</c> file that a pod mounts; it holds no secret.</summary>
    /// <param name="urlOf">URL of a Google host as the client reaches it.</param>
    public string ToJson(string tokenFile, ServiceAccount actAs, Func<string, string> urlOf) => new JsonObject
    {
        ["type"] = "external_account",
        ["universe_domain"] = "googleapis.com",
        ["audience"] = Audience,
        ["subject_token_type"] = "urn:ietf:params:oauth:token-type:jwt",
        ["token_url"] = urlOf(Http.GoogleHosts.Sts) + "/v1/token",
        ["service_account_impersonation_url"] = urlOf(Http.GoogleHosts.IamCredentials) + $"/v1/projects/-/serviceAccounts/{actAs.Email}:generateAccessToken",
        ["credential_source"] = new JsonObject { ["file"] = tokenFile, ["format"] = new JsonObject { ["type"] = "text" } },
    }.ToJsonString();

    public void Dispose() => _key.Dispose();
}
