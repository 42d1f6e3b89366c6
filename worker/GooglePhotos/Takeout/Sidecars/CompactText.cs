using System.IO.Hashing;
using GooglePhotos.Takeout.Archives;

namespace GooglePhotos.Takeout.Sidecars;

/// <summary>Text held as UTF-8, which addresses need half as many bytes of as they do in a string. Compared as it is written.</summary>
internal readonly struct CompactText : IEquatable<CompactText>
{
    private readonly byte[]? _utf8;

    internal CompactText(string? text) => _utf8 = text is null ? null : EntryNames.Encode(text);

    internal bool IsNull => _utf8 is null;

    public bool Equals(CompactText other) => IsNull == other.IsNull && _utf8.AsSpan().SequenceEqual(other._utf8);

    public override bool Equals(object? obj) => obj is CompactText other && Equals(other);

    public override int GetHashCode() => unchecked((int)XxHash3.HashToUInt64(_utf8));

    /// <summary>A new string each time; null for no text.</summary>
    public override string? ToString() => _utf8 is null ? null : EntryNames.Decode(_utf8);
}
