using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace GooglePhotosEmulator.Media;

/// <summary>
/// What a baseUrl gives: never the uploaded file itself of a video, a photo without its place, or a picture of a wanted size. The
/// emulator decodes nothing: a small picture has the right form and size and one colour.
/// </summary>
internal static partial class Renditions
{
    /// <param name="suffix">What follows the baseUrl, such as <c>=d</c>, <c>=dv</c>, <c>=w2048-h1024-c</c>; empty is a small preview.</param>
    /// <returns>Null for a suffix that is not understood.</returns>
    public static (byte[] Bytes, string MimeType)? Make(Library.MediaItem item, string suffix)
    {
        var facts = item.Facts;
        if (suffix == "=d")
        {
            return MediaFormat.IsVideo(facts.MimeType) ? (Thumbnail(item, 512, 512, false), "image/png") : (WithoutPlace(item.Content), facts.MimeType);
        }

        if (suffix == "=dv")
        {
            return MediaFormat.IsVideo(facts.MimeType) ? (Transcoded(item.Content), "video/mp4") : MotionOf(item.Content) is { } clip ? (clip, "video/mp4") : null;
        }

        if (suffix.Length == 0)
        {
            return (Thumbnail(item, 512, 512, false), "image/png");
        }

        var match = Size().Match(suffix);
        if (!match.Success)
        {
            return null;
        }

        var width = match.Groups["w"].Success ? int.Parse(match.Groups["w"].Value, CultureInfo.InvariantCulture) : int.MaxValue;
        var height = match.Groups["h"].Success ? int.Parse(match.Groups["h"].Value, CultureInfo.InvariantCulture) : int.MaxValue;
        return (Thumbnail(item, width, height, match.Groups["c"].Success), "image/png");
    }

    private static byte[] WithoutPlace(Content content)
    {
        var bytes = content.ToArray();
        LocationRemoval.Remove(bytes);
        return bytes;
    }

    /// <summary>Another stream of about 60 % of the size, under the same movie header; the same input gives the same bytes.</summary>
    private static byte[] Transcoded(Content content)
    {
        var source = content.ToArray();
        var movie = FindBox(source, "moov"u8);
        using var stream = new MemoryStream();
        WriteBox(stream, "ftyp"u8, [.. "isom"u8, 0, 0, 2, 0, .. "isommp41"u8]);
        if (!movie.IsEmpty)
        {
            stream.Write(movie);
        }

        var seed = SHA256.HashData(source);
        var data = new byte[Math.Max(16, source.Length * 6 / 10)];
        for (var at = 0; at < data.Length; at++)
        {
            data[at] = (byte)(source[at % source.Length] ^ seed[at % seed.Length]);
        }

        WriteBox(stream, "mdat"u8, data);
        return stream.ToArray();
    }

    /// <summary>A motion photo carries its clip behind the still.</summary>
    private static byte[]? MotionOf(Content content)
    {
        var bytes = content.ToArray();
        var at = bytes.AsSpan().LastIndexOf("ftypmp4"u8);
        return at > 4 && bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]) ? bytes[(at - 4)..] : null;
    }

    private static byte[] Thumbnail(Library.MediaItem item, int maxWidth, int maxHeight, bool crop)
    {
        var (width, height) = Fit(item.Facts.Width, item.Facts.Height, maxWidth, maxHeight, crop);
        var colour = item.Sha1.AsSpan(0, 3);
        using var stream = new MemoryStream();
        stream.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 1;
        header[9] = 3;
        WriteChunk(stream, "IHDR"u8, header);
        WriteChunk(stream, "PLTE"u8, [.. colour, 0, 0, 0]);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, true))
        {
            var row = new byte[1 + ((width + 7) / 8)];
            for (var y = 0; y < height; y++)
            {
                zlib.Write(row);
            }
        }

        WriteChunk(stream, "IDAT"u8, packed.ToArray());
        WriteChunk(stream, "IEND"u8, []);
        return stream.ToArray();
    }

    /// <summary>Fits inside with the aspect kept; cropped it has exactly the size; never enlarged.</summary>
    internal static (int Width, int Height) Fit(int width, int height, int maxWidth, int maxHeight, bool crop)
    {
        if (crop)
        {
            return (Math.Min(width, maxWidth), Math.Min(height, maxHeight));
        }

        var scale = Math.Min(1.0, Math.Min(maxWidth / (double)width, maxHeight / (double)height));
        return (Math.Max(1, (int)Math.Round(width * scale)), Math.Max(1, (int)Math.Round(height * scale)));
    }

    private static ReadOnlySpan<byte> FindBox(ReadOnlySpan<byte> file, ReadOnlySpan<byte> type)
    {
        for (var at = 0; at + 8 <= file.Length;)
        {
            long length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length == 1 && at + 16 <= file.Length)
            {
                length = BinaryPrimitives.ReadInt64BigEndian(file[(at + 8)..]);
            }

            if (length < 8 || at + length > file.Length)
            {
                return [];
            }

            if (file.Slice(at + 4, 4).SequenceEqual(type))
            {
                return file.Slice(at, (int)length);
            }

            at += (int)length;
        }

        return [];
    }

    private static void WriteBox(Stream stream, ReadOnlySpan<byte> type, ReadOnlySpan<byte> payload)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, payload.Length + 8);
        stream.Write(length);
        stream.Write(type);
        stream.Write(payload);
    }

    private static void WriteChunk(Stream stream, ReadOnlySpan<byte> type, ReadOnlySpan<byte> payload)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, payload.Length);
        stream.Write(number);
        stream.Write(type);
        stream.Write(payload);
        var crc = new Crc32();
        crc.Append(type);
        crc.Append(payload);
        BinaryPrimitives.WriteUInt32BigEndian(number, crc.GetCurrentHashAsUInt32());
        stream.Write(number);
    }

    [GeneratedRegex("^=(?:w(?<w>[0-9]{1,5}))?-?(?:h(?<h>[0-9]{1,5}))?(?<c>-c)?(?:-no)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Size();
}
