namespace Kloset.Snapshots;

/// <summary>Statistics of a directory. Source: format document, section 13.5.</summary>
/// <param name="Directory">Direct children.</param>
/// <param name="Below">Everything under the direct sub-directories.</param>
public sealed record DirectorySummary(SummaryCounters Directory, SummaryCounters Below)
{
    public DirectorySummary()
        : this(new SummaryCounters(), new SummaryCounters())
    {
    }

    /// <summary>Content bytes of the whole subtree.</summary>
    public ulong TotalSize => unchecked(Directory.Size + Below.Size);

    public ulong TotalFiles => unchecked(Directory.Files + Below.Files);
}

/// <summary>Counters of one level. In minima and maxima 0 means "unset", as in the reference.</summary>
public sealed record SummaryCounters
{
    public ulong Directories { get; set; }

    public ulong Files { get; set; }

    public ulong Symlinks { get; set; }

    public ulong Devices { get; set; }

    public ulong Pipes { get; set; }

    public ulong Sockets { get; set; }

    public ulong Children { get; set; }

    public ulong SetUserId { get; set; }

    public ulong SetGroupId { get; set; }

    public ulong Sticky { get; set; }

    public ulong Objects { get; set; }

    public ulong Chunks { get; set; }

    public ulong MinSize { get; set; }

    public ulong MaxSize { get; set; }

    /// <summary>Only at the directory's own level.</summary>
    public ulong AverageSize { get; set; }

    public ulong Size { get; set; }

    /// <summary>Unix seconds.</summary>
    public long MinModTime { get; set; }

    /// <summary>Unix seconds.</summary>
    public long MaxModTime { get; set; }

    public double MinEntropy { get; set; }

    public double MaxEntropy { get; set; }

    /// <summary>Only at the directory's own level.</summary>
    public double SumEntropy { get; set; }

    /// <summary>Only at the directory's own level.</summary>
    public double AverageEntropy { get; set; }

    /// <summary>Files of at least 7 bits per byte.</summary>
    public ulong HighEntropy { get; set; }

    /// <summary>Files of at most 2 bits per byte.</summary>
    public ulong LowEntropy { get; set; }

    public ulong MimeAudio { get; set; }

    public ulong MimeVideo { get; set; }

    public ulong MimeImage { get; set; }

    public ulong MimeText { get; set; }

    public ulong MimeApplication { get; set; }

    public ulong MimeOther { get; set; }

    public ulong Errors { get; set; }
}
