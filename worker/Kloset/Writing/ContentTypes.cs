namespace Kloset.Writing;

/// <summary>
/// Names the type of a content by its first bytes. Advisory in the format, but never empty, and the index of types needs exactly one slash
/// before the parameters.
/// </summary>
internal static class ContentTypes
{
    public const string Unknown = "application/octet-stream";
    public const string NotRegular = "application/x-not-regular-file";

    /// <summary>Bytes that are looked at.</summary>
    public const int SniffLength = 3072;

    private static readonly (int Offset, byte[] Magic, string Type)[] Signatures =
    [
        (0, [0xFF, 0xD8, 0xFF], "image/jpeg"),
        (0, [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A], "image/png"),
        (0, "GIF87a"u8.ToArray(), "image/gif"),
        (0, "GIF89a"u8.ToArray(), "image/gif"),
        (0, [(byte)'I', (byte)'I', 0x2A, 0x00, 0x10, 0x00, 0x00, 0x00, (byte)'C', (byte)'R'], "image/x-canon-cr2"),
        (0, [(byte)'I', (byte)'I', 0x2A, 0x00], "image/tiff"),
        (0, [(byte)'M', (byte)'M', 0x00, 0x2A], "image/tiff"),
        (0, "BM"u8.ToArray(), "image/bmp"),
        (0, "8BPS"u8.ToArray(), "image/vnd.adobe.photoshop"),
        (0, "FUJIFILMCCD-RAW"u8.ToArray(), "image/x-fujifilm-raf"),
        (0, [0x00, 0x00, 0x01, 0x00], "image/x-icon"),
        (0, [0xFF, 0x0A], "image/jxl"),
        (0, [0x00, 0x00, 0x00, 0x0C, (byte)'J', (byte)'X', (byte)'L', (byte)' '], "image/jxl"),
        (0, [0x1A, 0x45, 0xDF, 0xA3], "video/x-matroska"),
        (0, [0x00, 0x00, 0x01, 0xBA], "video/mpeg"),
        (0, [0x00, 0x00, 0x01, 0xB3], "video/mpeg"),
        (0, "FLV"u8.ToArray(), "video/x-flv"),
        (0, [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], "video/x-ms-asf"),
        (0, "ID3"u8.ToArray(), "audio/mpeg"),
        (0, "OggS"u8.ToArray(), "audio/ogg"),
        (0, "fLaC"u8.ToArray(), "audio/flac"),
        (0, "%PDF-"u8.ToArray(), "application/pdf"),
        (0, [(byte)'P', (byte)'K', 3, 4], "application/zip"),
        (0, [(byte)'P', (byte)'K', 5, 6], "application/zip"),
        (0, [0x1F, 0x8B], "application/gzip"),
        (0, [0x42, 0x5A, 0x68], "application/x-bzip2"),
        (0, [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0], "application/x-xz"),
        (0, [0x28, 0xB5, 0x2F, 0xFD], "application/zstd"),
        (0, [(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C], "application/x-7z-compressed"),
        (0, [0x7F, (byte)'E', (byte)'L', (byte)'F'], "application/x-executable"),
        (0, "SQLite format 3\0"u8.ToArray(), "application/vnd.sqlite3"),
        (257, "ustar"u8.ToArray(), "application/x-tar"),
    ];

    /// <summary>Major brands of ISO base media files.</summary>
    private static readonly Dictionary<string, string> Brands = new(StringComparer.Ordinal)
    {
        ["heic"] = "image/heic",
        ["heix"] = "image/heic",
        ["heim"] = "image/heic",
        ["heis"] = "image/heic",
        ["hevc"] = "image/heic-sequence",
        ["hevx"] = "image/heic-sequence",
        ["mif1"] = "image/heif",
        ["msf1"] = "image/heif-sequence",
        ["avif"] = "image/avif",
        ["avis"] = "image/avif",
        ["crx "] = "image/x-canon-cr3",
        ["qt  "] = "video/quicktime",
        ["M4A "] = "audio/x-m4a",
        ["M4B "] = "audio/x-m4a",
        ["M4V "] = "video/x-m4v",
        ["3gp4"] = "video/3gpp",
        ["3gp5"] = "video/3gpp",
        ["3gp6"] = "video/3gpp",
        ["3g2a"] = "video/3gpp2",
    };

    /// <summary>Raw formats look like TIFF: only their names tell them apart.</summary>
    private static readonly Dictionary<string, string> RawByExtension = new(StringComparer.OrdinalIgnoreCase)
    {
        [".dng"] = "image/x-adobe-dng",
        [".nef"] = "image/x-nikon-nef",
        [".arw"] = "image/x-sony-arw",
        [".orf"] = "image/x-olympus-orf",
        [".rw2"] = "image/x-panasonic-rw2",
        [".pef"] = "image/x-pentax-pef",
        [".srw"] = "image/x-samsung-srw",
    };

    /// <param name="head">The first bytes, up to <see cref="SniffLength"/>.</param>
    public static string Detect(ReadOnlySpan<byte> head, string? fileName)
    {
        if (head.IsEmpty)
            return "text/plain";
        if (head.Length > SniffLength)
            head = head[..SniffLength];
        if (head.Length >= 12 && head.Slice(4, 4).SequenceEqual("ftyp"u8))
            return Brands.GetValueOrDefault(System.Text.Encoding.Latin1.GetString(head.Slice(8, 4)), "video/mp4");
        if (head.Length >= 8 && (head.Slice(4, 4).SequenceEqual("moov"u8) || head.Slice(4, 4).SequenceEqual("mdat"u8) || head.Slice(4, 4).SequenceEqual("wide"u8)))
            return "video/quicktime";
        if (head.Length >= 12 && head[..4].SequenceEqual("RIFF"u8))
        {
            if (head.Slice(8, 4).SequenceEqual("WEBP"u8))
                return "image/webp";
            if (head.Slice(8, 4).SequenceEqual("AVI "u8))
                return "video/x-msvideo";
            if (head.Slice(8, 4).SequenceEqual("WAVE"u8))
                return "audio/wav";
        }

        foreach (var (offset, magic, type) in Signatures)
        {
            if (head.Length >= offset + magic.Length && head.Slice(offset, magic.Length).SequenceEqual(magic))
                return type == "image/tiff" ? RawByExtension.GetValueOrDefault(Path.GetExtension(fileName ?? ""), type) : type;
        }

        return DetectText(head) ?? Unknown;
    }

    /// <summary>A type that the index can file: `type/subtype`, parameters allowed behind a semicolon.</summary>
    public static string OrUnknown(string type)
    {
        var bare = type.Split(';')[0];
        return bare.Count(c => c == '/') == 1 && !bare.StartsWith('/') && !bare.EndsWith('/') && !bare.Contains('\0') ? type : Unknown;
    }

    private static string? DetectText(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            head = head[3..];
        // Bytes that no text has; a character that the window cuts in two is no reason to call it binary.
        if (head.IndexOfAnyInRange((byte)0, (byte)8) >= 0 || head.IndexOfAnyInRange((byte)14, (byte)26) >= 0)
            return null;
        var whole = head;
        if (!System.Text.Unicode.Utf8.IsValid(whole))
        {
            var cut = 0;
            while (cut < 3 && whole.Length > 0 && !System.Text.Unicode.Utf8.IsValid(whole))
            {
                whole = whole[..^1];
                cut++;
            }

            if (!System.Text.Unicode.Utf8.IsValid(whole) || head.Length < SniffLength)
                return "text/plain; charset=iso-8859-1";
        }

        var start = head.TrimStart(" \t\r\n"u8);
        if (start.StartsWith("#!"u8))
            return "text/x-shellscript";
        if (StartsWithTag(start, "<!DOCTYPE HTML"u8) || StartsWithTag(start, "<html"u8))
            return "text/html; charset=utf-8";
        if (start.StartsWith("<?xml"u8))
            return "text/xml; charset=utf-8";
        if (start.StartsWith("<svg"u8))
            return "image/svg+xml";
        return LooksLikeJson(start) ? "application/json" : "text/plain; charset=utf-8";
    }

    private static bool StartsWithTag(ReadOnlySpan<byte> text, ReadOnlySpan<byte> tag) =>
        text.Length >= tag.Length && System.Text.Ascii.EqualsIgnoreCase(text[..tag.Length], tag);

    private static bool LooksLikeJson(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] is not ((byte)'{' or (byte)'['))
            return false;
        var reader = new System.Text.Json.Utf8JsonReader(text, isFinalBlock: text.Length < SniffLength, state: default);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }
}
