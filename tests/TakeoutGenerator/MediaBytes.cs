using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace TakeoutGenerator;

/// <summary>Small files that decoders accept: real headers and metadata around noise that is different in every file.</summary>
public static class MediaBytes
{
    // An 8×8 grey baseline JPEG, from the first quantisation table to the end of the image.
    private static readonly byte[] JpegBody = Convert.FromHexString(
        "FFDB004300080606070605080707070909080A0C140D0C0B0B0C1912130F141D1A1F1E1D1A1C1C20242E2720222C231C1C2837292C30313434341F27393D38323C2E333432" +
        "FFC0000B080008000801011100" +
        "FFC4001F0000010501010101010100000000000000000102030405060708090A0B" +
        "FFC400B5100002010303020403050504040000017D01020300041105122131410613516107227114328191A1082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A434445464748494A535455565758595A636465666768696A737475767778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AAB2B3B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5E6E7E8E9EAF1F2F3F4F5F6F7F8F9FA" +
        "FFDA0008010100003F00FBD28A28A0FFD9");

    public static byte[] Jpeg(Random random, int size, DateTimeOffset? taken, string camera, (double Latitude, double Longitude)? place)
    {
        using var stream = new MemoryStream(size + 2048);
        stream.Write([0xFF, 0xD8]);
        WriteSegment(stream, 0xE1, [.. "Exif\0\0"u8, .. Exif(taken, camera, place)]);
        WriteNoiseSegments(stream, random, size);
        stream.Write(JpegBody);
        return stream.ToArray();
    }

