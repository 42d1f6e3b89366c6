using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>Fills the whole span with bytes from a cryptographic source (tests: from a seed).</summary>
public delegate void RandomFill(Span<byte> destination);

/// <summary>The <c>Encryption</c> settings of CONFIG that shape streams.</summary>
/// <param name="SubKeyAlgorithm">How sub-keys are wrapped: <c>AES256-KW</c> or <c>AES256-GCM</c>.</param>
/// <param name="DataAlgorithm">How records are sealed: only <c>AES256-GCM-SIV</c>.</param>
/// <param name="ChunkSize">Clear bytes of a full record.</param>
public sealed record StreamCipherParameters(
    string SubKeyAlgorithm = StreamCipherParameters.AesKeyWrap,
    string DataAlgorithm = StreamCipherParameters.AesGcmSiv,
    int ChunkSize = 65536)
{
    public const string AesKeyWrap = "AES256-KW";
    public const string AesGcm = "AES256-GCM";
    public const string AesGcmSiv = "AES256-GCM-SIV";

    /// <summary>The largest record that is accepted from a CONFIG: 64 MiB, the size of a packfile.</summary>
    public const int MaxChunkSize = 64 << 20;
}

/// <summary>
/// Streams of the format's encryption: a random sub-key wrapped under the repository key, then records of nonce, AES-256-GCM-SIV
/// ciphertext and tag. An empty cleartext is the wrapped sub-key alone. A cut at a record's border is not noticed here; what lies inside
/// (LZ4's end mark, the MAC) must. Safe for concurrent use.
/// </summary>
public sealed class StreamCipher : IDisposable
{
    private const int SubKeySize = AesGcmSiv.KeySize;
    private const int NoncesAtOnce = 16;
    private const int RecordOverhead = AesGcmSiv.NonceSize + AesGcmSiv.TagSize;

    private readonly AesBlockCipher? _keyWrap;
    private readonly byte[]? _gcmKey;
    private readonly int _chunkSize;
    private readonly RandomFill _random;
    private readonly AesGcmSivPath _path;

    /// <param name="repositoryKey">The 32 bytes that the passphrase derives.</param>
    /// <param name="parameters">The settings of CONFIG.</param>
    /// <param name="random">Makes sub-keys and nonces.</param>
    /// <exception cref="NotSupportedException">A setting that this engine does not know; the message names it.</exception>
    public StreamCipher(ReadOnlySpan<byte> repositoryKey, StreamCipherParameters parameters, RandomFill random)
        : this(repositoryKey, parameters, random, AesGcmSivPaths.Best)
    {
    }

    internal StreamCipher(ReadOnlySpan<byte> repositoryKey, StreamCipherParameters parameters, RandomFill random, AesGcmSivPath path)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(random);
        ArgumentOutOfRangeException.ThrowIfNotEqual(repositoryKey.Length, 32);
        if (parameters.DataAlgorithm != StreamCipherParameters.AesGcmSiv)
        {
            throw new NotSupportedException(
                $"The repository is encrypted with \"{parameters.DataAlgorithm}\"; only {StreamCipherParameters.AesGcmSiv} is known.");
        }

        if (parameters.ChunkSize is < 1 or > StreamCipherParameters.MaxChunkSize)
        {
            throw new NotSupportedException(
                $"The repository's encryption records hold {parameters.ChunkSize} bytes; 1 to {StreamCipherParameters.MaxChunkSize} are possible.");
        }

        switch (parameters.SubKeyAlgorithm)
        {
            case StreamCipherParameters.AesKeyWrap:
                _keyWrap = new AesBlockCipher(repositoryKey, path);
                break;
            case StreamCipherParameters.AesGcm:
                _gcmKey = repositoryKey.ToArray();
                break;
            default:
                throw new NotSupportedException(
                    $"The repository's sub-keys are wrapped with \"{parameters.SubKeyAlgorithm}\"; {StreamCipherParameters.AesKeyWrap} and "
                    + $"{StreamCipherParameters.AesGcm} are known.");
        }

