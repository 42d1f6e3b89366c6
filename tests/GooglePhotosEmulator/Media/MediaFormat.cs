using System.Buffers.Binary;

namespace GooglePhotosEmulator.Media;

/// <summary>What kind of file the first bytes say it is. Google goes by them, not by the name.</summary>
internal static class MediaFormat
{
    public const int Needed = 512;

    /// <returns>A MIME type of the lists that the Library API accepts; null for anything else.</returns>
    public static string? Detect(ReadOnlySpan<byte> head, string fileName) =>
        Image(head, fileName) ?? IsoMedia(head) ?? Video(head);

    public static bool IsVideo(string mimeType) => mimeType.StartsWith("video/", StringComparison.Ordinal);

    private static string? Image(ReadOnlySpan<byte> head, string fileName)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
        {
            return "image/jpeg";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]))
        {
            return "image/png";
        }

        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8))
        {
            return "image/gif";
        }

        if (head.StartsWith("BM"u8) && head.Length > 18 && BinaryPrimitives.ReadUInt32LittleEndian(head[14..]) is 12 or 40 or 52 or 56 or 108 or 124)
        {
            return "image/bmp";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]) && head.Length > 5 && head[4] > 0 && head[5] == 0)
        {
            return "image/x-icon";
        }

        if (head.StartsWith("II*\0"u8) || head.StartsWith("MM\0*"u8))
        {
            return Path.GetExtension(fileName).ToUpperInvariant() switch
            {
                ".DNG" => "image/x-adobe-dng",
                ".CR2" => "image/x-canon-cr2",
                ".NEF" => "image/x-nikon-nef",
                ".ARW" => "image/x-sony-arw",
                _ => "image/tiff",
            };
        }

        if (head.StartsWith("IIU\0"u8))
        {
            return "image/x-panasonic-rw2";
        }

        if (head.StartsWith("FUJIFILMCCD-RAW"u8))
        {
            return "image/x-fuji-raf";
        }

        return head.StartsWith("RIFF"u8) && head.Length >= 12 && head.Slice(8, 4).SequenceEqual("WEBP"u8) ? "image/webp" : null;
    }

    private static string? IsoMedia(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12)
        {
            return null;
        }

        var type = head.Slice(4, 4);
        if (type.SequenceEqual("moov"u8) || type.SequenceEqual("wide"u8) || type.SequenceEqual("mdat"u8))
        {
            return "video/quicktime"; // QuickTime of before brands
        }

        if (!type.SequenceEqual("ftyp"u8))
        {
            return null;
        }

        return System.Text.Encoding.ASCII.GetString(head.Slice(8, 4)) switch
        {
            "heic" or "heix" or "heim" or "heis" or "hevc" or "mif1" or "msf1" => "image/heif",
            "avif" or "avis" => "image/avif",
            "crx " => "image/x-canon-cr3",
            "qt  " => "video/quicktime",
            "3gp4" or "3gp5" or "3gp6" or "3gp7" => "video/3gpp",
            "3g2a" or "3g2b" => "video/3gpp2",
            _ => "video/mp4",
        };
    }

    private static string? Video(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("RIFF"u8) && head.Length >= 12 && head.Slice(8, 4).SequenceEqual("AVI "u8))
        {
            return "video/x-msvideo";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x1A, 0x45, 0xDF, 0xA3]))
        {
            return "video/x-matroska";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]))
        {
            return "video/x-ms-wmv";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xBA]) || head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xB3]))
        {
            return "video/mpeg";
        }

        var transport = head.Length > 376 && head[0] == 0x47 && head[188] == 0x47 && head[376] == 0x47;
        var withTime = head.Length > 388 && head[4] == 0x47 && head[196] == 0x47 && head[388] == 0x47;
        return transport || withTime ? "video/mp2t" : null;
    }
}
