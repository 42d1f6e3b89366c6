using System.Diagnostics;
using System.Text;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using KlosetWorker.Catalog;
using KlosetWorker.Restoring.GoogleLibrary;
using TakeoutGenerator;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>When a file may go up as it is, and what the real ExifTool writes into one that may not.</summary>
public sealed class MediaCorrectionTests : IDisposable
{
    private static readonly DateTimeOffset Taken = new(2023, 6, 9, 10, 19, 47, TimeSpan.Zero);
    private static readonly CatalogPlace Reykjavik = new(64.1466, -21.9426);

    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-exif-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static PlannedItem Item(CatalogPlace? place = null, TimeSpan? zone = null, string mime = "image/jpeg") => new()
    {
        Key = "k",
        Path = "/p",
        Size = 1,
        Mime = mime,
        FileName = "n",
        Taken = Taken,
        Zone = zone,
        Place = place,
    };

    private static DateTime Local(double hours) => DateTime.SpecifyKind(Taken.UtcDateTime.AddHours(hours), DateTimeKind.Unspecified);

    [Theory]
    [InlineData(0, false)]
    [InlineData(2, false)] // a clock in summer time of Europe
    [InlineData(-9.5, false)]
    [InlineData(14, false)]
    [InlineData(-12, false)]
    [InlineData(5.75, false)]
    [InlineData(14.25, true)] // no zone of the world
    [InlineData(-12.25, true)]
    [InlineData(2.1, true)] // six minutes are no zone
    [InlineData(24, true)]
    public void A_clock_without_zone_is_right_when_a_zone_of_the_world_explains_it(double ahead, bool corrected) =>
        Assert.Equal(corrected, MediaCorrection.Of(Item(), new() { TakenLocal = Local(ahead) }) is not null);

    [Fact]
    public void A_zone_that_the_file_or_the_catalog_names_leaves_no_choice()
    {
        Assert.Null(MediaCorrection.Of(Item(), new() { TakenLocal = Local(2), Offset = TimeSpan.FromHours(2) }));
        Assert.NotNull(MediaCorrection.Of(Item(), new() { TakenLocal = Local(2), Offset = TimeSpan.FromHours(1) }));
        Assert.Null(MediaCorrection.Of(Item(zone: TimeSpan.FromHours(2)), new() { TakenLocal = Local(2) }));
        Assert.NotNull(MediaCorrection.Of(Item(zone: TimeSpan.FromHours(2)), new() { TakenLocal = Local(3) }));
    }

    [Fact]
    public void Films_say_it_in_UTC_or_by_the_clock_of_some_cameras()
    {
        Assert.Null(MediaCorrection.Of(Item(mime: "video/mp4"), new() { CreatedUtc = Taken.AddSeconds(1) }));
        Assert.Null(MediaCorrection.Of(Item(mime: "video/mp4"), new() { CreatedUtc = Taken.AddHours(2) }));
        Assert.NotNull(MediaCorrection.Of(Item(mime: "video/mp4"), new() { CreatedUtc = Taken.AddMinutes(7) }));
        Assert.NotNull(MediaCorrection.Of(Item(mime: "video/mp4"), MediaMetadata.Unknown));
    }

    [Fact]
    public void A_place_is_written_where_the_file_has_none_or_one_that_is_more_than_a_hundred_metres_away()
    {
        var right = new MediaMetadata { TakenLocal = Local(0) };
        Assert.Null(MediaCorrection.Of(Item(Reykjavik), right with { Place = new Place(64.1470, -21.9430, null) }));
        Assert.Equal(Reykjavik, MediaCorrection.Of(Item(Reykjavik), right with { Place = new Place(64.16, -21.9426, null) })!.Place);
        var added = MediaCorrection.Of(Item(Reykjavik), right)!;
        Assert.Equal((null, Reykjavik), (added.Taken, added.Place));

        // A place that only the file knows is nobody's contradiction.
        Assert.Null(MediaCorrection.Of(Item(), right with { Place = new Place(1, 2, null) }));
    }

    [Fact]
    public void What_nobody_knows_is_not_written() =>
        Assert.Null(MediaCorrection.Of(Item() with { Taken = null }, MediaMetadata.Unknown));

