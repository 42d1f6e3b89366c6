namespace Kloset.Chunking;

/// <summary>The <c>Chunking</c> settings of CONFIG.</summary>
/// <param name="Algorithm"><c>fastcdc-v1.0.0</c>, <c>fastcdc</c> or <c>ultracdc</c>; the case does not matter.</param>
/// <param name="MinSize">Bytes before which no cut is looked for.</param>
/// <param name="NormalSize">Bytes from which on cuts become likelier.</param>
/// <param name="MaxSize">Bytes of the longest chunk.</param>
public sealed record ChunkingParameters(string Algorithm, uint MinSize, uint NormalSize, uint MaxSize)
{
    public const string FastCdcV1 = "fastcdc-v1.0.0";
    public const string FastCdcLegacy = "fastcdc";
    public const string UltraCdc = "ultracdc";

    /// <summary>What a new repository uses.</summary>
    public static ChunkingParameters Default { get; } = new(FastCdcV1, 512 << 10, 1 << 20, 8 << 20);

    // The bounds of the library that the format comes from, which also keep a forged CONFIG from asking for a window of gigabytes.
    private const uint Smallest = 64;
    private const uint Largest = 1 << 30;

    /// <summary>Throws when a writer cannot chunk with these sizes. Readers need no chunker.</summary>
    /// <exception cref="NotSupportedException">Names the sizes.</exception>
    public void Validate()
    {
        if (MinSize < Smallest || MinSize >= NormalSize || NormalSize >= MaxSize || MaxSize > Largest)
        {
            throw new NotSupportedException(
                $"The repository's chunk sizes {MinSize}, {NormalSize} and {MaxSize} are not usable: "
                + $"they must grow from at least {Smallest} to at most {Largest}.");
        }
    }
}
