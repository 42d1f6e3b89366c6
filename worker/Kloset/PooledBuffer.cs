using System.Buffers;

namespace Kloset;

/// <summary>A growing buffer on pooled arrays. Disposing it gives the array back: nothing may hold on to its spans.</summary>
internal sealed class PooledBuffer(int capacity = 4096) : IBufferWriter<byte>, IDisposable
{
    private byte[] _array = Rent(capacity);

    public int Length { get; private set; }

    public int Capacity => _array.Length;

    public ReadOnlySpan<byte> Span => _array.AsSpan(0, Length);

    public ReadOnlyMemory<byte> Memory => _array.AsMemory(0, Length);

    public byte[] ToArray() => Span.ToArray();

    public void Clear() => Length = 0;

    /// <summary>Makes the buffer exactly this long, for code that fills it in place.</summary>
    public Memory<byte> Resize(int length)
    {
        Clear();
        Reserve(length);
        Length = length;
        return _array.AsMemory(0, length);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Advance(bytes.Length);
    }

    /// <summary>Drops bytes from the front.</summary>
    public void Discard(int count)
    {
        _array.AsSpan(count, Length - count).CopyTo(_array);
        Length -= count;
    }

    public void Advance(int count)
    {
        if (count < 0 || count > _array.Length - Length)
            throw new ArgumentOutOfRangeException(nameof(count));
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsSpan(Length);
    }

    public void Dispose()
    {
        var array = _array;
        _array = [];
        Length = 0;
        Return(array);
    }

    private void Reserve(int count)
    {
        if (_array.Length - Length >= count)
            return;
        var larger = Rent((int)Math.Min(Array.MaxLength, Math.Max((long)_array.Length * 2, (long)Length + count)));
        _array.AsSpan(0, Length).CopyTo(larger);
        Return(_array);
        _array = larger;
    }

    private static byte[] Rent(int capacity) => capacity > LargeArrays.LargestShared ? LargeArrays.Rent(capacity) : ArrayPool<byte>.Shared.Rent(capacity);

    private static void Return(byte[] array)
    {
        if (array.Length > LargeArrays.LargestShared)
            LargeArrays.Return(array);
        else if (array.Length > 0)
            ArrayPool<byte>.Shared.Return(array);
    }
}
