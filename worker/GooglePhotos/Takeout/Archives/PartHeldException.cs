namespace GooglePhotos.Takeout.Archives;

/// <summary>
/// A storage does not hand out this one file for a while, and others it does: whoever reads leaves the part for later and goes on with the rest.
/// </summary>
public sealed class PartHeldException(string message, Exception cause) : Exception(message, cause);
