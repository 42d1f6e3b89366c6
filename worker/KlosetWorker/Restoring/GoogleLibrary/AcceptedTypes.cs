using System.Collections.Frozen;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>What Google Photos makes an item of. Source: the upload guide of the Library API.</summary>
internal static class AcceptedTypes
{
    private static readonly FrozenSet<string> Extensions = new[]
    {
        "avif", "bmp", "gif", "heic", "heif", "ico", "jpg", "jpeg", "png", "tif", "tiff", "webp",
        "3gp", "3g2", "asf", "avi", "divx", "m2t", "m2ts", "m4v", "mkv", "mmv", "mod", "mov", "mp4", "mpg", "mpeg", "mts", "tod", "wmv", "webm",

        // "some RAW": those of the large makers; one that is not taken is refused by Google by name, and reported.
        "arw", "cr2", "cr3", "crw", "dng", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "srw",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool IsExtension(string extension) => Extensions.Contains(extension.TrimStart('.'));

    /// <summary>A file that is what people know as a photo or film but has no extension, or an odd one, is tried: Google looks at the bytes, too.</summary>
    public static bool Accepts(string extension, string mime) => IsExtension(extension) || mime is
        "image/jpeg" or "image/png" or "image/gif" or "image/heic" or "image/heif" or "image/webp" or "image/avif" or "image/bmp" or "image/tiff"
        or "video/mp4" or "video/quicktime" or "video/3gpp" or "video/x-m4v" or "video/x-matroska" or "video/x-msvideo" or "video/mpeg";
}
