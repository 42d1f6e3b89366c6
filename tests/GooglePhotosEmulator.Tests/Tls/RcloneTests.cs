using System.Diagnostics;
using System.Net;
using System.Text;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Tests.Tls;

/// <summary>The real rclone, which knows nothing of emulators: pointed here by the proxy and the certificate alone.</summary>
public sealed class RcloneTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rclone-test-").FullName;

    [Fact]
    public async Task Rclone_lists_downloads_and_uploads()
    {
        var rclone = Rclone();
        await using var google = await Google.StartAsync(options => options with { Time = TimeProvider.System });
        google.Alice.Library.Add("Lake.jpg", Google.Photo(1, place: (47.4, 8.5)), google.Client);
        google.Alice.Library.Add("Film.mp4", Google.Video(2), google.Client);
        google.Alice.Library.AddAlbum("Garden", [google.Alice.Library.Add("Rose.jpg", Google.Photo(3), google.Client)], google.Client);
        Configure(google, google.Client.Id, google.Client.Secret, google.Emulator.Identities.Grant(google.Alice, google.Client, Scopes.Restore).Token);

        var listed = await RunAsync(rclone, google, "ls", "photos:media/all");
        Assert.Equal(["Film.mp4", "Lake.jpg", "Rose.jpg"], listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim().Split(' ', 2)[1]).Order());

        var down = Path.Combine(_folder, "down");
        await RunAsync(rclone, google, "copy", "photos:album/Garden", down);
        Assert.Equal(Google.Photo(3), await File.ReadAllBytesAsync(Path.Combine(down, "Rose.jpg"), Google.Ct));

        var up = Directory.CreateDirectory(Path.Combine(_folder, "up")).FullName;
        for (var seed = 10; seed < 20; seed++)
        {
            await File.WriteAllBytesAsync(Path.Combine(up, $"{seed}.jpg"), Google.Photo(seed), Google.Ct);
        }

        await RunAsync(rclone, google, "copy", up, "photos:album/New one");
        var album = Assert.Single(google.Alice.Library.Albums, album => album.Title == "New one");
        Assert.Equal(10, album.Count);
        Assert.Equal(Enumerable.Range(10, 10).Select(seed => $"{seed}.jpg"), google.Alice.Library.Items.Where(item => album.ItemIds.Contains(item.Id)).Select(item => item.FileName).Order());
    }

    [Fact]
    public async Task In_open_mode_rclone_may_bring_any_client_and_token()
    {
        var rclone = Rclone();
        await using var google = await Google.StartAsync(options => options with { Time = TimeProvider.System, AdoptUnknown = true });
        google.Alice.Library.Add("Lake.jpg", Google.Photo(1), google.Client);
        Configure(google, "", "", "1//made-up");
        Assert.Contains("Lake.jpg", await RunAsync(rclone, google, "ls", "photos:media/all"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_proxy_answers_for_Google_alone_under_certificates_of_its_authority()
    {
        await using var google = await Google.StartAsync();
        using var authority = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(google.Emulator.CertificateAuthorityPem);
        using var handler = new SocketsHttpHandler { Proxy = new WebProxy(google.Emulator.Address), UseProxy = true };
        handler.SslOptions.CertificateChainPolicy = new() { TrustMode = System.Security.Cryptography.X509Certificates.X509ChainTrustMode.CustomRootTrust, RevocationMode = System.Security.Cryptography.X509Certificates.X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(authority);
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.Authorization = new("Bearer", google.Token);
        Assert.Contains("userinfo_endpoint", await client.GetStringAsync("https://accounts.google.com/.well-known/openid-configuration", Google.Ct), StringComparison.Ordinal);
        Assert.Equal("{}", await client.GetStringAsync($"https://{GoogleHosts.Library}/v1/albums", Google.Ct));
        Assert.Contains("storageQuota", await client.GetStringAsync("https://www.googleapis.com/drive/v3/about?fields=storageQuota", Google.Ct), StringComparison.Ordinal);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("https://example.com/", Google.Ct));
        using var distrustful = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy(google.Emulator.Address) });
        await Assert.ThrowsAsync<HttpRequestException>(() => distrustful.GetStringAsync("https://accounts.google.com/", Google.Ct));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Rclone()
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "rclone")).FirstOrDefault(File.Exists);
        Assert.SkipUnless(found is not null, "rclone is not installed (Debian: apt-get install rclone)");
        return found;
    }

    private void Configure(Google google, string clientId, string secret, string refreshToken)
    {
        File.WriteAllText(Path.Combine(_folder, "rclone.conf"), $$"""
            [photos]
            type = google photos
            client_id = {{clientId}}
            client_secret = {{secret}}
            token = {"access_token":"old","token_type":"Bearer","refresh_token":"{{refreshToken}}","expiry":"2020-01-01T00:00:00Z"}
            """);
        File.WriteAllText(Path.Combine(_folder, "ca.pem"), google.Emulator.CertificateAuthorityPem);
    }

    private async Task<string> RunAsync(string rclone, Google google, params string[] arguments)
    {
        var start = new ProcessStartInfo(rclone, ["--config", Path.Combine(_folder, "rclone.conf"), "--ca-cert", Path.Combine(_folder, "ca.pem"), "--retries", "1", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HTTPS_PROXY"] = google.Emulator.Address.ToString();
        start.Environment.Remove("NO_PROXY");
        start.Environment.Remove("no_proxy");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(Google.Ct);
        var output = await process.StandardOutput.ReadToEndAsync(Google.Ct);
        await process.WaitForExitAsync(Google.Ct);
        Assert.True(process.ExitCode == 0, new StringBuilder(output).Append(await error).ToString());
        return output;
    }
}
