using System.Numerics;
using System.Security.Cryptography;

namespace Kloset.Hashing;

/// <summary>BLAKE3 over data that comes in pieces. Not safe for concurrent use.</summary>
public sealed class Blake3Hasher
{
    private readonly Blake3Path _path;
    private readonly uint _flags;
    private readonly Blake3Words _key;
    private byte[] _buffer = [];
    private Blake3Stack _stack;
    private int _buffered;

    private Blake3Hasher(Blake3Path path, in Blake3Words key, uint flags)
    {
        _path = path;
        _key = key;
        _flags = flags;
        _stack.Clear();
    }

    /// <summary>A hasher in plain mode.</summary>
    public static Blake3Hasher Create() => Create(Blake3Paths.Best);

    /// <summary>A hasher under a 32-byte key.</summary>
    public static Blake3Hasher CreateKeyed(ReadOnlySpan<byte> key) => CreateKeyed(Blake3Paths.Best, key);

    internal static Blake3Hasher Create(Blake3Path path) => new(path, in Blake3Words.InitialValue, 0);

    internal static Blake3Hasher CreateKeyed(Blake3Path path, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Blake3.KeySize);
        return new(path, Blake3Words.From(key), Blake3Flags.KeyedHash);
    }

    /// <summary>Adds data. Whole segments are hashed where they lie; only what is left over is copied.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        if (_buffered > 0)
        {
            int taken = Math.Min(data.Length, Blake3Tree.SegmentSize - _buffered);
            Reserve(_buffered + taken);
            data[..taken].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += taken;
            data = data[taken..];
            if (data.IsEmpty)
            {
                // A full buffer waits: the last segment must be known as such when it is hashed.
                return;
            }

            _stack.PushSegment(_path, in _key, _flags, _buffer);
            _buffered = 0;
        }

        while (data.Length > Blake3Tree.SegmentSize)
        {
            _stack.PushSegment(_path, in _key, _flags, data[..Blake3Tree.SegmentSize]);
            data = data[Blake3Tree.SegmentSize..];
        }

        Reserve(data.Length);
        data.CopyTo(_buffer);
        _buffered = data.Length;
    }

    /// <summary>Writes the hash of everything appended so far to the first 32 bytes. More may be appended afterwards.</summary>
    public void GetHash(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Blake3.HashSize);
        _stack.Finish(_path, in _key, _flags, _buffer.AsSpan(0, _buffered), destination);
    }

    /// <summary>Forgets what was appended; the key stays.</summary>
    public void Reset()
    {
        CryptographicOperations.ZeroMemory(_buffer.AsSpan(0, _buffered));
        _stack.Clear();
        _buffered = 0;
    }

    // Most objects are small: the buffer grows with them, up to one segment (which stays out of the large object heap).
    private void Reserve(int length)
    {
        if (length <= _buffer.Length)
        {
            return;
        }

        byte[] larger = GC.AllocateUninitializedArray<byte>(
            Math.Min(Blake3Tree.SegmentSize, (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, 4096))));
        _buffer.AsSpan(0, _buffered).CopyTo(larger);
        _buffer = larger;
    }
}
