namespace Kloset.Storage.S3;

/// <summary>Whether a server does what it was asked; a server that ignores a header looks like one that obeys, so each is tried.</summary>
public enum S3Support
{
    /// <summary>Asked, and the answer does not tell: not allowed, or the question itself is not known there.</summary>
    Unknown,
    Yes,
    No,
}

/// <summary>What a bucket can do, as it showed when it was asked.</summary>
/// <param name="ConditionalPut">`If-None-Match: *` keeps the first of two writers.</param>
/// <param name="Checksums">A body that does not match its checksum header is refused.</param>
/// <param name="Versioning">Overwritten and deleted objects stay as versions.</param>
/// <param name="ObjectLock">Versions can be held against deletion.</param>
/// <param name="DefaultRetention">What the bucket holds new objects with by itself, such as "GOVERNANCE 30 days"; null: nothing.</param>
/// <param name="ClockSkew">Our clock minus the server's; null when the server tells no time. Signatures fail beyond 15 minutes.</param>
/// <param name="WriteProblem">Why nothing could be written; null when it could.</param>
public sealed record S3Capabilities(
    S3Support ConditionalPut, S3Support Checksums, S3Support Versioning, S3Support ObjectLock, string? DefaultRetention, TimeSpan? ClockSkew, string? WriteProblem);
