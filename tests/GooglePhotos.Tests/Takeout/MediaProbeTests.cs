using System.Buffers.Binary;
using GooglePhotos.Takeout.Metadata;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

public sealed class MediaProbeTests
{
    private static readonly DateTimeOffset Taken = new(2023, 6, 9, 10, 19, 47, TimeSpan.FromHours(2));

    [Fact]
    public void A_photo_tells_its_time_camera_and_place()
    {
        MediaMetadata photo = Probe(MediaBytes.Jpeg(new Random(1), 5_000, Taken, "Example One", (47.3769, 8.5417)), 700);

        Assert.Equal("image/jpeg", photo.MimeType);
        Assert.Equal(Taken.DateTime, photo.TakenLocal);
        Assert.Contains("Example One", $"{photo.CameraMake} {photo.CameraModel}", StringComparison.Ordinal);
        Assert.Equal(47.3769, photo.Place!.Latitude, 3);
        Assert.Equal(8.5417, photo.Place.Longitude, 3);
    }

    [Theory]
    [InlineData(500, 13)]
    [InlineData(3_000_000, 65_536)]
    public void A_film_tells_its_time_wherever_its_header_lies(int size, int step)
    {
        byte[] film = MediaBytes.Mp4(new Random(1), size, Taken);
        MediaMetadata metadata = Probe(film, step);

        Assert.StartsWith("video/", metadata.MimeType, StringComparison.Ordinal);
        Assert.Equal(Taken.UtcDateTime, metadata.CreatedUtc?.UtcDateTime);
    }

    [Fact]
    public void The_same_probe_may_be_used_for_one_file_after_another()
    {
        using MediaProbe probe = new();
        foreach (byte[] file in new[] { MediaBytes.Jpeg(new Random(1), 3_000_000, Taken, "A", null), MediaBytes.Png(new Random(1), 900), MediaBytes.Heic(new Random(1), 900) })
        {
            probe.Append(file);
            Assert.NotNull(probe.Finish().MimeType);
        }
    }

    [Fact]
    public void No_bytes_make_the_probe_throw()
    {
        Random random = new(3);
        byte[][] seeds =
        [
            MediaBytes.Jpeg(random, 3_000, Taken, "A", (1, 2)), MediaBytes.Png(random, 900), MediaBytes.Heic(random, 900), MediaBytes.Mp4(random, 900, Taken),
        ];
        using MediaProbe probe = new();
        for (int round = 0; round < 2_000; round++)
        {
            byte[] bytes = [.. seeds[round % seeds.Length]];
            for (int i = 0; i < 1 + random.Next(20); i++)
            {
                bytes[random.Next(Math.Min(bytes.Length, 400))] = (byte)random.Next(256);
            }

            probe.Append(bytes.AsSpan(0, random.Next(bytes.Length)));
            probe.Finish();
        }
    }

    [Fact]
    public void Directories_chained_ten_thousands_deep_end_in_a_result_and_not_in_a_crash()
    {
        // TIFF: each directory holds one pointer, to the next one.
        byte[] tiff = new byte[1 << 20];
        "II*\0"u8.CopyTo(tiff);
        BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(4), 8);
        for (int at = 8; at + 36 < tiff.Length; at += 18)
        {
            BinaryPrimitives.WriteInt16LittleEndian(tiff.AsSpan(at), 1);
            BinaryPrimitives.WriteUInt16LittleEndian(tiff.AsSpan(at + 2), 0x8769);
            BinaryPrimitives.WriteInt16LittleEndian(tiff.AsSpan(at + 4), 4);
            BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(at + 6), 1);
            BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(at + 10), at + 18);
        }

        Assert.Equal("image/tiff", Probe(tiff, 65_536).MimeType);
    }

    [Theory]
    [InlineData(2 * 3600, null, 120)]
    [InlineData(-(3 * 3600) - 1800, null, -210)]
    [InlineData((5 * 3600) + 2700 + 1, null, 345)]
    [InlineData(0, null, 0)]
    [InlineData(1234, null, null)]
    [InlineData(20 * 3600, null, null)]
    [InlineData(1234, 540, 540)]
    public void The_zone_is_a_whole_quarter_hour_between_shown_and_local_time(int difference, int? namedMinutes, int? expectedMinutes)
    {
        DateTimeOffset shown = new(2024, 1, 2, 3, 4, 5, TimeSpan.Zero);
        MediaMetadata file = new()
        {
            TakenLocal = DateTime.SpecifyKind(shown.UtcDateTime.AddSeconds(difference), DateTimeKind.Unspecified),
            Offset = namedMinutes is { } m ? TimeSpan.FromMinutes(m) : null,
        };

        Assert.Equal(expectedMinutes, TimeZoneRule.Derive(shown, file)?.TotalMinutes);
    }

    private static MediaMetadata Probe(byte[] bytes, int step)
    {
        using MediaProbe probe = new();
        for (int at = 0; at < bytes.Length; at += step)
        {
            probe.Append(bytes.AsSpan(at, Math.Min(step, bytes.Length - at)));
        }

        return probe.Finish();
    }
}
