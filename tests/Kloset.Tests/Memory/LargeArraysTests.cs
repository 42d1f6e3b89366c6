namespace Kloset.Tests.Memory;

public sealed class LargeArraysTests
{
    [Fact]
    public void An_array_that_came_back_is_given_to_whom_it_fits()
    {
        // Sizes that nothing else asks for: other tests rent at the same time.
        var array = LargeArrays.Rent(11 << 20);
        LargeArrays.Return(array);
        var small = LargeArrays.Rent(2 << 20);
        Assert.NotSame(array, small);
        Assert.InRange(small.Length, 2 << 20, 5 << 20);
        LargeArrays.Return(small);
    }

    [Fact]
    public void Arrays_are_hardly_larger_than_what_is_asked_for()
    {
        var size = (9 << 20) + 1;
        var array = LargeArrays.Rent(size);
        Assert.InRange(array.Length, size, 2 * size);
        LargeArrays.Return(array);
    }

    [Fact]
    public void A_buffer_keeps_its_bytes_when_it_grows_from_one_pool_into_the_other()
    {
        using var buffer = new PooledBuffer(1000);
        var piece = new byte[100_000];
        for (var i = 0; i < 30; i++)
        {
            Array.Fill(piece, (byte)i);
            buffer.Write(piece);
        }

        buffer.Discard(piece.Length * 10);
        Assert.Equal(piece.Length * 20, buffer.Length);
        for (var i = 10; i < 30; i++)
            Assert.Equal(-1, buffer.Span.Slice((i - 10) * piece.Length, piece.Length).IndexOfAnyExcept((byte)i));
    }
}
