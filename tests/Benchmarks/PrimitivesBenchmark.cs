using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using K4os.Compression.LZ4.Streams;
using Kloset.Chunking;
using Kloset.Compression;
using Kloset.Encryption;
using Kloset.Hashing;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Benchmarks;

internal sealed class PrimitivesBenchmark : IBenchmark
{
    private const int MiB = 1 << 20;

    private readonly Throughput _throughput = new(TimeSpan.FromMilliseconds(250), 4);

    public string Name => "primitives";

    public string Question => "how fast is each primitive of the engine on one core, on every path that this processor has?";

    public Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        string? only = args.Count > 0 ? args[0] : null;
        byte[] key = RandomNumberGenerator.GetBytes(32);
        byte[] data = RandomNumberGenerator.GetBytes(4 * MiB);
        byte[] text = Text(4 * MiB);
        Console.WriteLine($"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.ProcessArchitecture}");
        Console.WriteLine($"{"",-52}{"GiB/s",8}  ratios of the same run");

        Section(only, "blake3", () => Blake3Rows(key, data));
        Section(only, "gcmsiv", () => SealingRows(key, data));
        Section(only, "chunking", () => ChunkingRows(data, text));
        Section(only, "compression", () => CompressionRows(data, text));
        Section(only, "stream", () => StreamRows(key, data, text));
        Section(only, "small", () => SmallRows(key, data));
        return Task.FromResult(0);
    }

    private static void Section(string? only, string name, Action rows)
    {
        if (only is null || only == name)
        {
            rows();
        }
    }

    private void Blake3Rows(byte[] key, byte[] data)
    {
        byte[] hash = new byte[32];
        double sha256 = Row("SHA-256 of the runtime, 1 MiB", MiB, () => SHA256.HashData(data.AsSpan(0, MiB), hash));
        Blake3Digest digest = new();
        digest.Init(Blake3Parameters.Key(key));
        double bouncyCastle = Row("BLAKE3 keyed of BouncyCastle, 1 MiB", MiB, () =>
        {
            digest.BlockUpdate(data, 0, MiB);
            digest.DoFinal(hash, 0);
        });
        foreach (Blake3Path path in Blake3Paths.Supported)
        {
            foreach (int size in (int[])[64, 1024, 4096, 16 << 10, 64 << 10, MiB, 4 * MiB])
            {
                int calls = Math.Max(1, (64 << 10) / size);
                Row($"BLAKE3 keyed, {path}, {Size(size)}", (long)size * calls, () =>
                {
                    for (int call = 0; call < calls; call++)
                    {
                        Blake3.KeyedHash(path, key, data.AsSpan(0, size), hash);
                    }
                }, (bouncyCastle, "BouncyCastle"), (sha256, "SHA-256"));
            }
        }

        Blake3Hasher hasher = Blake3Hasher.CreateKeyed(key);
        foreach (int piece in (int[])[1000, 64 << 10, (64 << 10) + 28, MiB + 1])
        {
            Row($"BLAKE3 incremental, pieces of {piece} bytes", data.Length, () =>
            {
                hasher.Reset();
                for (int at = 0; at < data.Length; at += piece)
                {
                    hasher.Append(data.AsSpan(at, Math.Min(piece, data.Length - at)));
                }

                hasher.GetHash(hash);
            }, (bouncyCastle, "BouncyCastle"));
        }

        Row("Shannon entropy, random, 1 MiB", MiB, () => ShannonEntropy.Compute(data.AsSpan(0, MiB)));
        byte[] zeros = new byte[MiB];
        Row("Shannon entropy, zeros, 1 MiB", MiB, () => ShannonEntropy.Compute(zeros));
    }

    private void SealingRows(byte[] key, byte[] data)
    {
        const int Record = 64 << 10;
        byte[] nonce = new byte[12];
        byte[] tag = new byte[16];
        byte[] output = new byte[Record];
        using AesGcm gcm = new(key, 16);
        double runtime = Row("AES-256-GCM of the runtime, 64 KiB", Record, () => gcm.Encrypt(nonce, data.AsSpan(0, Record), output, tag));
        GcmSivBlockCipher oracle = new(new AesEngine());
        byte[] oracleOutput = new byte[Record + 16];
        double bouncyCastle = Row("AES-256-GCM-SIV of BouncyCastle, 64 KiB", Record, () =>
        {
            oracle.Init(true, new AeadParameters(new KeyParameter(key), 128, nonce));
            oracle.ProcessBytes(data, 0, Record, null, 0);
            oracle.DoFinal(oracleOutput, 0);
        });
        foreach (AesGcmSivPath path in AesGcmSivPaths.Supported)
        {
            using Kloset.Encryption.AesGcmSiv cipher = new(key, path);
            foreach (int size in (int[])[100, 1024, Record])
            {
                int calls = Record / size;
                Row($"AES-256-GCM-SIV encrypt, {path}, {Size(size)}", (long)size * calls, () =>
                {
                    for (int call = 0; call < calls; call++)
                    {
                        cipher.Encrypt(nonce, data.AsSpan(0, size), output.AsSpan(0, size), tag);
                    }
                }, (bouncyCastle, "BouncyCastle"), (runtime, "AES-GCM"));
            }

            byte[] clear = new byte[Record];
            cipher.Encrypt(nonce, data.AsSpan(0, Record), output, tag);
            Row($"AES-256-GCM-SIV decrypt, {path}, 64 KiB", Record, () =>
            {
                if (!cipher.TryDecrypt(nonce, output, tag, clear))
                {
                    throw new InvalidOperationException("The tag is wrong.");
                }
            }, (bouncyCastle, "BouncyCastle"), (runtime, "AES-GCM"));
        }
    }

    private void ChunkingRows(byte[] data, byte[] text)
    {
        foreach ((string name, byte[] content) in new[] { ("random", data), ("text", text), ("zeros", new byte[data.Length]) })
        {
            byte[] stream = [.. content, .. content, .. content, .. content];
            FastCdc chunker = new(ChunkingParameters.Default);
            Row($"fastcdc-v1.0.0, {name}", stream.Length, () => Cut(chunker, stream));
        }

        Chunker ultra = Chunker.Create(ChunkingParameters.Default with { Algorithm = ChunkingParameters.UltraCdc });
        Row("ultracdc, random", data.Length, () => Cut(ultra, data));

        static void Cut(Chunker chunker, byte[] stream)
        {
            ReadOnlySpan<byte> rest = stream;
            while (!rest.IsEmpty)
            {
                rest = rest[chunker.NextCut(rest[..Math.Min(rest.Length, (int)chunker.Parameters.MaxSize)])..];
            }
        }
    }

    private void CompressionRows(byte[] data, byte[] text)
    {
        ReusedWriter output = new(2 * data.Length);
        foreach ((string name, byte[] content) in new[] { ("random", data[..MiB]), ("text", text[..MiB]) })
        {
            using MemoryStream frame = new(2 * content.Length);
            double k4os = Row($"LZ4 frames of K4os' streams, {name}", content.Length, () =>
            {
                frame.SetLength(0);
                using LZ4EncoderStream encoder = LZ4Stream.Encode(
                    frame, new LZ4EncoderSettings { ChainBlocks = false, BlockSize = 4 * MiB, ContentChecksum = true }, leaveOpen: true);
                encoder.Write(content);
            });
            Row($"LZ4 compress, {name}", content.Length, () =>
            {
                output.Reset();
                Lz4Frame.Compress(content, output);
            }, (k4os, "K4os"));
            output.Reset();
            Lz4Frame.Compress(content, output);
            byte[] compressed = output.Written.ToArray();
            Row($"LZ4 decompress, {name} (to {100 * compressed.Length / content.Length} %)", content.Length, () =>
            {
                output.Reset();
                Lz4Frame.Decompress(compressed, output, content.Length);
            });
        }
    }

    private void StreamRows(byte[] key, byte[] data, byte[] text)
    {
        ReusedWriter frame = new(2 * data.Length);
        ReusedWriter output = new(2 * data.Length);
        using StreamCipher cipher = new(key, new StreamCipherParameters(), new RandomPool().Fill);
        foreach ((string name, byte[] content) in new[] { ("random 1 MiB", data[..MiB]), ("text 1 MiB", text[..MiB]), ("random 300 bytes", data[..300]) })
        {
            int calls = Math.Max(1, (64 << 10) / content.Length);
            Row($"encode (LZ4, then seal), {name}", (long)content.Length * calls, () =>
            {
                for (int call = 0; call < calls; call++)
                {
                    frame.Reset();
                    output.Reset();
                    Lz4Frame.Compress(content, frame);
                    cipher.Seal(frame.Written, output);
                }
            });
            byte[] stored = output.Written.ToArray();
            Row($"decode (open, then LZ4), {name}", (long)content.Length * calls, () =>
            {
                for (int call = 0; call < calls; call++)
                {
                    frame.Reset();
                    output.Reset();
                    cipher.Open(stored, frame);
                    Lz4Frame.Decompress(frame.Written, output, content.Length);
                }
            });
        }
    }

    private void SmallRows(byte[] key, byte[] data)
    {
        // Metadata is millions of blobs of a few hundred bytes: what counts there is the cost of a call.
        ReusedWriter output = new(1 << 16);
        RandomPool pool = new();
        using StreamCipher cipher = new(key, new StreamCipherParameters(), pool.Fill);
        byte[] random = new byte[64];
        byte[] hash = new byte[32];
        byte[] stored = new byte[300];
        Calls("randomness of the runtime, 44 bytes", () => RandomNumberGenerator.Fill(random.AsSpan(0, 44)));
        Calls("randomness by pages, 44 bytes", () => pool.Fill(random.AsSpan(0, 44)));
        Calls("BLAKE3 keyed, 300 bytes", () => Blake3.KeyedHash(key, data.AsSpan(0, 300), hash));
        Calls("LZ4 compress, 300 bytes", () =>
        {
            output.Reset();
            Lz4Frame.Compress(data.AsSpan(0, 300), output);
        });
        Calls("seal, 300 bytes", () =>
        {
            output.Reset();
            cipher.Seal(data.AsSpan(0, 300), output);
        });
        output.Reset();
        cipher.Seal(data.AsSpan(0, 300), output);
        stored = output.Written.ToArray();
        Calls("open, 300 bytes", () =>
        {
            output.Reset();
            cipher.Open(stored, output);
        });

        void Calls(string name, Action operation)
        {
            double perSecond = _throughput.Measure(1 << 10, operation) * (1 << 20);
            Console.WriteLine(string.Create(
                System.Globalization.CultureInfo.InvariantCulture, $"{name,-52}{1e9 / perSecond,8:0}  nanoseconds a call"));
        }
    }

    private double Row(string name, long bytes, Action operation, params (double Rate, string Name)[] references)
    {
        operation();
        operation();
        long before = GC.GetAllocatedBytesForCurrentThread();
        operation();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        double rate = _throughput.Measure(bytes, operation);
        string ratios = string.Join("  ", references.Select(reference => $"{Throughput.Ratio(rate, reference.Rate)} {reference.Name}"));
        string garbage = allocated > 0 ? $"  ({allocated} bytes allocated)" : "";
        Console.WriteLine($"{name,-52}{Throughput.Format(rate),8}  {ratios}{garbage}".TrimEnd());
        return rate;
    }

    private static string Size(int bytes) => bytes >= MiB ? $"{bytes / MiB} MiB" : bytes >= 1024 ? $"{bytes / 1024} KiB" : $"{bytes} B";

    private static byte[] Text(int length)
    {
        System.Text.StringBuilder text = new();
        Random random = new(1);
        string[] words = ["sidecar", "photo", "taken", "\"timestamp\": ", "\"latitude\": ", "album", "2026", "title", "\n  ", "geoData", "url"];
        while (text.Length < length)
        {
            text.Append(words[random.Next(words.Length)]).Append(random.Next(100000)).Append(' ');
        }

        return System.Text.Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    private sealed class ReusedWriter(int capacity) : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[capacity];
        private int _written;

        public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _written);

        public void Reset() => _written = 0;

        public void Advance(int count) => _written += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(_written);

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(_written);
    }
}
