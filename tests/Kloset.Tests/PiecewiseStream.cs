namespace Kloset.Tests;

/// <summary>Gives out bytes in pieces of sizes that follow from nothing in them: 1, 2, 3, … 1000 and again.</summary>
internal sealed class PiecewiseStream(ReadOnlyMemory<byte> bytes) : ForwardStream
{
    private const int LargestPiece = 1000;

    private int _at;
    private int _piece;

    public override int Read(Span<byte> buffer)
    {
        _piece = (_piece % LargestPiece) + 1;
        var count = Math.Min(Math.Min(_piece, buffer.Length), bytes.Length - _at);
        bytes.Span.Slice(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
