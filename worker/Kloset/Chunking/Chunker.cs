namespace Kloset.Chunking;

/// <summary>
/// Cuts a stream at places that its content decides, so that the same content gives the same chunks wherever it lies. Holds no state
/// between chunks and is safe for concurrent use.
/// </summary>
public abstract class Chunker
{
    private protected Chunker(ChunkingParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Validate();
        Parameters = parameters;
    }

    public ChunkingParameters Parameters { get; }

    /// <summary>
    /// The chunker for a repository's settings. An algorithm that is not known cuts as <c>fastcdc-v1.0.0</c>: any cut is valid, only
    /// chunks of other writers are not found again.
    /// </summary>
    /// <exception cref="NotSupportedException">Sizes that cannot be used.</exception>
    public static Chunker Create(ChunkingParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return parameters.Algorithm.Equals(ChunkingParameters.UltraCdc, StringComparison.OrdinalIgnoreCase)
            ? new UltraCdc(parameters)
            : new FastCdc(parameters);
    }

    /// <summary>
    /// The length of the next chunk. <paramref name="window"/> is what comes next in the stream and must reach <c>MaxSize</c> bytes or
    /// the stream's end. 0 only for an empty window. (The format wants an empty stream to be one chunk of length 0: the caller's job.)
    /// </summary>
    public abstract int NextCut(ReadOnlySpan<byte> window);

    /// <summary>
    /// The length of the next chunk where <paramref name="window"/> decides it, whatever the stream brings behind it; 0 when more of the stream is
    /// needed. With <c>MaxSize</c> bytes it is always decided.
    /// </summary>
    public virtual int TryNextCut(ReadOnlySpan<byte> window) => window.Length >= Parameters.MaxSize ? NextCut(window) : 0;
}
