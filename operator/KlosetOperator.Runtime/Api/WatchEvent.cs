namespace KlosetOperator.Runtime.Api;

/// <summary>One element of a watch. Closed: <see cref="Added"/>, <see cref="Modified"/>, <see cref="Deleted"/>, <see cref="Bookmark"/>,
/// <see cref="Undecodable"/>, and as the last one <see cref="Ended"/>.</summary>
#pragma warning disable CA1034 // the cases of a closed hierarchy live inside it
public abstract record WatchEvent<T>
{
    private WatchEvent()
    {
    }

    public sealed record Added(T Entity) : WatchEvent<T>;

    public sealed record Modified(T Entity) : WatchEvent<T>;

    /// <param name="Entity">As it was last, with the resource version of the deletion.</param>
    public sealed record Deleted(T Entity) : WatchEvent<T>;

    /// <summary>Nothing changed up to this resource version.</summary>
    public sealed record Bookmark(string ResourceVersion) : WatchEvent<T>;

    /// <summary>An event about an object that this program's types cannot hold.</summary>
    public sealed record Undecodable(UndecodableObject Item, bool IsDeletion) : WatchEvent<T>;

    /// <summary>The stream is over.</summary>
    public sealed record Ended(WatchEnd End) : WatchEvent<T>;
}

/// <summary>How a watch ended. Closed: <see cref="Closed"/>, <see cref="Expired"/>, <see cref="Failed"/>.</summary>
public abstract record WatchEnd
{
    private WatchEnd()
    {
    }

    /// <summary>The server closed it in good order: go on from the last resource version.</summary>
    public sealed record Closed : WatchEnd;

    /// <summary>The server no longer has the history from that resource version: list again.</summary>
    public sealed record Expired(string Message) : WatchEnd;

    /// <summary>An error of server or network: back off, then go on from the last resource version.</summary>
    public sealed record Failed(ApiException Error) : WatchEnd;
}
#pragma warning restore CA1034