    public static TheoryData<string, string, byte[]> Files => new()
    {
        { "jpg", "image/jpeg", MediaBytes.Jpeg(new Random(1), 500, null, "Camera", null) },
        { "jpg with another date and place", "image/jpeg", MediaBytes.Jpeg(new Random(2), 500, Taken.AddYears(-3), "Camera", (-33.9, 151.2)) },
        { "png", "image/png", MediaBytes.Png(new Random(3), 500) },
        { "heic", "image/heic", MediaBytes.Heic(new Random(4), 500) },
        { "heic with another date", "image/heic", MediaBytes.Heic(new Random(5), 500, Taken.AddYears(-3)) },
        { "mp4", "video/mp4", MediaBytes.Mp4(new Random(6), 500, null) },
        { "mp4 with another date", "video/mp4", MediaBytes.Mp4(new Random(7), 500, Taken.AddYears(-3)) },
        { "mov", "video/quicktime", MediaBytes.Mp4(new Random(8), 500, null, "qt  ") },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task ExifTool_writes_date_and_place_that_are_read_back_and_gives_the_same_bytes_each_time(string what, string mime, byte[] bytes)
    {
        Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "exiftool"))), "exiftool is not installed");
        var ct = TestContext.Current.CancellationToken;
        await using var exif = await ExifTool.StartAsync(TimeProvider.System, ct);
        var source = Path.Combine(_folder, "source");
        await File.WriteAllBytesAsync(source, bytes, ct);
        var item = Item(Reykjavik, TimeSpan.FromHours(2), mime);
        var correction = MediaCorrection.Of(item, Probe(bytes));
        Assert.NotNull(correction);

        Assert.Null(await exif.CorrectAsync(source, Path.Combine(_folder, "one"), correction, mime, ct));
        Assert.Null(await exif.CorrectAsync(source, Path.Combine(_folder, "two"), correction, mime, ct));

        // By our own reader, which is not ExifTool's: nothing is left to correct.
        var written = await File.ReadAllBytesAsync(Path.Combine(_folder, "one"), ct);
        Assert.True(MediaCorrection.Of(item, Probe(written)) is null, $"{what}: {Probe(written)}");
        Assert.Equal(written, await File.ReadAllBytesAsync(Path.Combine(_folder, "two"), ct));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(source, ct));
    }

    [Theory]
    [InlineData("image/heic", "out.heic")]
    [InlineData("image/heic", "out.heic", "-t", "32")]
    [InlineData("image/avif", "out.avif", "-A")]
    public async Task A_picture_of_a_real_encoder_gets_date_and_place_and_keeps_its_pixels(string mime, string name, params string[] options)
    {
        foreach (var tool in new[] { "exiftool", "heif-enc", "heif-convert" })
        {
            Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, tool))), tool + " is not installed");
        }

        var ct = TestContext.Current.CancellationToken;
        var raw = Path.Combine(_folder, "in.y4m");
        await File.WriteAllBytesAsync(raw, Gradient(64), ct);
        var source = Path.Combine(_folder, name);
        await RunAsync("heif-enc", [.. options, "-o", source, raw], ct);
        var bytes = await File.ReadAllBytesAsync(source, ct);
        var item = Item(Reykjavik, TimeSpan.FromHours(2), mime);
        var correction = MediaCorrection.Of(item, Probe(bytes));
        Assert.NotNull(correction);

        await using var exif = await ExifTool.StartAsync(TimeProvider.System, ct);
        var corrected = Path.Combine(_folder, "corrected" + Path.GetExtension(name));
        Assert.Null(await exif.CorrectAsync(source, corrected, correction, mime, ct));

        var written = await File.ReadAllBytesAsync(corrected, ct);
        Assert.NotEqual(bytes, written);
        Assert.True(MediaCorrection.Of(item, Probe(written)) is null, Probe(written).ToString());
        Assert.Equal(await PixelsAsync(source, ct), await PixelsAsync(corrected, ct));
    }

    private async Task<byte[]> PixelsAsync(string picture, CancellationToken ct)
    {
        var pixels = Path.Combine(_folder, "pixels.y4m");
        await RunAsync("heif-convert", [picture, pixels], ct);
        var content = await File.ReadAllBytesAsync(pixels, ct);
        File.Delete(pixels);
        return content;
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken ct)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var errors = await process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        Assert.True(process.ExitCode == 0, $"{program}: {await output}{errors}");
    }

    /// <summary>One frame of YUV4MPEG2 that no encoder can take for one colour.</summary>
    private static byte[] Gradient(int side)
    {
        var luma = Enumerable.Range(0, side * side).Select(at => (byte)(16 + (((at % side * 3) + (at / side * 2)) % 220)));
        return [.. Encoding.ASCII.GetBytes($"YUV4MPEG2 W{side} H{side} F1:1 Ip C420jpeg\nFRAME\n"), .. luma, .. Enumerable.Repeat((byte)128, side * side / 2)];
    }

    private static MediaMetadata Probe(byte[] bytes)
    {
        using var probe = new MediaProbe();
        probe.Append(bytes);
        return probe.Finish();
    }
}
