using System.Collections.Frozen;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>What a file's extension promises. Extensions lie in exports; the bytes are sniffed elsewhere.</summary>
public enum MediaKind
{
    Unknown,
    Image,
    Raw,
    Video,

    /// <summary>The clip of a motion photo: <c>.MP</c>, <c>.MV</c>, <c>.MP~2</c>.</summary>
    MotionClip,
}

/// <summary>The extensions that Google Photos takes in.</summary>
public static class MediaTypes
{
    private static readonly FrozenDictionary<string, MediaKind> Known = Build();

    private static readonly FrozenDictionary<string, MediaKind>.AlternateLookup<ReadOnlySpan<char>> KnownSpans =
        Known.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The kind that an extension (with its dot, any case) stands for.</summary>
    public static MediaKind OfExtension(ReadOnlySpan<char> extension)
    {
        if (extension.Length < 2 || extension[0] != '.')
        {
            return MediaKind.Unknown;
        }

        if (KnownSpans.TryGetValue(extension, out MediaKind kind))
        {
            return kind;
        }

        // .MP~2: the second take of a motion photo's clip
        return extension.Length is >= 5 and <= 7
            && (extension.StartsWith(".MP~", StringComparison.OrdinalIgnoreCase) || extension.StartsWith(".MV~", StringComparison.OrdinalIgnoreCase))
            && !extension[4..].ContainsAnyExceptInRange('0', '9')
                ? MediaKind.MotionClip
                : MediaKind.Unknown;
    }

    /// <summary>The kind of a file by its name.</summary>
    public static MediaKind OfName(ReadOnlySpan<char> name)
    {
        int dot = name.LastIndexOf('.');
        return dot < 0 ? MediaKind.Unknown : OfExtension(name[dot..]);
    }

    private static FrozenDictionary<string, MediaKind> Build()
    {
        Dictionary<string, MediaKind> known = new(StringComparer.OrdinalIgnoreCase);
        void Add(MediaKind kind, string extensions)
        {
            foreach (string extension in extensions.Split(' '))
            {
                known["." + extension] = kind;
            }
        }

        Add(MediaKind.Image, "jpg jpeg jpe jfif png gif webp heic heif hif avif bmp tif tiff ico jxl jp2 svg psd");
        Add(MediaKind.Raw, "dng cr2 cr3 crw nef nrw arw srf sr2 srw raf orf rw2 pef x3f 3fr erf kdc dcr mrw rwl iiq raw gpr");
        Add(MediaKind.Video, "mp4 mov m4v 3gp 3g2 3gpp avi mkv webm wmv asf mpg mpeg mpe m2v mts m2ts m2t mmv mod tod divx ts vob flv ogv lrv insv qt");
        Add(MediaKind.MotionClip, "mp mv");
        return known.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }
}
