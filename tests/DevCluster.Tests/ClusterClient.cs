using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster.Json;

namespace DevCluster.Tests;

/// <summary>A cluster in clear text, and plain HTTP to it.</summary>
internal sealed class ClusterClient : IAsyncDisposable
{
    public const string Backups = "/apis/kloset.dev/v1alpha1/namespaces/default/photobackups";

    private readonly HttpClient _http;

    private ClusterClient(Cluster cluster)
    {
        Cluster = cluster;
        _http = new HttpClient { BaseAddress = cluster.Address, Timeout = TimeSpan.FromSeconds(30) };
    }

    public Cluster Cluster { get; }

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<ClusterClient> StartAsync(ClusterOptions? options = null, bool definitions = true)
    {
        var cluster = await Cluster.StartAsync((options ?? new ClusterOptions()) with { Tls = false }, Ct);
        if (definitions)
        {
            await cluster.ApplyAsync(Path.Combine(AppContext.BaseDirectory, "fixtures", "photobackups.yaml"), Ct);
        }

        return new ClusterClient(cluster);
    }

    public static JsonObject Backup(string name, string account = "alice") => (JsonObject)JsonNode.Parse("""
        {"apiVersion":"kloset.dev/v1alpha1","kind":"PhotoBackup","metadata":{"name":"NAME"},
         "spec":{"repositoryRef":{"name":"family"},"account":{"id":"ACCOUNT"},"source":{"takeout":{"locations":1}}}}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("ACCOUNT", account, StringComparison.Ordinal))!;

    public Task<(HttpStatusCode Code, JsonObject Body)> GetAsync(string path, string? accept = null) => SendAsync(HttpMethod.Get, path, null, accept: accept);

    public Task<(HttpStatusCode Code, JsonObject Body)> PostAsync(string path, JsonNode body) => SendAsync(HttpMethod.Post, path, body);

    public Task<(HttpStatusCode Code, JsonObject Body)> PutAsync(string path, JsonNode body) => SendAsync(HttpMethod.Put, path, body);

    public Task<(HttpStatusCode Code, JsonObject Body)> MergeAsync(string path, string body) =>
        SendAsync(HttpMethod.Patch, path, JsonNode.Parse(body), "application/merge-patch+json");

    public Task<(HttpStatusCode Code, JsonObject Body)> ApplyAsync(string path, JsonNode body, string manager, bool force = false) =>
        SendAsync(HttpMethod.Patch, $"{path}?fieldManager={manager}&force={(force ? "true" : "false")}", body, "application/apply-patch+yaml");

    public async Task<(HttpStatusCode Code, JsonObject Body)> SendAsync(
        HttpMethod method, string path, JsonNode? body, string contentType = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue(contentType));
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var response = await _http.SendAsync(request, Ct);
        var text = await response.Content.ReadAsStringAsync(Ct);
        return (response.StatusCode, JsonNode.Parse(text) as JsonObject ?? []);
    }

    /// <summary>Reads a watch until the predicate holds or the watch ends.</summary>
    public async Task<List<JsonObject>> WatchAsync(string path, Func<List<JsonObject>, bool> enough, Func<Task>? meanwhile = null)
    {
        var events = new List<JsonObject>();
        using var response = await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, Ct);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Ct));
        if (meanwhile is not null)
        {
            await meanwhile();
        }

        while (!enough(events) && await reader.ReadLineAsync(Ct) is { } line)
        {
            events.Add((JsonObject)JsonNode.Parse(line)!);
        }

        return events;
    }

    public async Task<string> TextAsync(string path) => await _http.GetStringAsync(path, Ct);

    /// <summary>Waits for a state of an object; fails after 20 s with the state that it has.</summary>
    public async Task<JsonObject> UntilAsync(string resource, string name, Func<JsonObject, bool> holds)
    {
        JsonObject? last = null;
        for (var i = 0; i < 400; i++)
        {
            last = Cluster.Get(resource, "default", name);
            if (last is not null && holds(last))
            {
                return last;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct);
        }

        throw new TimeoutException($"{resource}/{name} is {last?.ToJsonString() ?? "not there"}");
    }

    public async Task UntilGoneAsync(string resource, string name)
    {
        for (var i = 0; i < 400 && Cluster.Get(resource, "default", name) is not null; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct);
        }

        Assert.Null(Cluster.Get(resource, "default", name));
    }

    public static string? ConditionOf(JsonObject obj, string type) =>
        (obj.Array("status", "conditions") ?? []).FirstOrDefault(condition => condition.Text("type") == type && condition.Text("status") == "True").Text("reason");

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Cluster.DisposeAsync();
    }
}
