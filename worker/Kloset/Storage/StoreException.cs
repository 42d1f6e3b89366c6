namespace Kloset.Storage;

/// <summary>Why a store could not do what it was asked, by what somebody would do about it.</summary>
public enum StoreFailure
{
    Other,

    /// <summary>The key, or the range of it, does not exist.</summary>
    NotFound,

    /// <summary>The bucket or root directory does not exist.</summary>
    BucketMissing,
    AccessDenied,
    Unreachable,

    /// <summary>No space or quota left.</summary>
    Full,
    Throttled,

    /// <summary>The request or the location makes no sense; trying again is useless.</summary>
    Invalid,

    /// <summary>The key has another content by now than the one that was asked for.</summary>
    Changed,
}

/// <summary>A failure of storage, told for people: what failed and why.</summary>
public sealed class StoreException : Exception
{
    public StoreException(StoreFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    public StoreFailure Failure { get; }
}
