using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kloset.Tests.Chunking;

/// <summary>The recorded cut points, and the inputs they were recorded for (see the "about" and "generator" fields of the files).</summary>
internal static partial class ChunkVectors
{
    private static readonly string[] Levels = ["DEBUG", "INFO", "WARN", "ERROR"];

    private static readonly string[] Services = ["gateway", "ledger", "mailer", "indexer", "thumbnailer", "scheduler", "auth", "billing"];

    private static readonly string[] Messages =
    [
        "the request was accepted and queued behind the earlier ones of the same tenant; nothing else to do until the worker reports back",
        "connection to the upstream was closed by the peer before the whole answer had been read; trying once more with a fresh connection",
        "the cache did not hold the entry, reading it from the primary store and writing it back with the usual time to live of an hour",
        "checkpoint written; all the segments before it are no longer needed for recovery and can be removed by the next maintenance run",
        "the configuration was read again from disk after it changed; no option was added, removed or given another value than before",
        "scheduled job finished within its time limit and left no warnings; the next run is planned as the calendar of the job says",
        "health probe answered: every dependency is up, the queue is short, and there is enough free space on each of the volumes used",
        "user session renewed; the old token remains valid for another minute so that requests already under way are not turned away",
    ];

    public static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "fixtures", name)));

    /// <summary>The content of a file of the golden repository, checked by its digest; null for one that cannot be generated.</summary>
    public static byte[]? ContentOf(JsonElement file)
    {
        int size = file.GetProperty("size").GetInt32();
        string sha256 = file.GetProperty("sha256").GetString()!;
        byte[][] candidates = file.GetProperty("path").GetString()! switch
        {
            "/srv/data/big/app.log" => [Text(1, Math.Min(size, 3145728)), WithInsertedLine(Text(1, 3145728))],
            "/srv/data/big/random.bin" => [XorShift(2463534242, size)],
            _ => [],
        };
        return candidates.FirstOrDefault(content => Convert.ToHexStringLower(SHA256.HashData(content)) == sha256);
    }

    public static byte[] Generate(string generator, int length)
    {
        if (XorShiftName().Match(generator) is { Success: true } match)
        {
            return XorShift(ulong.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), length);
        }

        return generator switch
        {
            "zeros" => new byte[length],
            "0xff bytes" => Enumerable.Repeat((byte)0xFF, length).ToArray(),
            "byte i = i mod 256" => Ramp(256, length),
            "byte i = 'A' + (xorshift64(77)[i] & 3)" => [.. XorShift(77, length).Select(value => (byte)('A' + (value & 3)))],
            "text(1, 3145728), see README" => Text(1, length),
            _ when generator.StartsWith("the former with", StringComparison.Ordinal) => WithInsertedLine(Text(1, 3145728)),
            _ => throw new ArgumentException($"No generator \"{generator}\".", nameof(generator)),
        };
    }

    public static byte[] XorShift(ulong seed, int length)
    {
        byte[] data = new byte[(length + 7) & ~7];
        ulong x = seed;
        for (int at = 0; at < data.Length; at += 8)
        {
            x = Next(x);
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(at), x);
        }

        return data[..length];
    }

    public static byte[] Sha256Counter(ulong seed, int length)
    {
        byte[] data = new byte[(length + 31) & ~31];
        Span<byte> input = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(input, seed);
        for (int at = 0; at < data.Length; at += 32)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(input[8..], (ulong)at / 32);
            SHA256.HashData(input, data.AsSpan(at));
        }

        return data[..length];
    }

    public static byte[] Ramp(int period, int length)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
        {
            data[i] = (byte)(i % period % 256);
        }

        return data;
    }

    private static byte[] Text(ulong seed, int length)
    {
        StringBuilder text = new(length + 300);
        ulong r = seed;
        for (int line = 0; text.Length < length; line++)
        {
            r = Next(r);
            text.Append(
                CultureInfo.InvariantCulture,
                $"{line:00000000} {Levels[r % 4]} {Services[(r >> 8) % 8]} {(r >> 16) % 1000}ms {Messages[(r >> 32) % 8]}\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    private static byte[] WithInsertedLine(byte[] text) => [.. text[..1500000], .. "*** inserted line ***\n"u8, .. text[1500000..]];

    private static ulong Next(ulong x)
    {
        x ^= x << 13;
        x ^= x >> 7;
        return x ^ (x << 17);
    }

    [GeneratedRegex(@"^xorshift64\((\d+)\)$")]
    private static partial Regex XorShiftName();
}
