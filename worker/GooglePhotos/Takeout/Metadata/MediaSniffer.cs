namespace GooglePhotos.Takeout.Metadata;

/// <summary>Tells a picture or film by its first bytes; extensions lie in exports.</summary>
public static class MediaSniffer
{
    /// <summary>Bytes that are enough to decide.</summary>
    public const int HeadBytes = 64;

    /// <summary>The MIME type, or null when nothing known begins like this.</summary>
    public static string? Sniff(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
        {
            return "image/jpeg";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]))
        {
            return "image/png";
        }

        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8))
        {
            return "image/gif";
        }

        if (head.Length >= 12 && head.StartsWith("RIFF"u8))
        {
            return head[8..12] switch
            {
                var t when t.SequenceEqual("WEBP"u8) => "image/webp",
                var t when t.SequenceEqual("AVI "u8) => "video/x-msvideo",
                _ => null,
            };
        }

        if (head.Length >= 12 && head[4..8].SequenceEqual("ftyp"u8))
        {
            return Brand(head);
        }

        if (head.Length >= 8 && (head[4..8].SequenceEqual("moov"u8) || head[4..8].SequenceEqual("mdat"u8) || head[4..8].SequenceEqual("wide"u8)
            || head[4..8].SequenceEqual("free"u8) || head[4..8].SequenceEqual("skip"u8)))
        {
            return "video/quicktime";
        }

        if (head.StartsWith("BM"u8) && head.Length >= 14 && head[6..10].IndexOfAnyExcept((byte)0) < 0)
        {
            return "image/bmp";
        }

        if (head.StartsWith("II*\0"u8) || head.StartsWith("MM\0*"u8) || head.StartsWith("IIRO"u8) || head.StartsWith("IIU\0"u8))
        {
            return head.Length >= 10 && head[8..10].SequenceEqual("CR"u8) ? "image/x-canon-cr2" : "image/tiff";
        }

        if (head.StartsWith("FUJIFILMCCD-RAW"u8))
        {
            return "image/x-fuji-raf";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x1A, 0x45, 0xDF, 0xA3]))
        {
            return head.IndexOf("webm"u8) >= 0 ? "video/webm" : "video/x-matroska";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]))
        {
            return "video/x-ms-wmv";
        }

        if (head.StartsWith("FLV\u0001"u8))
        {
            return "video/x-flv";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xBA]) || head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xB3]))
        {
            return "video/mpeg";
        }

        if ((head.Length > 4 && head[4] == 0x47 && head[0] != 0x47 && head.Length >= 8) && head[0] == 0)
        {
            return "video/mp2t";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]) && head.Length > 6 && head[4] != 0)
        {
            return "image/x-icon";
        }

        if (head.StartsWith("8BPS"u8))
        {
            return "image/vnd.adobe.photoshop";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A]) || head.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 0x0C, (byte)'J', (byte)'X', (byte)'L', (byte)' ']))
        {
            return "image/jxl";
        }

        return head.StartsWith("OggS"u8) ? "video/ogg" : null;
    }

    private static string Brand(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> brand = head[8..12];
        if (brand.SequenceEqual("heic"u8) || brand.SequenceEqual("heix"u8) || brand.SequenceEqual("hevc"u8) || brand.SequenceEqual("heim"u8)
            || brand.SequenceEqual("heis"u8))
        {
            return "image/heic";
        }

        if (brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8))
        {
            return head.IndexOf("avif"u8) > 0 ? "image/avif" : "image/heif";
        }

        if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
        {
            return "image/avif";
        }

        if (brand.SequenceEqual("crx "u8))
        {
            return "image/x-canon-cr3";
        }

        if (brand.SequenceEqual("qt  "u8))
        {
            return "video/quicktime";
        }

        return brand.StartsWith("3g"u8) ? "video/3gpp" : brand.StartsWith("M4V"u8) ? "video/x-m4v" : "video/mp4";
    }
}
