using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Tests.Identity;

public class TokenTests
{
    [Fact]
    public async Task A_refresh_token_gives_access_tokens_that_live_an_hour()
    {
        await using var google = await Google.StartAsync();
        var grant = google.Emulator.Identities.Grant(google.Alice, google.Client, Scopes.Restore);
        var answer = (await RefreshAsync(google, grant)).Json;
        Assert.Equal(3599, answer["expires_in"]!.GetValue<int>());
        Assert.Null(answer["refresh_token"]);
        Assert.Null(answer["refresh_token_expires_in"]);
        var token = answer["access_token"]!.ToString();
        Assert.Equal(200, (await google.GetAsync(google.Library("albums"), token)).Code);
        google.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(401, (await google.GetAsync(google.Library("albums"), token)).Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_grant_of_a_client_in_testing_ends_after_seven_days_and_may_say_so(bool tells)
    {
        await using var google = await Google.StartAsync();
        var client = google.Emulator.Identities.Add(new OAuthClient("testing", "secret") { Testing = true, TellsExpiry = tells });
        var grant = google.Emulator.Identities.Grant(google.Alice, client, Scopes.Restore);
        Assert.Equal(tells ? 604800 : null, (await RefreshAsync(google, grant)).Json["refresh_token_expires_in"]?.GetValue<long>());
        google.Time.Advance(TimeSpan.FromDays(7));
        AssertRevoked(await RefreshAsync(google, grant));
    }

    [Fact]
    public async Task A_grant_dies_when_revoked_unused_for_six_months_or_pushed_out_by_a_hundred_younger_ones()
    {
        await using var google = await Google.StartAsync();
        var identities = google.Emulator.Identities;
        var revoked = identities.Grant(google.Alice, google.Client, Scopes.Restore);
        var access = (await RefreshAsync(google, revoked)).Json["access_token"]!.ToString();
        Assert.Equal(200, (await google.SendAsync(HttpMethod.Post, google.Emulator.UrlOf(GoogleHosts.OAuth) + $"/revoke?token={access}", null, "")).Code);
        AssertRevoked(await RefreshAsync(google, revoked));
        Assert.Equal(401, (await google.GetAsync(google.Library("albums"), access)).Code);

        var oldest = identities.Grant(google.Alice, google.Client, Scopes.Restore);
        for (var number = 0; number < 100; number++)
        {
            google.Time.Advance(TimeSpan.FromSeconds(1));
            identities.Grant(google.Alice, google.Client, Scopes.Restore);
        }

        AssertRevoked(await RefreshAsync(google, oldest));
        var idle = identities.Grant(google.Alice, google.Client, Scopes.Restore);
        google.Time.Advance(TimeSpan.FromDays(190));
        AssertRevoked(await RefreshAsync(google, idle));
    }

    [Fact]
    public async Task Every_cause_has_its_own_answer()
    {
        await using var google = await Google.StartAsync();
        var identities = google.Emulator.Identities;
        var grant = identities.Grant(google.Alice, google.Client, Scopes.Restore);
        grant.ReauthenticationNeeded = true;
        var rapt = (await RefreshAsync(google, grant)).Json;
        Assert.Equal(("invalid_grant", "invalid_rapt"), (rapt["error"]!.ToString(), rapt["error_subtype"]!.ToString()));
        Assert.Equal("invalid_client", await ErrorAsync(("grant_type", "refresh_token"), ("client_id", "nobody"), ("refresh_token", grant.Token)));
        Assert.Equal("invalid_client", await ErrorAsync(("grant_type", "refresh_token"), ("client_id", google.Client.Id), ("client_secret", "wrong"), ("refresh_token", grant.Token)));
        Assert.Equal("invalid_grant", await ErrorAsync(("grant_type", "refresh_token"), ("client_id", google.Client.Id), ("client_secret", google.Client.Secret), ("refresh_token", "x")));
        Assert.Equal("unsupported_grant_type", await ErrorAsync(("grant_type", "password")));
        identities.Add(google.Client with { Deleted = true });
        Assert.Equal("deleted_client", (await RefreshAsync(google, grant)).Json["error"]!.ToString());

        async Task<string> ErrorAsync(params (string, string)[] fields) => (await google.FormAsync(google.Emulator.TokenUri, fields)).Json["error"]!.ToString();
    }

    [Fact]
    public async Task A_browser_consent_with_a_proof_key_gives_a_code_that_is_good_once()
    {
        await using var google = await Google.StartAsync();
        const string Verifier = "a-verifier-of-at-least-forty-three-characters-000";
        const string Redirect = "http://127.0.0.1:5000/";
        var code = await ConsentAsync(google, Redirect, Verifier, "openid email " + Scopes.AppendOnly);
        Assert.Equal("invalid_grant", (await RedeemAsync(code, "another verifier")).Json["error"]!.ToString());
        code = await ConsentAsync(google, Redirect, Verifier, "openid email " + Scopes.AppendOnly);
        var answer = (await RedeemAsync(code, Verifier)).Json;
        Assert.StartsWith("1//", answer["refresh_token"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(3, answer["id_token"]!.ToString().Split('.').Length);
        Assert.Equal("invalid_grant", (await RedeemAsync(code, Verifier)).Json["error"]!.ToString());

        var info = await google.GetAsync(google.Emulator.UrlOf(GoogleHosts.OpenId) + "/v1/userinfo", answer["access_token"]!.ToString());
        Assert.Equal("alice@example.com", info.Json["email"]!.ToString());
        var token = await google.GetAsync(google.Emulator.UrlOf(GoogleHosts.OAuth) + $"/tokeninfo?access_token={answer["access_token"]}", "");
        Assert.Equal(google.Client.Id, token.Json["aud"]!.ToString());
        Assert.Contains(Scopes.AppendOnly, token.Json["scope"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal("invalid_token", (await google.GetAsync(google.Emulator.UrlOf(GoogleHosts.OAuth) + "/tokeninfo?access_token=x", "")).Json["error"]!.ToString());

        Task<Reply> RedeemAsync(string given, string verifier) => google.FormAsync(google.Emulator.TokenUri, ("grant_type", "authorization_code"), ("code", given),
            ("client_id", google.Client.Id), ("client_secret", google.Client.Secret), ("redirect_uri", Redirect), ("code_verifier", verifier));
    }

    [Fact]
    public async Task In_open_mode_a_client_of_before_2025_gets_what_has_replaced_its_scopes()
    {
        await using var google = await Google.StartAsync(options => options with { AdoptUnknown = true });
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        using var browser = new HttpClient(handler);
        using var response = await browser.GetAsync(google.Emulator.UrlOf(GoogleHosts.Accounts) + "/o/oauth2/auth?response_type=code&access_type=offline&client_id=somebody" +
            $"&redirect_uri={Uri.EscapeDataString("http://127.0.0.1:53682/")}&scope={Uri.EscapeDataString("openid https://www.googleapis.com/auth/photoslibrary")}", Google.Ct);
        var code = Uri.UnescapeDataString(response.Headers.Location!.OriginalString.Split("code=")[1].Split('&')[0]);
        var answer = (await google.FormAsync(google.Emulator.TokenUri, ("grant_type", "authorization_code"), ("code", code), ("client_id", "somebody"),
            ("client_secret", "anything"), ("redirect_uri", "http://127.0.0.1:53682/"))).Json;
        Assert.NotNull(answer["refresh_token"]);
        google.Alice.Library.Add("a.jpg", Google.Photo(1), google.Client);
        var token = answer["access_token"]!.ToString();
        Assert.Single((await google.GetAsync(google.Library("mediaItems"), token)).Json["mediaItems"]!.AsArray());
    }

    [Fact]
    public async Task A_person_may_refuse_or_tick_less_than_was_asked_for()
    {
        await using var google = await Google.StartAsync();
        google.Emulator.Consent.TickedScopes = new HashSet<string> { Scopes.AppendOnly };
        var location = await RedirectAsync(google, "http://localhost:1/", "v", string.Join(' ', Scopes.Restore));
        Assert.Contains("scope=" + Uri.EscapeDataString(Scopes.AppendOnly), location, StringComparison.Ordinal);
        Assert.DoesNotContain("edit.appcreateddata", location, StringComparison.Ordinal);
        google.Emulator.Consent.Mode = ConsentMode.Deny;
        Assert.Contains("error=access_denied", await RedirectAsync(google, "http://localhost:1/", "v", Scopes.AppendOnly), StringComparison.Ordinal);
        google.Emulator.Consent.Mode = ConsentMode.Ask;
        var page = await google.GetAsync(AuthUrl(google, "http://localhost:1/", "v", Scopes.AppendOnly), "");
        Assert.Contains("wants access to your Google Account", page.Text, StringComparison.Ordinal);
        Assert.Equal(400, (await google.GetAsync(AuthUrl(google, "https://evil.example/", "v", Scopes.AppendOnly), "")).Code);
    }

    [Fact]
    public async Task A_device_waits_for_its_code_to_be_typed_and_gets_no_photos()
    {
        await using var google = await Google.StartAsync();
        var url = google.Emulator.UrlOf(GoogleHosts.OAuth) + "/device/code";
        Assert.Equal("invalid_scope", (await google.FormAsync(url, ("client_id", google.Client.Id), ("scope", Scopes.AppendOnly))).Json["error"]!.ToString());
        var device = (await google.FormAsync(url, ("client_id", google.Client.Id), ("scope", Scopes.DriveFile))).Json;
        Task<Reply> PollAsync() => google.FormAsync(google.Emulator.TokenUri, ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", google.Client.Id), ("client_secret", google.Client.Secret), ("device_code", device["device_code"]!.ToString()));
        Assert.Equal("authorization_pending", (await PollAsync()).Json["error"]!.ToString());
        Assert.True(google.Emulator.ApproveDevice(device["user_code"]!.ToString(), google.Alice));
        Assert.NotNull((await PollAsync()).Json["refresh_token"]);
    }

    [Fact]
    public async Task A_service_account_signs_for_its_token_within_an_hour_of_its_clock()
    {
        await using var google = await Google.StartAsync();
        using var robot = google.Emulator.Identities.AddServiceAccount("robot");
        var key = JsonNode.Parse(google.Emulator.ServiceAccountJson(robot))!;
        using var rsa = RSA.Create();
        rsa.ImportFromPem(key["private_key"]!.ToString());
        var now = google.Time.GetUtcNow().ToUnixTimeSeconds();
        Assert.NotNull((await AssertAsync(now, now + 3600)).Json["access_token"]);
        Assert.Contains("reasonable timeframe", (await AssertAsync(now - 7200, now - 3600)).Text, StringComparison.Ordinal);
        Assert.Contains("reasonable timeframe", (await AssertAsync(now, now + 7200)).Text, StringComparison.Ordinal);
        Assert.Equal("unauthorized_client", (await AssertAsync(now, now + 60, "alice@example.com")).Json["error"]!.ToString());
        robot.KeyRevoked = true;
        Assert.Equal("Invalid JWT Signature.", (await AssertAsync(now, now + 60)).Json["error_description"]!.ToString());
        robot.Deleted = true;
        Assert.Contains("account not found", (await AssertAsync(now, now + 60)).Text, StringComparison.Ordinal);

        Task<Reply> AssertAsync(long issued, long expires, string? subject = null)
        {
            var claims = new JsonObject { ["iss"] = robot.Email, ["scope"] = Scopes.DriveReadOnly, ["aud"] = key["token_uri"]!.ToString(), ["iat"] = issued, ["exp"] = expires };
            if (subject is not null)
            {
                claims["sub"] = subject;
            }

            var text = Encode("""{"alg":"RS256","typ":"JWT"}""") + "." + Encode(claims.ToJsonString());
            var signature = Base64Url.EncodeToString(rsa.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            return google.FormAsync(google.Emulator.TokenUri, ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", $"{text}.{signature}"));
        }
    }

    [Fact]
    public async Task A_pod_becomes_a_service_account_when_its_token_and_the_binding_are_right()
    {
        await using var google = await Google.StartAsync();
        var identities = google.Emulator.Identities;
        var robot = identities.AddServiceAccount("robot");
        var provider = identities.AddWorkloadIdentityProvider();
        const string Pod = "system:serviceaccount:photos:worker";
        var wrongAudience = await ExchangeAsync(provider.PodToken(Pod, "somebody else"));
        Assert.Contains("audience", wrongAudience.Json["error_description"]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("stale", (await ExchangeAsync(provider.PodToken(Pod, lifetime: TimeSpan.FromHours(-1)))).Text, StringComparison.Ordinal);
        using var stranger = identities.AddWorkloadIdentityProvider("other");
        Assert.Equal("invalid_grant", (await ExchangeAsync(stranger.PodToken(Pod, "https:" + provider.Audience))).Json["error"]!.ToString());

        var federated = (await ExchangeAsync(provider.PodToken(Pod))).Json["access_token"]!.ToString();
        var denied = await ImpersonateAsync(federated);
        Assert.Equal(403, denied.Code);
        Assert.Contains("iam.serviceAccounts.getAccessToken", denied.ErrorMessage, StringComparison.Ordinal);
        robot.WorkloadIdentityUsers.Add(Pod);
        var token = (await ImpersonateAsync(federated)).Json["accessToken"]!.ToString();
        var about = await google.GetAsync(google.Drive("about?fields=user"), token);
        Assert.Equal(robot.Email, about.Json["user"]!["emailAddress"]!.ToString());
        robot.Deleted = true;
        Assert.Equal(404, (await ImpersonateAsync(federated)).Code);

        Task<Reply> ExchangeAsync(string subject) => google.FormAsync(google.Emulator.UrlOf(GoogleHosts.Sts) + "/v1/token",
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("audience", provider.Audience), ("scope", Scopes.CloudPlatform),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"), ("subject_token", subject), ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"));
        Task<Reply> ImpersonateAsync(string bearer) => google.PostAsync(google.Emulator.UrlOf(GoogleHosts.IamCredentials) + $"/v1/projects/-/serviceAccounts/{robot.Email}:generateAccessToken",
            new JsonObject { ["scope"] = new JsonArray(Scopes.DriveReadOnly), ["lifetime"] = "3600s" }, bearer);
    }

    private static void AssertRevoked(Reply reply)
    {
        Assert.Equal(400, reply.Code);
        Assert.Equal("""{"error":"invalid_grant","error_description":"Token has been expired or revoked."}""", reply.Text);
    }

    private static Task<Reply> RefreshAsync(Google google, RefreshGrant grant) =>
        google.FormAsync(google.Emulator.TokenUri, ("grant_type", "refresh_token"), ("client_id", grant.ClientId),
            ("client_secret", google.Emulator.Identities.FindClient(grant.ClientId)!.Secret), ("refresh_token", grant.Token));

    private static async Task<string> ConsentAsync(Google google, string redirect, string verifier, string scopes)
    {
        var location = await RedirectAsync(google, redirect, verifier, scopes);
        return Uri.UnescapeDataString(location.Split("code=")[1].Split('&')[0]);
    }

    private static async Task<string> RedirectAsync(Google google, string redirect, string verifier, string scopes)
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        using var browser = new HttpClient(handler);
        using var response = await browser.GetAsync(AuthUrl(google, redirect, verifier, scopes), Google.Ct);
        return response.Headers.Location!.OriginalString;
    }

    private static string AuthUrl(Google google, string redirect, string verifier, string scopes) =>
        google.Emulator.UrlOf(GoogleHosts.Accounts) + "/o/oauth2/v2/auth?response_type=code&access_type=offline&prompt=consent&state=s&code_challenge_method=S256" +
        $"&client_id={google.Client.Id}&redirect_uri={Uri.EscapeDataString(redirect)}&scope={Uri.EscapeDataString(scopes)}" +
        $"&code_challenge={Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))}";

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
