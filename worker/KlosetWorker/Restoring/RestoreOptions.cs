using KlosetWorker.Contract;

namespace KlosetWorker.Restoring;

internal sealed record RestoreOptions
{
    public ExistingFiles ExistingFiles { get; init; }

    /// <summary>Files of the same content become hard links of the first one.</summary>
    public bool HardLinks { get; init; }

    /// <summary>Whether owners are set; only the superuser can.</summary>
    public int Writers { get; init; } = Math.Max(2, Environment.ProcessorCount);
}

/// <param name="AlreadyThere">Files that an earlier try had restored, or that were there unchanged.</param>
/// <param name="Skipped">Entries that were left out on purpose.</param>
internal sealed record RestoreReport(long Files, long Bytes, long AlreadyThere, long Skipped, long Failed, bool Stopped, IReadOnlyList<string> Warnings);
