using System.Numerics;
using System.Runtime.InteropServices;

namespace Kloset.Chunking;

/// <summary>
/// UltraCDC (Zhou et al., IEEE 2022): a cut where the Hamming distance of the last 8 bytes from 0xAA… meets a mask, or after 64 equal
/// words of 8 bytes. Known in the format for old repositories; no command creates one.
/// </summary>
internal sealed class UltraCdc(ChunkingParameters parameters) : Chunker(parameters)
{
    private const int StrictMask = 0x2F;
    private const int LaxMask = 0x2C;
    private const int EqualWordsBeforeCut = 64;
    private const ulong Pattern = 0xAAAAAAAAAAAAAAAA;

    public override int NextCut(ReadOnlySpan<byte> window)
    {
        int min = (int)Parameters.MinSize;
        int end = (int)Math.Min((uint)window.Length, Parameters.MaxSize);
        if (end <= min)
        {
            return end;
        }

        if (end < min + 8)
        {
            // Too short for a single comparison.
            return end;
        }

        int normal = (int)Math.Min(Parameters.NormalSize, (uint)end);
        ulong leaving = MemoryMarshal.Read<ulong>(window[min..]);
        int distance = BitOperations.PopCount(leaving ^ Pattern);
        int equalWords = 0;
        for (int at = min + 8; at <= end - 8; at += 8)
        {
            ulong entering = MemoryMarshal.Read<ulong>(window[at..]);
            if (entering == leaving)
            {
                if (++equalWords >= EqualWordsBeforeCut)
                {
                    return at + 8;
                }

                continue;
            }

            equalWords = 0;
            int mask = at >= normal ? LaxMask : StrictMask;
            for (int i = 0; i < 8; i++)
            {
                if ((distance & mask) == 0)
                {
                    return at + i;
                }

                distance += BitOperations.PopCount((uint)(window[at + i] ^ 0xAA)) - BitOperations.PopCount((uint)(window[at + i - 8] ^ 0xAA));
            }

            leaving = entering;
        }

        return end;
    }
}
