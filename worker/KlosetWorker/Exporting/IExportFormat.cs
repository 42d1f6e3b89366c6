using Kloset.Snapshots;

namespace KlosetWorker.Exporting;

/// <summary>An archive that is written from front to back. One that failed is left without its end, so that nobody takes it for whole.</summary>
internal interface IExportFormat
{
    /// <summary>Adds one entry.</summary>
    /// <param name="name">Relative, '/'-separated raw bytes, no trailing slash.</param>
    /// <param name="content">Of a regular file; has a length.</param>
    /// <returns>Null, or what of the entry the format cannot hold; a sentence.</returns>
    Task<string?> AddAsync(byte[] name, Entry entry, Stream? content, CancellationToken cancellationToken);

    Task FinishAsync(CancellationToken cancellationToken);
}
