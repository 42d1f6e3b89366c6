namespace Kloset.Repositories;

public enum RepositoryFailure
{
    /// <summary>There is no CONFIG at this location.</summary>
    NoRepository,

    /// <summary>There is one already.</summary>
    AlreadyExists,
    PassphraseNeeded,
    WrongPassphrase,

    /// <summary>Somebody else holds a lock that excludes this.</summary>
    Locked,

    /// <summary>Our own lock lapsed, and what was deduplicated against is no longer there: run again.</summary>
    LockLapsed,

    /// <summary>What is stored is not what was written.</summary>
    Damaged,

    /// <summary>A version, algorithm or option that this engine does not know, or a store that cannot be written.</summary>
    Unsupported,
    SnapshotNotFound,
    Ambiguous,
}

/// <summary>A failure of the repository, told for people: what, why, and what to do.</summary>
public sealed class RepositoryException : Exception
{
    public RepositoryException(RepositoryFailure failure, string message, Exception? innerException = null)
        : base(message, innerException) => Failure = failure;

    public RepositoryFailure Failure { get; }

    /// <summary>The blob that is damaged or missing, when it is one.</summary>
    internal (BlobType Type, Mac Id)? Blob { get; private init; }

    internal static RepositoryException Damaged(string message, Exception? cause = null) =>
        new(RepositoryFailure.Damaged, message, cause);

    internal static RepositoryException Damaged(BlobType type, in Mac id, string message, Exception? cause = null) =>
        new(RepositoryFailure.Damaged, message, cause) { Blob = (type, id) };
}
