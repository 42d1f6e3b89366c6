using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;
using Microsoft.Extensions.Time.Testing;
using TakeoutGenerator;

namespace GooglePhotosEmulator.Tests;

/// <summary>An emulator with one person and one client, and plain HTTP against it.</summary>
internal sealed class Google : IAsyncDisposable
{
    private Google(Emulator emulator, FakeTimeProvider time)
    {
        Emulator = emulator;
        Time = time;
        Client = emulator.Identities.AddClient();
        Alice = emulator.Identities.AddUser("alice@example.com");
        Http = new HttpClient();
        Token = TokenOf(Alice, Client, Scopes.Everything);
    }

    public Emulator Emulator { get; }

    public FakeTimeProvider Time { get; }

    public OAuthClient Client { get; }

    public UserAccount Alice { get; }

    public HttpClient Http { get; }

    /// <summary>An access token of Alice with all scopes.</summary>
    public string Token { get; set; }

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<Google> StartAsync(Func<EmulatorOptions, EmulatorOptions>? change = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 2, 12, 0, 0, TimeSpan.Zero));
        var options = new EmulatorOptions { Time = time, Quotas = QuotaLimits.None };
        return new Google(await Emulator.StartAsync(change?.Invoke(options) ?? options, Ct), time);
    }

    public string TokenOf(UserAccount user, OAuthClient client, params IEnumerable<string> scopes) =>
        Emulator.Identities.Issue(Emulator.Identities.Grant(user, client, scopes)).Value;

    public string Library(string path) => $"{Emulator.UrlOf(GoogleHosts.Library)}/v1/{path}";

    public string Picker(string path) => $"{Emulator.UrlOf(GoogleHosts.Picker)}/v1/{path}";

    public string Drive(string path) => $"{Emulator.UrlOf(GoogleHosts.GoogleApis)}/drive/v3/{path}";

    public async Task<Reply> SendAsync(HttpMethod method, string url, HttpContent? content = null, string? token = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url) { Content = content };
        var bearer = token ?? Token;
        if (bearer.Length > 0)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await Http.SendAsync(request, Ct);
        return new Reply(response.StatusCode, await response.Content.ReadAsByteArrayAsync(Ct),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public Task<Reply> GetAsync(string url, string? token = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, url, null, token, headers);

    public Task<Reply> PostAsync(string url, JsonObject body, string? token = null) =>
        SendAsync(HttpMethod.Post, url, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), token);

    public Task<Reply> PatchAsync(string url, JsonObject body) =>
        SendAsync(HttpMethod.Patch, url, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));

    public Task<Reply> FormAsync(string url, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Post, url, new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))), "");

    /// <summary>Sends bytes in one request.</summary>
    /// <returns>The upload token.</returns>
    public async Task<string> UploadAsync(byte[] bytes, string? token = null)
    {
        var reply = await SendAsync(HttpMethod.Post, Library("uploads"), new ByteArrayContent(bytes), token, ("X-Goog-Upload-Protocol", "raw"),
            ("X-Goog-Upload-Content-Type", "image/jpeg"), ("X-Goog-Hash", "sha1=" + Convert.ToBase64String(SHA1.HashData(bytes))));
        Assert.Equal(HttpStatusCode.OK, reply.Status);
        return reply.Text;
    }

    public Task<Reply> CreateAsync(IEnumerable<(string UploadToken, string FileName)> items, string? albumId = null, string? token = null, JsonObject? position = null)
    {
        var body = new JsonObject
        {
            ["newMediaItems"] = new JsonArray([.. items.Select(item => new JsonObject
            {
                ["description"] = "",
                ["simpleMediaItem"] = new JsonObject { ["uploadToken"] = item.UploadToken, ["fileName"] = item.FileName },
            })]),
        };
        if (albumId is not null)
        {
            body["albumId"] = albumId;
        }

        if (position is not null)
        {
            body["albumPosition"] = position;
        }

        return PostAsync(Library("mediaItems:batchCreate"), body, token);
    }

    /// <summary>Uploads and makes one item.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> AddAsync(byte[] bytes, string fileName = "IMG_1.jpg", string? albumId = null, string? token = null)
    {
        var reply = await CreateAsync([(await UploadAsync(bytes, token), fileName)], albumId, token);
        return reply.Json["newMediaItemResults"]![0]!["mediaItem"]!["id"]!.ToString();
    }

    public async Task<string> AddAlbumAsync(string title) =>
        (await PostAsync(Library("albums"), new JsonObject { ["album"] = new JsonObject { ["title"] = title } })).Json["id"]!.ToString();

    public static byte[] Photo(int seed, DateTimeOffset? taken = null, (double, double)? place = null, int size = 2000) =>
        MediaBytes.Jpeg(new Random(seed), size, taken ?? new DateTimeOffset(2023, 7, 1, 10, 0, 0, TimeSpan.Zero), "Example One", place);

    public static byte[] Video(int seed) => MediaBytes.Mp4(new Random(seed), 4000, new DateTimeOffset(2023, 7, 2, 10, 0, 0, TimeSpan.Zero));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Emulator.DisposeAsync();
    }
}

internal sealed record Reply(HttpStatusCode Status, byte[] Body, IReadOnlyDictionary<string, string> Headers)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonObject Json => JsonNode.Parse(Body)!.AsObject();

    public int Code => (int)Status;

    /// <summary>Canonical status of a Photos error.</summary>
    public string ErrorStatus => Json["error"]!["status"]!.ToString();

    public string ErrorMessage => Json["error"]!["message"]!.ToString();

    /// <summary>Reason of a Drive error.</summary>
    public string Reason => Json["error"]!["errors"]![0]!["reason"]!.ToString();
}
