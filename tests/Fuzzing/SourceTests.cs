using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Inspection;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using KlosetWorker.Contract;
using TakeoutGenerator;

namespace Fuzzing;

public sealed class SourceTests : IDisposable
{
    private const string Sidecar = """
        {"title":"IMG_1.jpg","description":"a","photoTakenTime":{"timestamp":"1686305987"},"creationTime":{"timestamp":"1695554428"},
        "geoData":{"latitude":1.5,"longitude":-2.5,"altitude":0.0},"people":[{"name":"Susan"}],"favorited":true,"url":"https://photos.google.com/photo/AF1Qip1"}
        """;

    private const string Page = """
        <html><head><script>var a = "<div class='file-leaf'>";</script></head><body><div class="job-id hidden">6f9619ff-8b86-d011-b42d-00c04fc964ff</div>
        <h1 class="header_title">Archive for Alice alice@example.com</h1><div id="service-details-PHOTOS" class="service-detail">
        <h1 class="data-folder-name" data-folder-name="Google Photos">Google Photos</h1><div class="extracted-folder-name">Photos from 2023</div>
        <div class="file-leaf"><div class="extracted-file-name"> IMG_1.jpg</div><div class="failure-message"></div></div>
        <div class="file-leaf"><div class="extracted-file-name"> caf&eacute;.jpg</div><div class="failure-message">Service failed to retrieve this item</div></div></div></body></html>
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-fuzz-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Sidecars() => Fuzz.Parser(
        "sidecars and album metadata",
        [Encoding.UTF8.GetBytes(Sidecar), """{"title":"Iceland","description":"","enrichments":[{"narrativeEnrichment":{"text":"x"}}]}"""u8.ToArray()],
        bytes => TakeoutJsonParser.Parse(bytes));

    [Fact]
    public void Contract_texts()
    {
        var run = new RunFile { Kind = RunKind.Check, RunId = "r1", Repository = new RunRepository { Backend = new RunLocation { Volume = new RunVolume("repository") } } };
        Fuzz.Parser("run files", [Encoding.UTF8.GetBytes(run.ToJson())], bytes => RunFile.Parse(Encoding.UTF8.GetString(bytes)), typeof(JsonException));
        var result = new RunResult { RunId = "r1", Outcome = RunOutcome.Succeeded, Reason = "Succeeded", Library = new LibraryTotals(3, 4) };
        Fuzz.Parser("results", [Encoding.UTF8.GetBytes(result.ToTerminationMessage())], bytes => RunResult.Parse(Encoding.UTF8.GetString(bytes)), typeof(JsonException));
        var progress = new RunProgress { Phase = "Reading", ItemsDone = 4 };
        Fuzz.Parser("lines of progress", [Encoding.UTF8.GetBytes(progress.ToLine())], bytes => RunProgress.TryParseLine(Encoding.UTF8.GetString(bytes)));
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
        var begun = System.Diagnostics.Stopwatch.GetTimestamp();
        var number = 0;
        for (; Fuzz.GoesOn(number, begun, cost: 100); number++)
        {
            await File.WriteAllBytesAsync(Path.Combine(_folder, "takeout-20260901T120000Z-3-001.zip"), mutator.Mutate([memory.ToArray()]), TestContext.Current.CancellationToken);
            var report = await TakeoutInspector.InspectAsync(new LocalTakeoutStorage(_folder), TimeProvider.System, ct: TestContext.Current.CancellationToken);
            Assert.DoesNotContain(report.Pairs.Keys, path => path.StartsWith("..", StringComparison.Ordinal) || path.StartsWith('/'));
        }

        Fuzz.Done("archives of a Takeout, inspected", number, 0, System.Diagnostics.Stopwatch.GetElapsedTime(begun), 0);
    }

    [Fact]
    public void Pages_that_list_an_export() => Fuzz.Parser(
        "pages that list an export",
        [Encoding.UTF8.GetBytes(Page), Encoding.UTF8.GetBytes(Page.Replace("Alice", "<script>x</script>Alice", StringComparison.Ordinal))],
        bytes =>
        {
            var parser = new ExportIndexParser();
            for (var at = 0; at < bytes.Length; at += 700)
            {
                parser.Feed(bytes.AsSpan(at, Math.Min(700, bytes.Length - at)));
            }

            _ = parser.Index.Files.Count();
        });

    [Fact]
    public void Media()
    {
        var random = new Random(3);
        var taken = new DateTimeOffset(2023, 6, 9, 9, 9, 9, TimeSpan.Zero);
        Fuzz.Parser(
            "media",
            [
                MediaBytes.Jpeg(random, 3000, taken, "Camera", (47.5, 8.5)), MediaBytes.Png(random, 500), MediaBytes.Heic(random, 2000), MediaBytes.Mp4(random, 3000, taken),
                WebP(), Film(),
            ],
            Probe);
    }

    [Fact]
    public void A_picture_whose_list_of_parts_has_entries_of_no_size_takes_little_memory()
    {
        // 1,000 items of 65,535 parts each, in 6 kB (ISO 14496-12, 8.11.3 with all sizes 0).
        var items = Enumerable.Range(0, 1000).SelectMany(item => new byte[] { (byte)(item >> 8), (byte)item, 0, 0, 0xFF, 0xFF });
        byte[] picture = [.. Heic, .. Box("meta", new byte[4], Box("iloc", [0, 0, 0, 0, 0, 0, 0x03, 0xE8, .. items])), .. Box("mdat", new byte[100])];

        Fuzz.Feed(picture, 0, Probe);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task A_picture_that_ends_within_the_head_of_a_box_ends(int rest)
    {
        // Five bytes of the outer box are left, which is no box, and the file has hardly more.
        byte[] picture = [.. Heic, .. Box("meta", new byte[4], Box("pitm", [0, 0, 0, 0, 0, 1]), new byte[5]), .. new byte[rest]];

        await Task.Run(() => Fuzz.Feed(picture, 0, Probe), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Boxes_within_boxes_without_end_are_looked_at_in_little_time_and_stack()
    {
        byte[] deep = [.. Heic, .. Enumerable.Range(0, 100_000).SelectMany(level => new byte[] { 0, (byte)((100_000 - level) * 8 >> 16), (byte)((100_000 - level) * 8 >> 8), (byte)((100_000 - level) * 8) }.Concat("ipco"u8.ToArray()))];
        byte[] nested = [.. Heic, .. Box("moov", [.. Enumerable.Range(0, 100_000).SelectMany(_ => new byte[] { 0, 0, 0, 8 }.Concat("ilst"u8.ToArray()))])];

        Fuzz.Feed(deep, 0, Probe);
        Fuzz.Feed(nested, 1, Probe);
    }

    [Fact]
    public void What_names_gigabytes_takes_no_memory()
    {
        foreach (var (bytes, at) in new[] { (MediaBytes.Png(new Random(1), 500), 33), (WebP(), 30), (Film(), 64) })
        {
            for (var offset = at - 8; offset <= at + 8; offset++)
            {
                var hostile = bytes.ToArray();
                hostile.AsSpan(offset, 4).Fill(0x7F);
                Fuzz.Feed(hostile, offset, Probe);
            }
        }
    }

    private static void Probe(byte[] bytes)
    {
        using var probe = new MediaProbe();
        for (var at = 0; at < bytes.Length; at += 600)
        {
            probe.Append(bytes.AsSpan(at, Math.Min(600, bytes.Length - at)));
        }

        probe.Finish();
    }

    private static byte[] WebP()
    {
        byte[] chunks =
        [
            .. "WEBPVP8X"u8, 10, 0, 0, 0, 0x0C, 0, 0, 0, 7, 0, 0, 7, 0, 0, .. "EXIF"u8, 14, 0, 0, 0, .. "II*\0"u8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            .. "XMP "u8, 4, 0, 0, 0, .. "<x/>"u8,
        ];
        return [.. "RIFF"u8, (byte)chunks.Length, 0, 0, 0, .. chunks];
    }

    private static byte[] Film()
    {
        byte[] key = [0, 0, 0, 36, .. "mdtacom.apple.quicktime.make"u8];
        byte[] value = [0, 0, 0, 29, 0, 0, 0, 1, 0, 0, 0, 21, .. "data"u8, 0, 0, 0, 1, 0, 0, 0, 0, .. "Apple"u8];
        return
        [
            .. Box("ftyp", [.. "qt  "u8, 0, 0, 0, 0, .. "qt  "u8]),
            .. Box("moov", Box("meta", Box("keys", [0, 0, 0, 0, 0, 0, 0, 1], key), Box("ilst", value))),
            .. Box("mdat", new byte[50]),
        ];
    }

    private static byte[] Heic => Box("ftyp", [.. "heic"u8, 0, 0, 0, 0, .. "heic"u8]);

    private static byte[] Box(string type, params byte[][] content)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, 8 + content.Sum(part => part.Length));
        return [.. length, .. Encoding.ASCII.GetBytes(type), .. content.SelectMany(part => part)];
    }
}
