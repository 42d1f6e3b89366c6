using Kloset.Snapshots;

namespace Kloset.Writing;

/// <summary>Adds up a directory's summary as the reference does, its treatment of zeros included. Source: format document, section 13.5.</summary>
internal static class SummaryBuilder
{
    private const double LowEntropy = 2.0;
    private const double HighEntropy = 7.0;

    /// <summary>A direct child that is not a directory.</summary>
    public static void AddChild(SummaryCounters counters, in EntryFacts entry)
    {
        counters.Children++;
        var kind = GoFileMode.KindOf(entry.Mode);
        switch (kind)
        {
            case EntryKind.Symlink:
                counters.Symlinks++;
                break;
            case EntryKind.Device:
                counters.Devices++;
                break;
            case EntryKind.Pipe:
                counters.Pipes++;
                break;
            case EntryKind.Socket:
                counters.Sockets++;
                break;
            default:
                counters.Files++;
                break;
        }

        if ((entry.Mode & GoFileMode.SetUserId) != 0)
            counters.SetUserId++;
        if ((entry.Mode & GoFileMode.SetGroupId) != 0)
            counters.SetGroupId++;
        if ((entry.Mode & GoFileMode.Sticky) != 0)
            counters.Sticky++;
        if (entry.HasObject)
        {
            counters.Objects++;
            counters.Chunks += entry.Chunks;
        }

        var size = kind == EntryKind.File ? (ulong)Math.Max(0, entry.Size) : 0;
        counters.Size += size;
        counters.MinModTime = Least(counters.MinModTime, entry.ModTime);
        counters.MaxModTime = Most(counters.MaxModTime, entry.ModTime);
        counters.MinSize = Least(counters.MinSize, size);
        counters.MaxSize = Most(counters.MaxSize, size);
        counters.MinEntropy = Least(counters.MinEntropy, entry.Entropy);
        counters.MaxEntropy = Most(counters.MaxEntropy, entry.Entropy);
        counters.SumEntropy += entry.Entropy;
        if (entry.Entropy <= LowEntropy)
            counters.LowEntropy++;
        else if (entry.Entropy >= HighEntropy)
            counters.HighEntropy++;
        var type = entry.ContentType;
        if (type.StartsWith("text/"u8))
            counters.MimeText++;
        else if (type.StartsWith("image/"u8))
            counters.MimeImage++;
        else if (type.StartsWith("audio/"u8))
            counters.MimeAudio++;
        else if (type.StartsWith("video/"u8))
            counters.MimeVideo++;
        else if (type.StartsWith("application/"u8))
            counters.MimeApplication++;
        else
            counters.MimeOther++;
    }

    /// <summary>What lies in and under a direct sub-directory.</summary>
    public static void AddBelow(SummaryCounters below, DirectorySummary child)
    {
        foreach (var part in (SummaryCounters[])[child.Below, child.Directory])
        {
            below.Directories += part.Directories;
            below.Files += part.Files;
            below.Symlinks += part.Symlinks;
            below.Devices += part.Devices;
            below.Pipes += part.Pipes;
            below.Sockets += part.Sockets;
            below.Children += part.Children;
            below.SetUserId += part.SetUserId;
            below.SetGroupId += part.SetGroupId;
            below.Sticky += part.Sticky;
            below.Objects += part.Objects;
            below.Chunks += part.Chunks;
            below.Size += part.Size;
            below.MinModTime = Least(below.MinModTime, part.MinModTime);
            below.MaxModTime = Most(below.MaxModTime, part.MaxModTime);
            below.MinSize = Least(below.MinSize, part.MinSize);
            below.MaxSize = Most(below.MaxSize, part.MaxSize);
            below.MinEntropy = Least(below.MinEntropy, part.MinEntropy);
            below.MaxEntropy = Most(below.MaxEntropy, part.MaxEntropy);
            below.HighEntropy += part.HighEntropy;
            below.LowEntropy += part.LowEntropy;
            below.MimeAudio += part.MimeAudio;
            below.MimeVideo += part.MimeVideo;
            below.MimeImage += part.MimeImage;
            below.MimeText += part.MimeText;
            below.MimeApplication += part.MimeApplication;
            below.MimeOther += part.MimeOther;
            below.Errors += part.Errors;
        }
    }

    public static void Finish(SummaryCounters directory)
    {
        if (directory.Files == 0)
            return;
        directory.AverageSize = directory.Size / directory.Files;
        directory.AverageEntropy = directory.SumEntropy / directory.Files;
    }

    private static T Least<T>(T known, T value)
        where T : struct, IComparable<T> => value.CompareTo(known) < 0 || known.Equals(default(T)) ? value : known;

    private static T Most<T>(T known, T value)
        where T : struct, IComparable<T> => value.CompareTo(known) > 0 || known.Equals(default(T)) ? value : known;
}
