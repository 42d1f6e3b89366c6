using System.Buffers;
using System.Security.Cryptography;
using Kloset.Compression;
using Kloset.Encryption;
using Kloset.Hashing;

namespace Kloset.Repositories;

/// <summary>
/// What the configuration and the key make of bytes: MACs, and `encode` (compress, then encrypt) with its inverse. Safe for concurrent use.
/// Source: format document, section 6.
/// </summary>
internal sealed class BlobCodec : IDisposable
{
    private enum Packing
    {
        None,
        Lz4,
        Gzip,
    }

    private readonly byte[] _macKey;
    private readonly bool _sha256;
    private readonly Packing _packing;
    private readonly StreamCipher? _cipher;

    public BlobCodec(ReadOnlySpan<byte> macKey, string hashing, string? compression, StreamCipher? cipher)
    {
        _macKey = macKey.ToArray();
        _sha256 = hashing == "SHA256";
        _packing = compression switch
        {
            null => Packing.None,
            "LZ4" => Packing.Lz4,
            _ => Packing.Gzip,
        };
        _cipher = cipher;
    }

    internal ReadOnlySpan<byte> MacKey => _macKey;

    public Mac ComputeMac(ReadOnlySpan<byte> data)
    {
        Span<byte> mac = stackalloc byte[Mac.Size];
        if (_sha256)
            HMACSHA256.HashData(_macKey, data, mac);
        else
            Blake3.KeyedHash(_macKey, data, mac);
        return new Mac(mac);
    }

    public MacHasher CreateHasher() => new(_macKey, _sha256);

    public void Encode(ReadOnlySpan<byte> clear, IBufferWriter<byte> output)
    {
        if (_cipher is null)
        {
            Compress(clear, output);
            return;
        }

        if (_packing == Packing.None)
        {
            _cipher.Seal(clear, output);
            return;
        }

        using var compressed = new PooledBuffer(clear.Length + 1024);
        Compress(clear, compressed);
        _cipher.Seal(compressed.Span, output);
    }

    /// <param name="maxSize">The most clear bytes that the caller wants to see.</param>
    /// <exception cref="MalformedException">Damaged, sealed under another key, or larger than <paramref name="maxSize"/>.</exception>
    public void Decode(ReadOnlySpan<byte> stored, IBufferWriter<byte> output, long maxSize)
    {
        if (_cipher is null)
        {
            Decompress(stored, output, maxSize);
            return;
        }

        if (_packing == Packing.None)
        {
            // Never longer than what is stored, so nothing needs to be bounded here.
            Open(stored, output);
            return;
        }

        using var compressed = new PooledBuffer(stored.Length);
        Open(stored, compressed);
        Decompress(compressed.Span, output, maxSize);
    }

    /// <summary>As <see cref="Decode(ReadOnlySpan{byte}, IBufferWriter{byte}, long)"/>, holding a block at a time (of gzip, all that is stored).</summary>
    /// <param name="stored">Read forward to its end, synchronously.</param>
    public void Decode(Stream stored, IBufferWriter<byte> output, long maxSize)
    {
        using var opened = _cipher?.OpenRead(stored);
        var source = opened ?? stored;
        try
        {
            if (_packing == Packing.Lz4)
            {
                Lz4Frame.Decompress(source, output, maxSize);
                return;
            }

            using var all = new PooledBuffer(_packing == Packing.None ? 0 : 1 << 20);
            var target = _packing == Packing.None ? output : all;
            for (long total = 0; source.Read(target.GetSpan(1 << 15)) is > 0 and var read; target.Advance(read))
            {
                if (_packing == Packing.None && (total += read) > maxSize)
                    throw new MalformedException($"it holds more than {maxSize} bytes");
            }

            if (_packing == Packing.Gzip)
                GzipMember.Decompress(all.Span, output, maxSize);
        }
        catch (InvalidDataException exception)
        {
            throw new MalformedException($"what is stored is damaged ({exception.Message.TrimEnd('.')})");
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_macKey);
        _cipher?.Dispose();
    }

    private void Open(ReadOnlySpan<byte> stored, IBufferWriter<byte> output)
    {
        if (!_cipher!.TryOpen(stored, output))
            throw new MalformedException("its encryption does not verify");
    }

    private void Compress(ReadOnlySpan<byte> clear, IBufferWriter<byte> output)
    {
        switch (_packing)
        {
            case Packing.None:
                output.Write(clear);
                break;
            case Packing.Lz4:
                Lz4Frame.Compress(clear, output);
                break;
            default:
                GzipMember.Compress(clear, output);
                break;
        }
    }

    private void Decompress(ReadOnlySpan<byte> stored, IBufferWriter<byte> output, long maxSize)
    {
        try
        {
            switch (_packing)
            {
                case Packing.None:
                    if (stored.Length > maxSize)
                        throw new MalformedException($"it holds {stored.Length} bytes where at most {maxSize} are expected");
                    output.Write(stored);
                    break;
                case Packing.Lz4:
                    Lz4Frame.Decompress(stored, output, maxSize);
                    break;
                default:
                    GzipMember.Decompress(stored, output, maxSize);
                    break;
            }
        }
        catch (InvalidDataException exception)
        {
            throw new MalformedException($"its compressed form is damaged ({exception.Message.TrimEnd('.')})");
        }
    }
}

/// <summary>The repository MAC over pieces.</summary>
internal sealed class MacHasher : IDisposable
{
    private readonly Blake3Hasher? _blake3;
    private readonly IncrementalHash? _sha256;

    public MacHasher(ReadOnlySpan<byte> key, bool sha256)
    {
        if (sha256)
            _sha256 = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        else
            _blake3 = Blake3Hasher.CreateKeyed(key);
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        if (_blake3 is not null)
            _blake3.Append(data);
        else
            _sha256!.AppendData(data);
    }

    /// <summary>The MAC of all that was appended. Call once.</summary>
    public Mac Finish()
    {
        Span<byte> mac = stackalloc byte[Mac.Size];
        if (_blake3 is not null)
            _blake3.GetHash(mac);
        else
            _sha256!.GetHashAndReset(mac);
        return new Mac(mac);
    }

    public void Dispose() => _sha256?.Dispose();
}
