using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Google.Apis.Auth.OAuth2.Flows;
using Google.Apis.Http;
using Google.Apis.Util.Store;
using GooglePhotos.Services;

namespace GooglePhotos.Credentials;

/// <summary>The OAuth client that somebody made in the Google Cloud console.</summary>
public sealed record OAuthClient(string Id, SecretText Secret)
{
    /// <summary>From the file that the console hands out.</summary>
    /// <exception cref="GoogleCredentialException"/>
    public static OAuthClient Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.TryGetProperty("installed", out var client)
                && client.TryGetProperty("client_id", out var id) && client.TryGetProperty("client_secret", out var secret))
            {
                return new(id.GetString()!, new(secret.GetString()!));
            }

            throw new GoogleCredentialException(CredentialProblem.WrongKind, document.RootElement.TryGetProperty("web", out _)
                ? "The OAuth client is one of a web site; make one of the type 'Desktop app'."
                : "The file is not that of an OAuth client.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new GoogleCredentialException(CredentialProblem.Malformed, "The file of the OAuth client is no JSON of the right form.");
        }
    }
}

/// <param name="File">The new credential.</param>
/// <param name="Json">The same as `authorized_user` JSON: secret.</param>
/// <param name="Address">Whose account it is.</param>
public sealed record Login(AuthorizedUserFile File, SecretText Json, string Address, IReadOnlyList<string> Scopes, DateTimeOffset Issued, DateTimeOffset? Expires)
{
    /// <summary>A grant of a client whose consent screen is in "Testing".</summary>
    public bool IsTestingGrant => Expires is { } expires && expires - Issued < TimeSpan.FromDays(8);
}

/// <summary>
/// Signs a person in with the browser of this machine: Google sends the answer to a port of the loopback interface. PKCE and a random state keep others
/// on the machine from using or planting one.
/// </summary>
public sealed class LoopbackLogin(OAuthClient client, LoginPurpose purpose, TimeProvider time, GoogleEndpoints? endpoints = null, GoogleHttp? http = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly GoogleEndpoints _endpoints = endpoints ?? GoogleEndpoints.Google;

    /// <param name="open">Shows the address of the consent screen to the person.</param>
    /// <param name="hint">The account to begin with.</param>
    /// <exception cref="GoogleCredentialException"/>
    /// <exception cref="GoogleServiceException"/>
    public async Task<Login> RunAsync(Func<Uri, Task> open, string? hint, CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var redirect = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        var observer = new TokenObserver(null);
        using var flow = new PkceGoogleAuthorizationCodeFlow(new FlowAddresses(_endpoints.Authorization, _endpoints.Token)
        {
            ClientSecrets = new() { ClientId = client.Id, ClientSecret = client.Secret.Reveal() },
            Scopes = purpose.Requested,
            DataStore = new NullDataStore(),
            DefaultExponentialBackOffPolicy = ExponentialBackOffPolicy.None,
            HttpClientFactory = (http ?? GoogleHttp.Default).Observed(observer),
            Prompt = "consent",
            LoginHint = hint,
        });
        var request = flow.CreateAuthorizationCodeRequest(redirect, out var verifier);
        request.State = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        await open(request.Build());

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        string code;
        try
        {
            code = await ReceiveAsync(listener, request.State, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new GoogleCredentialException(CredentialProblem.NoAddress, "Nobody signed in within ten minutes.");
        }

        var token = await flow.ExchangeCodeForTokenAsync("kloset", code, verifier, redirect, cancellationToken);
        if (string.IsNullOrEmpty(token.RefreshToken))
        {
            throw new GoogleCredentialException(CredentialProblem.WrongKind, "Google gave no refresh token, so nothing could run without a person.");
        }

        var scopes = observer.Scopes ?? token.Scope?.Split(' ') ?? [];
        if (purpose.Missing(scopes).FirstOrDefault() is { } missing)
        {
            throw new GoogleCredentialException(CredentialProblem.WrongKind, $"The permission {missing} was not given: leave all boxes of the consent screen ticked.");
        }

        var issued = time.GetUtcNow();
        var expires = observer.GrantSeconds is { } seconds ? issued.AddSeconds(seconds) : (DateTimeOffset?)null;
        var file = new AuthorizedUserFile(client.Id, client.Secret, new(token.RefreshToken)) { Scopes = scopes, Issued = issued, Expires = expires };
        var address = await GoogleSignIn.Open(file, [], time, _endpoints, http).AddressAsync(cancellationToken) ?? "";
        file = file with { Account = address };
        return new(file, Serialize(file), address, scopes, issued, expires);
    }

    private static SecretText Serialize(AuthorizedUserFile file)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "authorized_user");
            json.WriteString("client_id", file.ClientId);
            json.WriteString("client_secret", file.ClientSecret.Reveal());
            json.WriteString("refresh_token", file.RefreshToken.Reveal());
            json.WriteString("token_uri", GoogleEndpoints.Google.Token.AbsoluteUri);
            json.WriteString("account", file.Account);
            json.WriteString("scopes", string.Join(' ', file.Scopes ?? []));
            if (file.Issued is { } issued)
            {
                json.WriteString("issued", issued);
            }

            if (file.Expires is { } expires)
            {
                json.WriteString("expires", expires);
            }

            json.WriteEndObject();
        }

        return new(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>Waits for the browser; whatever else asks at the port is told that there is nothing.</summary>
    private static async Task<string> ReceiveAsync(TcpListener listener, string state, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var connection = await listener.AcceptTcpClientAsync(cancellationToken);
            await using var stream = connection.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            using var slow = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            using var either = CancellationTokenSource.CreateLinkedTokenSource(slow.Token, cancellationToken);
            Dictionary<string, string> query;
            try
            {
                var line = await reader.ReadLineAsync(either.Token) ?? "";
                query = QueryOf(line.Split(' ') is [_, var target, ..] ? target : "");
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                continue;
            }

            var ours = query.GetValueOrDefault("state") == state;
            var answer = ours && query.ContainsKey("code") ? "Signed in. You can close this page." : ours ? "The sign-in was refused. You can close this page." : "Nothing here.";
            var body = Encoding.UTF8.GetBytes($"<!doctype html><meta charset=utf-8><title>kloset</title><p>{answer}");
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(ours ? "200 OK" : "404 Not Found")}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"), cancellationToken);
            await stream.WriteAsync(body, cancellationToken);
            if (ours)
            {
                return query.GetValueOrDefault("code") ?? throw new GoogleCredentialException(
                    CredentialProblem.WrongKind, $"Google did not sign in: {query.GetValueOrDefault("error", "no reason was given")}.");
            }
        }
    }

    private static Dictionary<string, string> QueryOf(string target)
    {
        var query = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in target.Split('?', 2) is [_, var text] ? text.Split('&') : [])
        {
            var pair = part.Split('=', 2);
            query[Uri.UnescapeDataString(pair[0])] = pair.Length == 2 ? Uri.UnescapeDataString(pair[1].Replace('+', ' ')) : "";
        }

        return query;
    }
}
