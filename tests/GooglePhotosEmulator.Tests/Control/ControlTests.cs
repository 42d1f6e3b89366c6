using System.Diagnostics;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Control;

namespace GooglePhotosEmulator.Tests.Control;

public sealed class ControlTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("emulator-test-").FullName;

    [Fact]
    public async Task A_program_outside_turns_the_clock_and_orders_faults()
    {
        await using var google = await Google.StartAsync(options => options with { Time = new AdjustableTime() });
        Assert.Equal(200, await ControlAsync(google, "faults", """{"method":"photoslibrary.albums.list","times":1,"answer":"requestsPerDay"}"""));
        Assert.Equal(200, await ControlAsync(google, "faults", """{"method":"photoslibrary.albums.list","status":418,"body":"tea"}"""));
        Assert.Equal(429, (await google.GetAsync(google.Library("albums"))).Code);
        Assert.Equal("tea", (await google.GetAsync(google.Library("albums"))).Text);
        Assert.Equal(200, await ControlAsync(google, "faults/items", """{"code":13,"fileName":"a.jpg"}"""));
        Assert.Equal(207, (await google.CreateAsync([(await google.UploadAsync(Google.Photo(1)), "a.jpg")])).Code);
        Assert.Equal(400, await ControlAsync(google, "faults", """{"method":"x"}"""));
        Assert.Equal(404, await ControlAsync(google, "dragons", "{}"));
        Assert.Equal(200, await ControlAsync(google, "clock", """{"advance":"01:00:00"}"""));
        Assert.Equal(401, (await google.GetAsync(google.Library("albums"))).Code);
        var counts = (await google.GetAsync(new Uri(google.Emulator.Address, "_emulator/calls").ToString(), "")).Json;
        Assert.Equal(3, counts["photoslibrary.albums.list"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_program_outside_sees_the_truth_fills_a_drive_and_picks()
    {
        await using var google = await Google.StartAsync();
        await File.WriteAllBytesAsync(Path.Combine(_folder, "takeout-1-001.zip"), [1, 2, 3], Google.Ct);
        Assert.Equal(200, await ControlAsync(google, "users/alice@example.com/drive", new JsonObject { ["folder"] = _folder }.ToJsonString()));
        Assert.Single((await google.GetAsync(google.Drive("files?q=name+%3D+'takeout-1-001.zip'"))).Json["files"]!.AsArray());
        await google.AddAsync(Google.Photo(1), "a.jpg");
        var truth = (await google.GetAsync(new Uri(google.Emulator.Address, "_emulator/users/alice@example.com/library").ToString(), "")).Json;
        Assert.Equal(google.Alice.Library.Items[0].Sha1Hex, truth["items"]![0]!["sha1"]!.ToString());
        var session = (await google.PostAsync(google.Picker("sessions"), [])).Json["id"]!.ToString();
        Assert.Equal(200, await ControlAsync(google, $"picker/{session}/pick", """{"fileNames":["a.jpg"]}"""));
        Assert.Single(google.Emulator.Picker.Open[0].Picked!);
        Assert.Equal(200, await ControlAsync(google, "users/alice@example.com/revoke", "{}"));
        Assert.Equal(401, (await google.GetAsync(google.Library("albums"))).Code);
    }

    [Fact]
    public async Task The_program_prints_what_a_client_needs_and_writes_its_certificate()
    {
        var photos = Directory.CreateDirectory(Path.Combine(_folder, "photos", "Garden")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(photos, "a.jpg"), Google.Photo(1), Google.Ct);
        await File.WriteAllTextAsync(Path.Combine(photos, "notes.txt"), "no photo", Google.Ct);
        var ca = Path.Combine(_folder, "ca.pem");
        var start = new ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet",
            [typeof(Emulator).Assembly.Location, "--ca", ca, "--library", Path.Combine(_folder, "photos"), "--strict"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        try
        {
            var told = JsonNode.Parse((await process.StandardOutput.ReadLineAsync(Google.Ct))!)!;
            Assert.Equal(1, told["items"]!.GetValue<int>());
            Assert.StartsWith("-----BEGIN CERTIFICATE-----", await File.ReadAllTextAsync(ca, Google.Ct), StringComparison.Ordinal);
            using var http = new HttpClient();
            using var form = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["grant_type"] = "refresh_token",
                ["client_id"] = told["client_id"]!.ToString(),
                ["client_secret"] = told["client_secret"]!.ToString(),
                ["refresh_token"] = told["refresh_token"]!.ToString(),
            });
            using var answer = await http.PostAsync(told["token_uri"]!.ToString(), form, Google.Ct);
            http.DefaultRequestHeaders.Authorization = new("Bearer", JsonNode.Parse(await answer.Content.ReadAsStringAsync(Google.Ct))!["access_token"]!.ToString());
            var albums = JsonNode.Parse(await http.GetStringAsync($"{told["url"]}/photoslibrary.googleapis.com/v1/albums", Google.Ct))!;
            Assert.Equal("Garden", albums["albums"]![0]!["title"]!.ToString());
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<int> ControlAsync(Google google, string path, string body) =>
        (await google.PostAsync(new Uri(google.Emulator.Address, "_emulator/" + path).ToString(), JsonNode.Parse(body)!.AsObject(), "")).Code;
}
