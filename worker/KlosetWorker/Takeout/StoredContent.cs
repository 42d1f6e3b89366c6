using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;
using Kloset.Writing;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <summary>Bytes that the repository holds, by all the names by which we find them again.</summary>
/// <param name="Stored">Set when this session wrote them; null when an earlier snapshot holds them.</param>
internal sealed record StoredContent(string Sha256, string Sha1, string Crc32, long Size, string Object, string? Mime, StoredObject? Stored)
{
    /// <summary>What the file says of itself; null when its bytes were not read now.</summary>
    public MediaMetadata? Facts { get; init; }

    /// <summary>What it says, when it is a sidecar.</summary>
    public Sidecar? Sidecar { get; init; }

    public static StoredContent Of(CatalogFile file) => new(file.Sha256, file.Sha1, file.Crc32, file.Size, file.Object, file.Mime, null);

    public static StoredContent Of(CatalogSidecar sidecar) => new(sidecar.Sha256, "", "", sidecar.Size, sidecar.Object, "application/json", null);
}
