using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using GooglePhotosEmulator;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Quotas;
using TakeoutGenerator;

namespace Benchmarks;

/// <summary>The emulator must be faster than what is measured against it.</summary>
internal sealed class GoogleListingBenchmark : IBenchmark
{
    private const int PageSize = 100;

    public string Name => "google-listing";

    public string Question => "how long does a library of 50,000 app-created items take to list and to fill on the emulator, and in how many calls?";

    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        var count = args.Count > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 50_000;
        await using var emulator = await Emulator.StartAsync(new EmulatorOptions { Quotas = QuotaLimits.None }, cancellationToken);
        var client = emulator.Identities.AddClient();
        var user = emulator.Identities.AddUser("alice@example.com");
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", emulator.Identities.Issue(emulator.Identities.Grant(user, client, Scopes.Restore)).Value);

        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, Math.Min(count, 5_000)), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (seed, ct) =>
        {
            using var content = new ByteArrayContent(MediaBytes.Jpeg(new Random(seed), 2_000, DateTimeOffset.UnixEpoch.AddMinutes(seed), "Example One", null));
            content.Headers.Add("X-Goog-Upload-Protocol", "raw");
            using var answer = await http.PostAsync($"{emulator.UrlOf(GoogleHosts.Library)}/v1/uploads", content, ct);
            answer.EnsureSuccessStatusCode();
        });
        Row("uploads of 2 kB, 8 at once", Math.Min(count, 5_000), watch.Elapsed);

        watch.Restart();
        for (var seed = 0; seed < count; seed++)
        {
            user.Library.Add($"{seed}.jpg", MediaBytes.Jpeg(new Random(seed), 64, DateTimeOffset.UnixEpoch.AddMinutes(seed), "Example One", null), client);
        }

        Row("items made", count, watch.Elapsed);

        watch.Restart();
        var (calls, seen) = (0, new HashSet<string>());
        string? token = null;
        do
        {
            using var page = JsonDocument.Parse(await http.GetByteArrayAsync($"{emulator.UrlOf(GoogleHosts.Library)}/v1/mediaItems?pageSize={PageSize}&pageToken={token}", cancellationToken));
            calls++;
            seen.UnionWith(page.RootElement.GetProperty("mediaItems").EnumerateArray().Select(item => item.GetProperty("id").GetString()!));
            token = page.RootElement.TryGetProperty("nextPageToken", out var next) ? next.GetString() : null;
        }
        while (token is not null);
        Row($"items listed in {calls.ToString(CultureInfo.InvariantCulture)} calls", seen.Count, watch.Elapsed);
        return seen.Count == count ? 0 : 1;
    }

    private static void Row(string what, int count, TimeSpan elapsed) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-40}{count,8}{elapsed.TotalSeconds,9:0.00} s{count / elapsed.TotalSeconds,10:0}/s"));
}
