namespace Kloset.States;

/// <summary>
/// A blocked Bloom filter: says "surely not there" for all but about one in seventy of the identifiers that are not. Ten bits a blob, one cache
/// line a question. Identifiers are MACs, so their own bits are the hashes.
/// </summary>
/// <param name="expected">Blobs that will be added at most.</param>
internal sealed class BlobFilter(int expected)
{
    private const int BitsPerBlob = 10;
    private const int BlockBits = 512;
    private const int WordsPerBlock = BlockBits / 64;
    private const int Probes = 6;
    private const int ProbeBits = 9; // log2 of BlockBits

    private readonly ulong[] _words = new ulong[(1 + (long)expected * BitsPerBlob / BlockBits) * WordsPerBlock];

    public void Add(in Mac id)
    {
        var block = BlockOf(id.Spread.First);
        for (var (bits, i) = (id.Spread.Second, 0); i < Probes; i++, bits >>= ProbeBits)
            block[(int)(bits >> 6) & (WordsPerBlock - 1)] |= 1UL << (int)(bits & 63);
    }

    public bool MayContain(in Mac id)
    {
        var block = BlockOf(id.Spread.First);
        for (var (bits, i) = (id.Spread.Second, 0); i < Probes; i++, bits >>= ProbeBits)
        {
            if ((block[(int)(bits >> 6) & (WordsPerBlock - 1)] & (1UL << (int)(bits & 63))) == 0)
                return false;
        }

        return true;
    }

    private Span<ulong> BlockOf(ulong hash)
    {
        var block = (int)Math.BigMul(hash, (ulong)(_words.Length / WordsPerBlock), out _);
        return _words.AsSpan(block * WordsPerBlock, WordsPerBlock);
    }
}