    public static byte[] Png(Random random, int size)
    {
        using var stream = new MemoryStream(size + 256);
        stream.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(stream, "IHDR", [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
        WriteChunk(stream, "noIs", Noise(random, size)); // an ancillary, private chunk
        WriteChunk(stream, "IDAT", [0x78, 0x9C, 0x63, 0x60, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01]);
        WriteChunk(stream, "IEND", []);
        return stream.ToArray();
    }

    /// <summary>One item of noise in the container that phones write: all boxes that metadata readers and writers follow, and a size. Nobody can decode the noise.</summary>
    /// <param name="taken">Null for a file without any EXIF.</param>
    public static byte[] Heic(Random random, int size, DateTimeOffset? taken = null, (double Latitude, double Longitude)? place = null)
    {
        var image = Noise(random, size);
        byte[] exif = taken is null ? [] : [0, 0, 0, 6, .. "Exif\0\0"u8, .. Exif(taken, "Example One", place)];
        using var stream = new MemoryStream(image.Length + exif.Length + 512);
        WriteBox(stream, "ftyp", [.. "heic"u8, 0, 0, 0, 0, .. "mif1heic"u8]);
        const int Header = 8;
        var length = HeicItems(0, image.Length, exif.Length).Length;
        WriteBox(stream, "meta", HeicItems((int)stream.Length + Header + length + Header, image.Length, exif.Length));
        WriteBox(stream, "mdat", [.. image, .. exif]);
        return stream.ToArray();
    }

    public static byte[] Mp4(Random random, int size, DateTimeOffset? taken, string brand = "mp42")
    {
        using var stream = new MemoryStream(size + 256);
        WriteBox(stream, "ftyp", [.. Encoding.ASCII.GetBytes(brand), 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(brand)]);
        WriteBox(stream, "mdat", Noise(random, size));
        // the movie header comes last, as cameras write it
        var header = new byte[100];
        var seconds = taken is { } time ? (uint)(time.ToUnixTimeSeconds() + 2082844800) : 0; // seconds since 1904
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), seconds);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), seconds);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), 1000);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(16), 2500);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(20), 0x00010000);
        using var movie = new MemoryStream();
        WriteBox(movie, "mvhd", header);
        WriteBox(stream, "moov", movie.ToArray());
        return stream.ToArray();
    }

    public static byte[] Noise(Random random, int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>ISO 23008-12: which items there are, where their bytes lie, and what they are to each other.</summary>
    /// <param name="at">Of the image's first byte in the file; the EXIF follows it.</param>
    private static byte[] HeicItems(int at, int imageLength, int exifLength)
    {
        static byte[] Box(string type, params byte[] payload)
        {
            using var box = new MemoryStream();
            WriteBox(box, type, payload);
            return box.ToArray();
        }

        static byte[] Int32(int value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
        static byte[] Int16(int value) => [(byte)(value >> 8), (byte)value];
        static byte[] Location(int item, int offset, int length) => [.. Int16(item), 0, 0, .. Int16(1), .. Int32(offset), .. Int32(length)];
        var hasExif = exifLength > 0;
        byte[] items = [.. Box("infe", [2, 0, 0, 0, .. Int16(1), 0, 0, .. "hvc1\0"u8]), .. hasExif ? Box("infe", [2, 0, 0, 1, .. Int16(2), 0, 0, .. "Exif\0"u8]) : []];
        byte[] locations = [.. Location(1, at, imageLength), .. hasExif ? Location(2, at + imageLength, exifLength) : []];
        var count = Int16(hasExif ? 2 : 1);
        return
        [
            0, 0, 0, 0,
            .. Box("hdlr", [0, 0, 0, 0, 0, 0, 0, 0, .. "pict"u8, .. new byte[13]]),
            .. Box("pitm", [0, 0, 0, 0, .. Int16(1)]),
            .. Box("iloc", [0, 0, 0, 0, 0x44, 0, .. count, .. locations]),
            .. Box("iinf", [0, 0, 0, 0, .. count, .. items]),
            .. hasExif ? Box("iref", [0, 0, 0, 0, .. Box("cdsc", [.. Int16(2), .. Int16(1), .. Int16(1)])]) : [],
            .. Box("iprp", [.. Box("ipco", Box("ispe", [0, 0, 0, 0, .. Int32(8), .. Int32(8)])), .. Box("ipma", [0, 0, 0, 0, .. Int32(1), .. Int16(1), 1, 1])]),
        ];
    }

    private static void WriteNoiseSegments(Stream stream, Random random, int size)
    {
        for (var left = size; left > 0; left -= 65_000)
        {
            WriteSegment(stream, 0xFE, Noise(random, Math.Min(left, 65_000)));
        }
    }

    private static void WriteSegment(Stream stream, byte marker, byte[] payload)
    {
        var length = payload.Length + 2;
        stream.Write([0xFF, marker, (byte)(length >> 8), (byte)length]);
        stream.Write(payload);
    }

    private static void WriteChunk(Stream stream, string type, byte[] payload)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, payload.Length);
        stream.Write(number);
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. payload];
        stream.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.HashToUInt32(body));
        stream.Write(number);
    }

    private static void WriteBox(Stream stream, string type, byte[] payload)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, payload.Length + 8);
        stream.Write(length);
        stream.Write(Encoding.ASCII.GetBytes(type));
        stream.Write(payload);
    }

    /// <summary>A little-endian TIFF block: camera, local time with its offset from UTC, and the place.</summary>
    private static byte[] Exif(DateTimeOffset? taken, string camera, (double Latitude, double Longitude)? place)
    {
        var main = new List<(ushort Tag, ushort Type, byte[] Value)> { (0x010F, 2, Ascii("Example")), (0x0110, 2, Ascii(camera)) };
        var exif = new List<(ushort Tag, ushort Type, byte[] Value)>();
        if (taken is { } time)
        {
            exif.Add((0x9003, 2, Ascii(time.ToString("yyyy:MM:dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture))));
            exif.Add((0x9011, 2, Ascii(time.ToString("zzz", System.Globalization.CultureInfo.InvariantCulture))));
        }

        var gps = new List<(ushort Tag, ushort Type, byte[] Value)>();
        if (place is { } there)
        {
            gps.Add((1, 2, Ascii(there.Latitude < 0 ? "S" : "N")));
            gps.Add((2, 5, Degrees(there.Latitude)));
            gps.Add((3, 2, Ascii(there.Longitude < 0 ? "W" : "E")));
            gps.Add((4, 5, Degrees(there.Longitude)));
        }

        const int Header = 8;
        var mainCount = main.Count + 1 + (gps.Count > 0 ? 1 : 0);
        var exifAt = Header + DirectorySize(mainCount, main);
        var gpsAt = exifAt + DirectorySize(exif.Count, exif);
        main.Add((0x8769, 4, BitConverter.GetBytes(exifAt)));
        if (gps.Count > 0)
        {
            main.Add((0x8825, 4, BitConverter.GetBytes(gpsAt)));
        }

        using var stream = new MemoryStream();
        stream.Write([.. "II"u8, 42, 0, Header, 0, 0, 0]);
        WriteDirectory(stream, main);
        WriteDirectory(stream, exif);
        if (gps.Count > 0)
        {
            WriteDirectory(stream, gps);
        }

        return stream.ToArray();
    }

    private static int DirectorySize(int count, List<(ushort Tag, ushort Type, byte[] Value)> entries) =>
        2 + (count * 12) + 4 + entries.Sum(entry => entry.Value.Length > 4 ? entry.Value.Length + (entry.Value.Length & 1) : 0);

    private static void WriteDirectory(MemoryStream stream, List<(ushort Tag, ushort Type, byte[] Value)> entries)
    {
        var dataAt = (int)stream.Position + 2 + (entries.Count * 12) + 4;
        using var data = new MemoryStream();
        stream.Write(BitConverter.GetBytes((ushort)entries.Count));
        foreach (var (tag, type, value) in entries)
        {
            stream.Write(BitConverter.GetBytes(tag));
            stream.Write(BitConverter.GetBytes(type));
            stream.Write(BitConverter.GetBytes(type switch { 5 => value.Length / 8, 4 => value.Length / 4, _ => value.Length }));
            if (value.Length > 4)
            {
                stream.Write(BitConverter.GetBytes(dataAt + (int)data.Position));
                data.Write(value);
                if ((value.Length & 1) == 1)
                {
                    data.WriteByte(0);
                }
            }
            else
            {
                stream.Write([.. value, .. new byte[4 - value.Length]]);
            }
        }

        stream.Write(new byte[4]);
        data.WriteTo(stream);
    }

    private static byte[] Ascii(string text) => [.. Encoding.ASCII.GetBytes(text), 0];

    private static byte[] Degrees(double value)
    {
        var degrees = Math.Abs(value);
        var minutes = (degrees - Math.Floor(degrees)) * 60;
        var seconds = (minutes - Math.Floor(minutes)) * 60;
        return [.. Rational((uint)degrees, 1), .. Rational((uint)minutes, 1), .. Rational((uint)Math.Round(seconds * 1000), 1000)];
    }

    private static byte[] Rational(uint numerator, uint denominator) => [.. BitConverter.GetBytes(numerator), .. BitConverter.GetBytes(denominator)];
}
