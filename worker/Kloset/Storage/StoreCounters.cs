namespace Kloset.Storage;

/// <summary>What a store was asked for; read while it works.</summary>
public sealed class StoreCounters
{
    private long _requests;
    private long _bytesRead;
    private long _bytesWritten;

    /// <summary>Requests sent, tries included.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Bytes of bodies received.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Bytes of bodies stored.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    internal void CountRequest() => Interlocked.Increment(ref _requests);

    internal void CountRead(long bytes) => Interlocked.Add(ref _bytesRead, bytes);

    internal void CountWritten(long bytes) => Interlocked.Add(ref _bytesWritten, bytes);
}
