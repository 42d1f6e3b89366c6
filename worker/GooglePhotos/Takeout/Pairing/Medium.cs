namespace GooglePhotos.Takeout.Pairing;

/// <summary>One media file of a folder while its sidecar is looked for: its name in NFC, taken apart, and what was found so far.</summary>
internal sealed class Medium
{
    internal Medium(int index, string name)
    {
        Index = index;
        Name = name;
        (Stem, Extension) = TakeoutNames.Split(name);
        (Base, Counter) = TakeoutNames.SplitCounter(Stem);
        Kind = MediaTypes.OfExtension(Extension);
    }

    internal int Index { get; }

    internal string Name { get; }

    internal string Stem { get; }

    internal string Extension { get; }

    internal string Base { get; }

    internal string Counter { get; }

    internal MediaKind Kind { get; }

    internal int Sidecar { get; set; } = -1;

    internal PairRank Rank { get; set; }

    internal PairReason Reason { get; set; }

    internal FileRole Role { get; set; }

    internal bool Ambiguous { get; set; }

    internal Medium Primary { get; set; } = null!;

    internal bool IsClip => Kind is MediaKind.MotionClip || Extension.Length == 0
        || Extension.Equals(".mp4", StringComparison.OrdinalIgnoreCase) || Extension.Equals(".mov", StringComparison.OrdinalIgnoreCase);

    /// <summary>The names that this clip's picture may have, without extension; those of one array are as good as one another.</summary>
    internal IEnumerable<(string Stem, string Counter)[]> PictureStems()
    {
        if (Kind is MediaKind.MotionClip || Extension.Length == 0)
        {
            (string whole, string counter) = TakeoutNames.SplitCounter(Name);
            List<(string, string)> names = [(Name, "")];
            if (counter.Length > 0)
            {
                names.Add((whole, counter));
            }

            // X(1).MP beside X.MP(1).jpg has its counter where the picture's name has it, too
            if (Counter.Length > 0 && Extension.Length > 0)
            {
                names.Add((Base + Extension, Counter));
            }

            yield return [.. names];
            if (Extension.Length == 0)
            {
                yield break;
            }
        }

        yield return Counter.Length > 0 ? [(Base, Counter), (Stem, "")] : [(Stem, "")];
    }

    /// <summary>What this clip is to a picture of this name.</summary>
    internal FileRole RoleBeside(string picture) =>
        Kind is MediaKind.MotionClip || Extension.Length == 0 || picture.StartsWith("MVIMG", StringComparison.OrdinalIgnoreCase)
            ? FileRole.MotionVideo
            : FileRole.LiveVideo;

    internal void Set(int sidecar, PairRank rank, PairReason reason, FileRole role)
    {
        Sidecar = sidecar;
        Rank = rank;
        Reason = reason;
        Role = role;
    }

    /// <summary>The only one of which something is true; null for none and for several.</summary>
    internal static Medium? Single(List<Medium> media, Func<Medium, bool> which)
    {
        Medium? found = null;
        foreach (Medium medium in media)
        {
            if (which(medium))
            {
                if (found is not null)
                {
                    return null;
                }

                found = medium;
            }
        }

        return found;
    }
}
