using System.Text.RegularExpressions;
using GooglePhotosEmulator.Identity;
using KlosetWorker.Commands;
using KlosetWorker.Hosting;

namespace KlosetWorker.Tests.GoogleAccounts;

public sealed partial class LoginCommandTests
{
    [Fact]
    public async Task A_person_signs_in_with_a_browser_and_gets_a_Secret_that_works()
    {
        await using var host = await GoogleHost.StartAsync();
        var (code, output, error) = await LoginAsync(host, host.Client, "--for", "drive", "--email", "alice@example.com", "--name", "google-alice", "-n", "photos");

        Assert.True(code == 0, error);
        Assert.Contains("  name: 'google-alice'\n  namespace: 'photos'\n  annotations:\n    kloset.dev/account: 'alice@example.com'\n", output, StringComparison.Ordinal);
        Assert.Contains("kloset.dev/scopes: ", output, StringComparison.Ordinal);
        Assert.Contains("kloset.dev/issued: ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("photoslibrary", output, StringComparison.Ordinal);
        var json = CredentialLine().Match(output).Groups[1].Value.Replace("''", "'", StringComparison.Ordinal);
        Assert.DoesNotContain(Regex.Match(json, "\"refresh_token\":\"([^\"]+)\"").Groups[1].Value, error, StringComparison.Ordinal);
        var file = host.Host.Write("made.json", json);
        var check = (await host.Host.RunAsync("login", "--check", file, "--for", "drive", "--email", "alice@example.com")).Exits(0);
        Assert.Contains("alice@example.com", check.Output, StringComparison.Ordinal);
        (await host.Host.RunAsync("login", "--check", file, "--for", "picker")).Exits(5);
    }

    [Fact]
    public async Task A_sign_in_of_a_client_in_testing_is_told_and_refused_for_what_runs_by_itself()
    {
        await using var host = await GoogleHost.StartAsync();
        var testing = host.Google.Identities.AddClient("testing", testing: true);
        var (code, output, error) = await LoginAsync(host, testing, "--for", "drive");
        Assert.Equal(0, code);
        Assert.Contains("'Testing'", error, StringComparison.Ordinal);
        Assert.Contains("kloset.dev/expires: ", output, StringComparison.Ordinal);

        host.Host.Write("secrets/google/credentials.json", CredentialLine().Match(output).Groups[1].Value);
        var folder = host.Google.Drive.AddFolder(host.Google.Drive.Root(host.Alice.Email), "Takeout");
        var result = await host.RunAsync(new() { Takeout = [new() { GoogleDrive = new(folder.Id, "google") }] }, 5);
        Assert.Equal("GoogleGrantShortLived", result.Reason);
    }

    [Fact]
    public async Task The_sign_in_of_another_account_prints_nothing()
    {
        await using var host = await GoogleHost.StartAsync();
        var (code, output, error) = await LoginAsync(host, host.Client, "--for", "library", "--email", "bob@example.com");
        Assert.Equal(8, code);
        Assert.Empty(output);
        Assert.Contains("alice@example.com signed in", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dead_grant_is_explained_with_its_likely_causes()
    {
        await using var host = await GoogleHost.StartAsync();
        var file = host.SignIn(host.Alice, Scopes.Picker);
        using var http = new HttpClient();
        var token = Regex.Match(await File.ReadAllTextAsync(file, GoogleHost.Ct), "\"refresh_token\":\\s*\"([^\"]+)\"").Groups[1].Value;
        (await http.PostAsync(host.Google.UrlOf("oauth2.googleapis.com") + "/revoke?token=" + Uri.EscapeDataString(token), null, GoogleHost.Ct)).EnsureSuccessStatusCode();

        var dead = (await host.Host.RunAsync("login", "--check", file, "--for", "picker")).Exits(5);

        Assert.Contains("GoogleSignInExpired", dead.Error, StringComparison.Ordinal);
        Assert.Contains("7 days", dead.Error, StringComparison.Ordinal);
        Assert.Contains("withdrawn", dead.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(token, dead.Error + dead.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_credential_that_sends_its_secret_elsewhere_is_no_credential()
    {
        await using var host = await GoogleHost.StartAsync();
        var file = host.Host.Write("trap.json", """{"type":"authorized_user","client_id":"a","client_secret":"s3cret","refresh_token":"r3fresh","token_uri":"https://evil.example/token"}""");
        var refused = (await host.Host.RunAsync("login", "--check", file, "--for", "picker")).Exits(2);
        Assert.Contains("evil.example", refused.Error, StringComparison.Ordinal);
        var broken = (await host.Host.RunAsync("login", "--check", host.Host.Write("b.json", """{"type":"authorized_user","client_secret":"s3cret" """), "--for", "picker")).Exits(2);
        Assert.DoesNotContain("s3cret", refused.Error + broken.Error, StringComparison.Ordinal);
    }

    /// <summary>Runs the command, and opens the address that it prints as a browser does.</summary>
    private static async Task<(int Code, string Output, string Error)> LoginAsync(GoogleHost host, OAuthClient client, params string[] options)
    {
        var file = host.Host.Write("client.json", $$$"""{"installed":{"client_id":"{{{client.Id}}}","client_secret":"{{{client.Secret}}}"}}""");
        using var output = new StringWriter();
        await using var error = new Browser();
        var code = await CommandLine.RunAsync(["login", "--client", file, "--no-browser", .. options], new WorkerHost
        {
            Output = output,
            Error = TextWriter.Synchronized(error),
            OutputBytes = Stream.Null,
            Environment = name => name == "KLOSET_GOOGLE_ENDPOINT" ? host.Google.Address.AbsoluteUri : null,
            Time = TimeProvider.System,
        });
        return (code, output.ToString(), error.ToString());
    }

    [GeneratedRegex("credentials.json: '(.*)'")]
    private static partial Regex CredentialLine();

    private sealed class Browser : StringWriter
    {
        private readonly HttpClient _http = new();
        private Task _page = Task.CompletedTask;

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.StartsWith("http", StringComparison.Ordinal) == true)
            {
                // Whoever sits there is signed in already, whatever the address hints at.
                _page = _http.GetAsync(Regex.Replace(value, "&login_hint=[^&]*", ""));
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await _page;
            _http.Dispose();
            await base.DisposeAsync();
        }
    }
}
