using System.Globalization;
using System.Text;
using Kloset;
using Kloset.Snapshots;

namespace KlosetWorker.Exporting;

/// <summary>
/// A tar archive of the POSIX.1-2001 interchange format (pax). The runtime's own writer takes names as strings and encodes them as UTF-8; names here
/// are bytes, so that what is not UTF-8 comes back as it was (`hdrcharset=BINARY`).
/// </summary>
internal sealed class PaxTar(Stream output) : IExportFormat
{
    private const int Block = 512;

    /// <summary>Largest number of eleven octal digits.</summary>
    private const long MaxOctalSize = 0x1FFFFFFFF;

    private const long MaxOctalId = 0x1FFFFF;

    private static readonly byte[] _zeros = new byte[2 * Block];

    public async Task<string?> AddAsync(byte[] name, Entry entry, Stream? content, CancellationToken cancellationToken)
    {
        var (type, unknown) = entry.Kind switch
        {
            EntryKind.File => ((byte)'0', null),
            EntryKind.Directory => ((byte)'5', null),
            EntryKind.Symlink => ((byte)'2', null),
            EntryKind.Pipe => ((byte)'6', null),
            EntryKind.Device => ((byte)0, "a device, whose numbers a snapshot does not hold"),
            EntryKind.Socket => ((byte)0, "a socket, which a tar cannot hold"),
            _ => ((byte)0, (string?)"of a kind that a tar cannot hold"),
        };
        if (unknown is not null)
        {
            return $"{entry.Path} is {unknown}; left out.";
        }

        byte[] path = entry.Kind == EntryKind.Directory ? [.. name, (byte)'/'] : name;
        var link = entry.Kind == EntryKind.Symlink ? LosslessText.Encode(entry.SymlinkTarget ?? "") : [];
        var size = content?.Length ?? 0;
        await WriteExtendedAsync(path, link, size, entry, cancellationToken);
        await output.WriteAsync(Header(Cut(path, 100), type, Cut(link, 100), Math.Min(size, MaxOctalSize), entry), cancellationToken);
        if (content is not null)
        {
            await content.CopyToAsync(output, cancellationToken);
            await PadAsync(size, cancellationToken);
        }

        return null;
    }

    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        await output.WriteAsync(_zeros, cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    /// <summary>What the plain header cannot say, or not exactly.</summary>
    private async Task WriteExtendedAsync(byte[] path, byte[] link, long size, Entry entry, CancellationToken cancellationToken)
    {
        var records = new MemoryStream();
        var binary = !IsUtf8(path) || !IsUtf8(link) || !IsUtf8(LosslessText.Encode(entry.UserName)) || !IsUtf8(LosslessText.Encode(entry.GroupName));
        if (binary)
        {
            Record(records, "hdrcharset", "BINARY"u8);
        }

        if (path.Length > 100 || !IsAscii(path))
        {
            Record(records, "path", path);
        }

        if (link.Length > 100 || !IsAscii(link))
        {
            Record(records, "linkpath", link);
        }

        if (size > MaxOctalSize)
        {
            Record(records, "size", Number(size));
        }

        if (entry.ModTime.Nanoseconds != 0 || entry.ModTime.Seconds is < 0 or > MaxOctalSize)
        {
            Record(records, "mtime", Time(entry.ModTime));
        }

        if (entry.UserId > MaxOctalId)
        {
            Record(records, "uid", Encoding.ASCII.GetBytes(entry.UserId.ToString(CultureInfo.InvariantCulture)));
        }

        if (entry.GroupId > MaxOctalId)
        {
            Record(records, "gid", Encoding.ASCII.GetBytes(entry.GroupId.ToString(CultureInfo.InvariantCulture)));
        }

        foreach (var (key, text) in new[] { ("uname", entry.UserName), ("gname", entry.GroupName) })
        {
            var bytes = LosslessText.Encode(text);
            if (bytes.Length > 31 || !IsAscii(bytes))
            {
                Record(records, key, bytes);
            }
        }

        if (records.Length == 0)
        {
            return;
        }

        var extended = new Entry { Name = "pax", Mode = 0x1A4, ModTime = new Timestamp(Math.Max(0, entry.ModTime.Seconds), 0) };
        await output.WriteAsync(Header("./PaxHeaders/entry"u8.ToArray(), (byte)'x', [], records.Length, extended), cancellationToken);
        records.Position = 0;
        await records.CopyToAsync(output, cancellationToken);
        await PadAsync(records.Length, cancellationToken);
    }

    /// <summary>"LENGTH key=value\n", where LENGTH counts its own digits.</summary>
    private static void Record(MemoryStream records, string key, ReadOnlySpan<byte> value)
    {
        var rest = 1 + key.Length + 1 + value.Length + 1;
        var length = rest + Digits(rest);
        if (rest + Digits(length) != length)
        {
            length = rest + Digits(length);
        }

        records.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{length} {key}=")));
        records.Write(value);
        records.WriteByte((byte)'\n');
    }

    private static byte[] Header(byte[] name, byte type, byte[] link, long size, Entry entry)
    {
        var header = new byte[Block];
        name.CopyTo(header, 0);
        Octal(header.AsSpan(100, 8), entry.Mode & GoFileMode.Permissions | Special(entry.Mode));
        Octal(header.AsSpan(108, 8), (long)Math.Min(entry.UserId, MaxOctalId));
        Octal(header.AsSpan(116, 8), (long)Math.Min(entry.GroupId, MaxOctalId));
        Octal(header.AsSpan(124, 12), size);
        Octal(header.AsSpan(136, 12), Math.Clamp(entry.ModTime.Seconds, 0, MaxOctalSize));
        header.AsSpan(148, 8).Fill((byte)' ');
        header[156] = type;
        link.CopyTo(header, 157);
        "ustar\0"u8.CopyTo(header.AsSpan(257));
        "00"u8.CopyTo(header.AsSpan(263));
        Cut(LosslessText.Encode(entry.UserName), 31).CopyTo(header, 265);
        Cut(LosslessText.Encode(entry.GroupName), 31).CopyTo(header, 297);
        Octal(header.AsSpan(329, 8), 0);
        Octal(header.AsSpan(337, 8), 0);
        long sum = 0;
        foreach (var value in header)
        {
            sum += value;
        }

        Octal(header.AsSpan(148, 7), sum);
        header[155] = (byte)' ';
        return header;
    }

    /// <summary>setuid, setgid and sticky stand elsewhere in Go's modes.</summary>
    private static uint Special(uint mode) =>
        ((mode & GoFileMode.SetUserId) != 0 ? 0x800u : 0) | ((mode & GoFileMode.SetGroupId) != 0 ? 0x400u : 0) | ((mode & GoFileMode.Sticky) != 0 ? 0x200u : 0);

    private static void Octal(Span<byte> field, long value)
    {
        for (var i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }

        field[^1] = 0;
    }

    /// <summary>A name for readers that know no extended headers; never cut inside a character.</summary>
    private static byte[] Cut(byte[] text, int length)
    {
        if (text.Length <= length)
        {
            return text;
        }

        while (length > 0 && (text[length] & 0xC0) == 0x80)
        {
            length--;
        }

        return text[..length];
    }

    private static byte[] Time(Timestamp time) => Encoding.ASCII.GetBytes(
        // Before 1970 the fraction counts forward from the second below.
        time.Seconds >= 0 || time.Nanoseconds == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{time.Seconds}.{time.Nanoseconds:D9}")
            : string.Create(CultureInfo.InvariantCulture, $"-{-(time.Seconds + 1)}.{1_000_000_000 - time.Nanoseconds:D9}"));

    private static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static bool IsAscii(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExceptInRange((byte)1, (byte)0x7F);

    private static bool IsUtf8(ReadOnlySpan<byte> bytes) => System.Text.Unicode.Utf8.IsValid(bytes);

    private async Task PadAsync(long size, CancellationToken cancellationToken)
    {
        if ((int)(size % Block) is > 0 and var over)
        {
            await output.WriteAsync(_zeros.AsMemory(0, Block - over), cancellationToken);
        }
    }
}
