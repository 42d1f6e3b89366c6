using System.IO.Compression;
using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Inspection;
using GooglePhotos.Takeout.Sidecars;
using KlosetWorker.Contract;

namespace Fuzzing;

public sealed class SourceTests : IDisposable
{
    private const string Sidecar = """
        {"title":"IMG_1.jpg","description":"a","photoTakenTime":{"timestamp":"1686305987"},"creationTime":{"timestamp":"1695554428"},
        "geoData":{"latitude":1.5,"longitude":-2.5,"altitude":0.0},"people":[{"name":"Susan"}],"favorited":true,"url":"https://photos.google.com/photo/AF1Qip1"}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-fuzz-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Sidecars() => Fuzz.Parser(
        [Encoding.UTF8.GetBytes(Sidecar), """{"title":"Iceland","description":"","enrichments":[{"narrativeEnrichment":{"text":"x"}}]}"""u8.ToArray()],
        bytes => TakeoutJsonParser.Parse(bytes));

    [Fact]
    public void Contract_texts()
    {
        var run = new RunFile { Kind = RunKind.Check, RunId = "r1", Repository = new RunRepository { Backend = new RunLocation { Volume = new RunVolume("repository") } } };
        Fuzz.Parser([Encoding.UTF8.GetBytes(run.ToJson())], bytes => RunFile.Parse(Encoding.UTF8.GetString(bytes)), typeof(JsonException));
        var result = new RunResult { RunId = "r1", Outcome = RunOutcome.Succeeded, Reason = "Succeeded", Library = new LibraryTotals(3, 4) };
        Fuzz.Parser([Encoding.UTF8.GetBytes(result.ToTerminationMessage())], bytes => RunResult.Parse(Encoding.UTF8.GetString(bytes)), typeof(JsonException));
        var progress = new RunProgress { Phase = "Reading", ItemsDone = 4 };
        Fuzz.Parser([Encoding.UTF8.GetBytes(progress.ToLine())], bytes => RunProgress.TryParseLine(Encoding.UTF8.GetString(bytes)));
    }

    [Fact]
    public async Task A_damaged_archive_is_inspected_to_its_end()
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in new[] { ("IMG_1.jpg.json", Sidecar), ("IMG_1.jpg", new string('x', 3000)), ("../../x", "evil") })
            {
                await using var entry = await zip.CreateEntry("Takeout/Google Photos/Photos from 2023/" + name).OpenAsync(TestContext.Current.CancellationToken);
                await entry.WriteAsync(Encoding.UTF8.GetBytes(content), TestContext.Current.CancellationToken);
            }
        }

        var mutator = new Mutator(5);
        for (var number = 0; number < Fuzz.Inputs / 100; number++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_folder, "takeout-20260901T120000Z-3-001.zip"), mutator.Mutate([memory.ToArray()]), TestContext.Current.CancellationToken);
            var report = await TakeoutInspector.InspectAsync(new LocalTakeoutStorage(_folder), TimeProvider.System, ct: TestContext.Current.CancellationToken);
            Assert.DoesNotContain(report.Pairs.Keys, path => path.StartsWith("..", StringComparison.Ordinal) || path.StartsWith('/'));
        }
    }
}