        _chunkSize = parameters.ChunkSize;
        _random = random;
        _path = path;
    }

    /// <summary>For tests: whether the repository key and what was expanded from it are gone.</summary>
    internal bool IsCleared => _keyWrap?.IsCleared ?? _gcmKey.AsSpan().IndexOfAnyExcept((byte)0) < 0;

    private int SubKeyBlockSize => _keyWrap is null ? AesGcmSiv.NonceSize + SubKeySize + AesGcmSiv.TagSize : SubKeySize + AesKeyWrap.Overhead;

    /// <summary>Bytes of the stream that holds so many clear bytes.</summary>
    public long SealedLength(long clearLength) =>
        SubKeyBlockSize + clearLength + (((clearLength + _chunkSize - 1) / _chunkSize) * RecordOverhead);

    /// <summary>The most clear bytes that a stream of this length can hold.</summary>
    public long MaxClearLength(long storedLength) => Math.Max(0, storedLength - SubKeyBlockSize);

    /// <summary>Writes the stream of <paramref name="clear"/>, record by record.</summary>
    [SkipLocalsInit]
    public void Seal(ReadOnlySpan<byte> clear, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        // Most streams have one record: one request gets the randomness of the sub-key and the first nonces.
        Span<byte> randomness = stackalloc byte[SubKeySize + (NoncesAtOnce * AesGcmSiv.NonceSize)];
        randomness = randomness[..(SubKeySize + (NoncesOf(clear.Length) * AesGcmSiv.NonceSize))];
        Span<byte> subKey = randomness[..SubKeySize];
        Span<byte> nonces = randomness[SubKeySize..];
        AesGcmSivKey key = default;
        try
        {
            _random(randomness);
            int block = SubKeyBlockSize;
            WrapSubKey(subKey, output.GetSpan(block)[..block]);
            output.Advance(block);
            key.Expand(subKey, _path);
            while (!clear.IsEmpty)
            {
                ReadOnlySpan<byte> piece = clear[..Math.Min(clear.Length, _chunkSize)];
                int size = piece.Length + RecordOverhead;
                Span<byte> record = output.GetSpan(size)[..size];
                if (nonces.IsEmpty)
                {
                    nonces = randomness.Slice(SubKeySize, NoncesOf(clear.Length) * AesGcmSiv.NonceSize);
                    _random(nonces);
                }

                Span<byte> nonce = record[..AesGcmSiv.NonceSize];
                nonces[..AesGcmSiv.NonceSize].CopyTo(nonce);
                nonces = nonces[AesGcmSiv.NonceSize..];
                key.Encrypt(nonce, piece, record.Slice(AesGcmSiv.NonceSize, piece.Length), record[^AesGcmSiv.TagSize..]);
                output.Advance(size);
                clear = clear[piece.Length..];
            }
        }
        finally
        {
            key.Clear();
            CryptographicOperations.ZeroMemory(subKey);
        }
    }

    /// <summary>Writes the cleartext of a stream.</summary>
    /// <exception cref="InvalidDataException">The stream was sealed under another key, or is damaged. What was written before must not be used.</exception>
    public void Open(ReadOnlySpan<byte> stored, IBufferWriter<byte> output)
    {
        if (!TryOpen(stored, output, out string? problem))
        {
            throw new InvalidDataException(problem);
        }
    }

    /// <summary>As <see cref="Open"/>; false when the stream was sealed under another key or is damaged.</summary>
    public bool TryOpen(ReadOnlySpan<byte> stored, IBufferWriter<byte> output) => TryOpen(stored, output, out _);

    /// <summary>
    /// The cleartext of a stream, record by record, for what is too long to be held. Reading it throws <see cref="InvalidDataException"/> as
    /// <see cref="Open"/> does; what was read before must not be used then.
    /// </summary>
    /// <param name="stored">Read forward, synchronously; stays its owner's.</param>
    public Stream OpenRead(Stream stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        return new OpeningStream(this, stored);
    }

    /// <summary>Clears the repository key and what was expanded from it.</summary>
    public void Dispose()
    {
        _keyWrap?.Dispose();
        CryptographicOperations.ZeroMemory(_gcmKey);
    }

    [SkipLocalsInit]
    private bool TryOpen(ReadOnlySpan<byte> stored, IBufferWriter<byte> output, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(output);
        int block = SubKeyBlockSize;
        if (stored.Length < block)
        {
            problem = $"An encrypted stream of {stored.Length} bytes is too short to hold its key: it is damaged.";
            return false;
        }

        Span<byte> subKey = stackalloc byte[SubKeySize];
        AesGcmSivKey key = default;
        try
        {
            if (!TryUnwrapSubKey(stored[..block], subKey))
            {
                problem = "The key of an encrypted stream does not open: it is damaged or belongs to another repository key.";
                return false;
            }

            stored = stored[block..];
            key.Expand(subKey, _path);
            while (!stored.IsEmpty)
            {
                ReadOnlySpan<byte> record = stored[..(int)Math.Min(stored.Length, (long)_chunkSize + RecordOverhead)];
                int size = record.Length - RecordOverhead;
                if (size < 0)
                {
                    problem = $"An encrypted stream ends with a record of {record.Length} bytes: it is damaged.";
                    return false;
                }

                Span<byte> clear = output.GetSpan(Math.Max(size, 1))[..size];
                if (!key.TryDecrypt(
                    record[..AesGcmSiv.NonceSize], record.Slice(AesGcmSiv.NonceSize, size), record[^AesGcmSiv.TagSize..], clear))
                {
                    problem = "A record of an encrypted stream has a wrong tag: it is damaged.";
                    return false;
                }

                output.Advance(size);
                stored = stored[record.Length..];
            }

            problem = null;
            return true;
        }
        finally
        {
            key.Clear();
            CryptographicOperations.ZeroMemory(subKey);
        }
    }

    private int NoncesOf(int clearLength) => (int)Math.Min(NoncesAtOnce, ((long)clearLength + _chunkSize - 1) / _chunkSize);

    private void WrapSubKey(ReadOnlySpan<byte> subKey, Span<byte> block)
    {
        if (_keyWrap is not null)
        {
            AesKeyWrap.Wrap(_keyWrap, subKey, block);
            return;
        }

        // The runtime's AesGcm is not safe for concurrent use; this variant is rare enough for one instance a call.
        using AesGcm gcm = new(_gcmKey!, AesGcmSiv.TagSize);
        Span<byte> nonce = block[..AesGcmSiv.NonceSize];
        _random(nonce);
        gcm.Encrypt(nonce, subKey, block.Slice(AesGcmSiv.NonceSize, SubKeySize), block[^AesGcmSiv.TagSize..]);
    }

    private bool TryUnwrapSubKey(ReadOnlySpan<byte> block, Span<byte> subKey)
    {
        if (_keyWrap is not null)
        {
            return AesKeyWrap.TryUnwrap(_keyWrap, block, subKey);
        }

        using AesGcm gcm = new(_gcmKey!, AesGcmSiv.TagSize);
        try
        {
            gcm.Decrypt(block[..AesGcmSiv.NonceSize], block.Slice(AesGcmSiv.NonceSize, SubKeySize), block[^AesGcmSiv.TagSize..], subKey);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private sealed class OpeningStream(StreamCipher cipher, Stream stored) : ForwardStream
    {
        private readonly byte[] _record = new byte[cipher._chunkSize + RecordOverhead];
        private readonly byte[] _clear = new byte[cipher._chunkSize];
        private AesGcmSivKey _key;
        private bool _started;
        private int _at;
        private int _length;

        public override int Read(Span<byte> buffer)
        {
            while (_at == _length)
            {
                if (!_started)
                {
                    Start();
                }

                if (!TryOpenRecord())
                {
                    return 0;
                }
            }

            int count = Math.Min(buffer.Length, _length - _at);
            _clear.AsSpan(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            _key.Clear();
            base.Dispose(disposing);
        }

        private void Start()
        {
            Span<byte> block = stackalloc byte[cipher.SubKeyBlockSize];
            Span<byte> subKey = stackalloc byte[SubKeySize];
            if (stored.ReadAtLeast(block, block.Length, throwOnEndOfStream: false) < block.Length)
            {
                throw new InvalidDataException("An encrypted stream is too short to hold its key: it is damaged.");
            }

            if (!cipher.TryUnwrapSubKey(block, subKey))
            {
                throw new InvalidDataException("The key of an encrypted stream does not open: it is damaged or belongs to another repository key.");
            }

            _key.Expand(subKey, cipher._path);
            CryptographicOperations.ZeroMemory(subKey);
            _started = true;
        }

        private bool TryOpenRecord()
        {
            int read = stored.ReadAtLeast(_record, _record.Length, throwOnEndOfStream: false);
            if (read == 0)
            {
                return false;
            }

            ReadOnlySpan<byte> record = _record.AsSpan(0, read);
            int size = read - RecordOverhead;
            if (size < 0)
            {
                throw new InvalidDataException($"An encrypted stream ends with a record of {read} bytes: it is damaged.");
            }

            if (!_key.TryDecrypt(
                record[..AesGcmSiv.NonceSize], record.Slice(AesGcmSiv.NonceSize, size), record[^AesGcmSiv.TagSize..], _clear.AsSpan(0, size)))
            {
                throw new InvalidDataException("A record of an encrypted stream has a wrong tag: it is damaged.");
            }

            _at = 0;
            _length = size;
            return true;
        }
    }
}
