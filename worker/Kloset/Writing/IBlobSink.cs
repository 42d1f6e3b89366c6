namespace Kloset.Writing;

/// <summary>Where the builders of trees put what they make. What is known already is not stored again.</summary>
internal interface IBlobSink
{
    /// <summary>Stores a blob under its MAC. <paramref name="clear"/> is only borrowed during the call.</summary>
    ValueTask<Mac> PutBlobAsync(BlobType type, ReadOnlyMemory<byte> clear, CancellationToken cancellationToken);

    /// <summary>
    /// Stores the listing of a directory as an object: chunked like a file's content, of type `application/octet-stream`, without entropy.
    /// Source: format document, section 13.4.
    /// </summary>
    Task<Mac> PutDirpackAsync(Stream content, CancellationToken cancellationToken);

    Mac ComputeMac(ReadOnlySpan<byte> clear);
}
