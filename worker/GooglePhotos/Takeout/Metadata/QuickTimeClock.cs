using System.Buffers.Binary;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>The creation time in a film's header (ISO 14496-12, mvhd), found by walking boxes: a few small reads, wherever moov lies.</summary>
internal static class QuickTimeClock
{
    // Top-level boxes of a film are a handful; a file with more is made to keep us busy.
    private const int MaxBoxes = 1_000;

    /// <summary>Null when the file is no such film or names no time.</summary>
    internal static async Task<DateTimeOffset?> ReadAsync(Stream film, CancellationToken ct)
    {
        byte[] header = new byte[16];
        long end = film.Length;
        long at = 0;
        for (int boxes = 0; boxes < MaxBoxes && at <= end - 8; boxes++)
        {
            film.Position = at;
            int read = await film.ReadAtLeastAsync(header, (int)Math.Min(16, end - at), throwOnEndOfStream: false, ct);
            if (read < 8)
            {
                return null;
            }

            long size = BinaryPrimitives.ReadUInt32BigEndian(header);
            int headerSize = 8;
            if (size == 1 && read == 16)
            {
                size = BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(8));
                headerSize = 16;
            }
            else if (size == 0)
            {
                size = end - at;
            }

            if (size < headerSize || size > end - at)
            {
                return null;
            }

            ReadOnlySpan<byte> type = header.AsSpan(4, 4);
            if (type.SequenceEqual("moov"u8))
            {
                end = at + size;
                at += headerSize;
                continue;
            }

            if (type.SequenceEqual("mvhd"u8) && size >= headerSize + 20)
            {
                byte[] body = new byte[20];
                film.Position = at + headerSize;
                await film.ReadExactlyAsync(body, ct);
                return FilmClock.ReadHeader(body);
            }

            at += size;
        }

        return null;
    }
}
