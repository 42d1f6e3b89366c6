using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using GooglePhotos.Library;
using GooglePhotos.Takeout.Metadata;
using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>The bytes of one item as they go up, and what was done to them.</summary>
/// <param name="Uncorrected">Why a correction that is needed could not be made; null when none was needed or it was made.</param>
internal sealed record PreparedMedia(PlannedItem Item, UploadSource Source, bool Corrected, string? Uncorrected, IReadOnlyList<string> TemporaryFiles) : IDisposable
{
    public string Sha1 => Convert.ToHexStringLower(Source.Sha1.Span);

    public void Dispose()
    {
        foreach (var file in TemporaryFiles)
        {
            File.Delete(file);
        }
    }
}

/// <summary>
/// Reads a content out of the snapshot, looks at what it says of itself, and makes a corrected copy where it must. Small contents are kept in a file, so
/// that they can be sent again; large ones are read again from the repository.
/// </summary>
/// <param name="exif">Null where corrections were given up on purpose.</param>
/// <param name="folder">For temporary files; emptied by the caller.</param>
internal sealed class MediaPreparation(Snapshot snapshot, ExifTool? exif, string folder, ProgressTracker tracker)
{
    private const int BufferBytes = 256 << 10;
    private int _files;

    /// <exception cref="RepositoryException">The content is damaged.</exception>
    public async Task<PreparedMedia> PrepareAsync(PlannedItem item, CancellationToken cancellationToken)
    {
        var files = new List<string>();
        try
        {
            var spool = item.Size < UploadPlanner.ResumableFrom ? NewFile(files) : null;
            var metadata = await ReadAsync(item, spool, cancellationToken);
            var uncorrected = (string?)null;
            if (MediaCorrection.Of(item, metadata) is { } correction)
            {
                if (exif is null)
                {
                    uncorrected = "without ExifTool no date or place can be written";
                }
                else
                {
                    spool ??= await SpoolAsync(item, NewFile(files), cancellationToken);
                    var copy = NewFile(files);
                    uncorrected = await exif.CorrectAsync(spool, copy, correction, item.Mime, cancellationToken);
                    if (uncorrected is null)
                    {
                        return await OfFileAsync(item, copy, files, cancellationToken);
                    }
                }
            }

            var source = new UploadSource
            {
                Length = item.Size,
                MimeType = item.Mime,
                FileName = item.FileName,
                Sha1 = Convert.FromHexString(item.Key),
                OpenAt = spool is null ? (offset, token) => OpenStoredAsync(item, offset, token) : (offset, _) => OpenFileAsync(spool, offset),
            };
            return new(item, source, Corrected: false, uncorrected, files);
        }
        catch
        {
            files.ForEach(File.Delete);
            throw;
        }
    }

    private async Task<MediaMetadata> ReadAsync(PlannedItem item, string? spool, CancellationToken cancellationToken)
    {
        using var probe = new MediaProbe();
        using var hash = NewSha1();
        await using var content = await OpenAsync(item, cancellationToken);
        await using var file = spool is null ? Stream.Null : File.Create(spool);
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            probe.Append(buffer.AsSpan(0, read));
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            tracker.Moved();
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset()) == item.Key
            ? probe.Finish()
            : throw new RepositoryException(RepositoryFailure.Damaged, $"{item.Path} is not what the catalog says it is.");
    }

    private async Task<string> SpoolAsync(PlannedItem item, string spool, CancellationToken cancellationToken)
    {
        await using var content = await OpenAsync(item, cancellationToken);
        await using var file = File.Create(spool);
        await content.CopyToAsync(file, BufferBytes, cancellationToken);
        return spool;
    }

    private static async Task<PreparedMedia> OfFileAsync(PlannedItem item, string copy, IReadOnlyList<string> files, CancellationToken cancellationToken)
    {
        await using var content = File.OpenRead(copy);
        using var hash = NewSha1();
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        var source = new UploadSource
        {
            Length = content.Length,
            MimeType = item.Mime,
            FileName = item.FileName,
            Sha1 = hash.GetHashAndReset(),
            OpenAt = (offset, _) => OpenFileAsync(copy, offset),
        };
        return new(item, source, Corrected: true, null, files);
    }

    private async Task<Stream> OpenAsync(PlannedItem item, CancellationToken cancellationToken) =>
        await snapshot.FindAsync(EntryPath.Parse(item.Path), cancellationToken) is { Kind: EntryKind.File } entry
            ? snapshot.OpenRead(entry)
            : throw new RepositoryException(RepositoryFailure.Damaged, $"{item.Path} is in the catalog and not in the snapshot.");

    private async ValueTask<Stream> OpenStoredAsync(PlannedItem item, long offset, CancellationToken cancellationToken)
    {
        var content = await OpenAsync(item, cancellationToken);
        var buffer = new byte[BufferBytes];
        for (var left = offset; left > 0;)
        {
            var read = await content.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancellationToken);
            if (read == 0)
            {
                throw new RepositoryException(RepositoryFailure.Damaged, $"{item.Path} ended early.");
            }

            left -= read;
            tracker.Moved();
        }

        return content;
    }

    private static ValueTask<Stream> OpenFileAsync(string path, long offset)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        file.Position = offset;
        return new(file);
    }

    private string NewFile(List<string> files)
    {
        var path = Path.Combine(folder, $"media-{Interlocked.Increment(ref _files)}");
        files.Add(path);
        return path;
    }

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "Google's upload API checks bytes by SHA-1; nothing is protected by it here.")]
    private static IncrementalHash NewSha1() => IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
}
