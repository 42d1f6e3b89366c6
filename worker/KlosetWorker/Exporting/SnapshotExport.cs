using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Progress;

namespace KlosetWorker.Exporting;

internal sealed record ExportReport(long Files, long Bytes, IReadOnlyList<string> Warnings);

/// <summary>Streams entries of a snapshot into an archive. Every byte is verified on the way; damage ends the export, because a hole would look like a file.</summary>
internal sealed class SnapshotExport(Snapshot snapshot, IExportFormat format, ProgressTracker tracker)
{
    private const int MaxWarnings = 50;

    /// <exception cref="RepositoryException">Damaged.</exception>
    public async Task<ExportReport> RunAsync(IAsyncEnumerable<Entry> entries, EntryPath root, CancellationToken cancellationToken)
    {
        tracker.Phase = "Exporting";
        long files = 0, bytes = 0;
        var warnings = new List<string>();
        await foreach (var entry in entries.WithCancellation(cancellationToken))
        {
            if (entry.Path == root && entry.Kind == EntryKind.Directory)
            {
                continue;
            }

            var name = entry.Path.Bytes[(root.IsRoot ? 1 : root.Bytes.Length + 1)..].ToArray();
            await using var content = entry.Kind == EntryKind.File ? new LengthCheckedStream(snapshot.OpenRead(entry), entry, tracker) : null;
            if (await format.AddAsync(name, entry, content, cancellationToken) is { } remark && warnings.Count < MaxWarnings)
            {
                warnings.Add(remark);
            }

            if (entry.Kind == EntryKind.File)
            {
                files++;
                bytes += entry.Size;
                tracker.AddItems(1);
            }
        }

        await format.FinishAsync(cancellationToken);
        return new ExportReport(files, bytes, warnings);
    }

    /// <summary>
    /// Archives announce a length before the content: one that turns out shorter or longer would spoil everything behind it. Snapshots of files that
    /// grew while they were read do hold another size than their content.
    /// </summary>
    private sealed class LengthCheckedStream(Stream inner, Entry entry, ProgressTracker tracker) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => entry.Size;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException("Read forward only.");
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            _position += read;
            tracker.AddBytes(read);
            if (_position > Length || (read == 0 && buffer.Length > 0 && _position != Length))
            {
                throw new RepositoryException(
                    RepositoryFailure.Damaged, $"{entry.Path} has another length than its entry says ({Length} bytes): it changed while it was backed up. Restore it instead, or leave it out.");
            }

            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("Read forward only.");

        public override void SetLength(long value) => throw new NotSupportedException("Read only.");

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read only.");

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
