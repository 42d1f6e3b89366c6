using Kloset.Snapshots;

namespace Kloset.Writing.Trees;

/// <summary>
/// How summaries add up, including the reference's habit that 0 means "unset" in minima and maxima. Source: format document, section 13.5.
/// </summary>
internal static class SummaryArithmetic
{
    private const double LowEntropy = 2.0;
    private const double HighEntropy = 7.0;

    /// <summary>Counts one direct child at the directory's own level.</summary>
    public static void AddChild(SummaryCounters own, Entry child)
    {
        own.Children++;
        if (child.Kind == EntryKind.Directory)
        {
            own.Directories++;
            return;
        }

        switch (child.Kind)
        {
            case EntryKind.Symlink:
                own.Symlinks++;
                break;
            case EntryKind.Device:
                own.Devices++;
                break;
            case EntryKind.Pipe:
                own.Pipes++;
                break;
            case EntryKind.Socket:
                own.Sockets++;
                break;
            default:
                own.Files++;
                break;
        }

        own.SetUserId += (child.Mode & GoFileMode.SetUserId) != 0 ? 1UL : 0;
        own.SetGroupId += (child.Mode & GoFileMode.SetGroupId) != 0 ? 1UL : 0;
        own.Sticky += (child.Mode & GoFileMode.Sticky) != 0 ? 1UL : 0;
        if (!child.Object.IsZero)
        {
            own.Objects++;
            own.Chunks += child.Chunks;
        }

        var size = child.Kind == EntryKind.File ? (ulong)Math.Max(0, child.Size) : 0;
        own.Size += size;
        own.MinModTime = Least(own.MinModTime, child.ModTime.Seconds);
        own.MaxModTime = Most(own.MaxModTime, child.ModTime.Seconds);
        own.MinSize = Least(own.MinSize, size);
        own.MaxSize = Most(own.MaxSize, size);
        own.MinEntropy = Least(own.MinEntropy, child.Entropy);
        own.MaxEntropy = Most(own.MaxEntropy, child.Entropy);
        own.SumEntropy += child.Entropy;
        if (child.Entropy <= LowEntropy)
            own.LowEntropy++;
        else if (child.Entropy >= HighEntropy)
            own.HighEntropy++;
        switch (child.ContentType)
        {
            case var type when type.StartsWith("text/", StringComparison.Ordinal):
                own.MimeText++;
                break;
            case var type when type.StartsWith("image/", StringComparison.Ordinal):
                own.MimeImage++;
                break;
            case var type when type.StartsWith("audio/", StringComparison.Ordinal):
                own.MimeAudio++;
                break;
            case var type when type.StartsWith("video/", StringComparison.Ordinal):
                own.MimeVideo++;
                break;
            case var type when type.StartsWith("application/", StringComparison.Ordinal):
                own.MimeApplication++;
                break;
            default:
                own.MimeOther++;
                break;
        }
    }

    /// <summary>To be called once all children are counted.</summary>
    public static void Complete(SummaryCounters own)
    {
        if (own.Files > 0)
        {
            own.AverageSize = own.Size / own.Files;
            own.AverageEntropy = own.SumEntropy / own.Files;
        }
    }

    /// <summary>Adds a sub-directory's two levels to its parent's lower one.</summary>
    public static void AddBelow(SummaryCounters below, DirectorySummary child)
    {
        foreach (var level in (SummaryCounters[])[child.Below, child.Directory])
        {
            below.Directories += level.Directories;
            below.Files += level.Files;
            below.Symlinks += level.Symlinks;
            below.Devices += level.Devices;
            below.Pipes += level.Pipes;
            below.Sockets += level.Sockets;
            below.Children += level.Children;
            below.SetUserId += level.SetUserId;
            below.SetGroupId += level.SetGroupId;
            below.Sticky += level.Sticky;
            below.Objects += level.Objects;
            below.Chunks += level.Chunks;
            below.Size += level.Size;
            below.MinSize = Least(below.MinSize, level.MinSize);
            below.MaxSize = Most(below.MaxSize, level.MaxSize);
            below.MinModTime = Least(below.MinModTime, level.MinModTime);
            below.MaxModTime = Most(below.MaxModTime, level.MaxModTime);
            below.MinEntropy = Least(below.MinEntropy, level.MinEntropy);
            below.MaxEntropy = Most(below.MaxEntropy, level.MaxEntropy);
            below.HighEntropy += level.HighEntropy;
            below.LowEntropy += level.LowEntropy;
            below.MimeAudio += level.MimeAudio;
            below.MimeVideo += level.MimeVideo;
            below.MimeImage += level.MimeImage;
            below.MimeText += level.MimeText;
            below.MimeApplication += level.MimeApplication;
            below.MimeOther += level.MimeOther;
            below.Errors += level.Errors;
        }
    }

    private static T Least<T>(T current, T value)
        where T : System.Numerics.INumber<T> => value < current || T.IsZero(current) ? value : current;

    private static T Most<T>(T current, T value)
        where T : System.Numerics.INumber<T> => value > current || T.IsZero(current) ? value : current;
}
