using Kloset.Repositories;
using Kloset.Snapshots;
using KlosetWorker.Progress;

namespace KlosetWorker.Files;

/// <summary>
/// For targets that are told a length before the content: one that turns out shorter or longer would spoil everything behind it. Snapshots of files that
/// grew while they were read do hold another size than their content.
/// </summary>
internal sealed class LengthCheckedStream(Stream inner, Entry entry, ProgressTracker tracker) : Stream
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
