using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Metadata;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Library;

/// <summary>One entry and its bytes, while the reader stands at it. Valid until the next one is asked for.</summary>
public sealed class TakeoutContent : IAsyncDisposable
{
    private readonly Func<CancellationToken, Task<Stream>> _open;
    private byte[]? _buffered;
    private ContentStream? _stream;
    private Action<ReadOnlySpan<byte>>? _watch;
    private Action? _watched;

    internal TakeoutContent(TakeoutEntry entry, Func<CancellationToken, Task<Stream>> open)
    {
        Entry = entry;
        _open = open;
    }

    public TakeoutEntry Entry { get; }

    /// <summary>What the file says, when it is a sidecar and was parsed just now: the entry keeps only what decides what belongs together.</summary>
    public Sidecar? Sidecar { get; internal set; }

    /// <summary>
    /// The bytes, forward only; may be opened once. Reading to the end proves size and checksum.
    /// </summary>
    /// <exception cref="TakeoutDamageException">Here or while reading: the bytes are not what the archive promised. It is among the
    /// findings already; throw away what was read of this entry and go on with the next.</exception>
    public async Task<Stream> OpenAsync(CancellationToken ct)
    {
        if (_stream is not null)
        {
            throw new InvalidOperationException("An entry's content is read once.");
        }

        try
        {
            Stream inner = _buffered is { } bytes ? new MemoryStream(bytes, writable: false) : await _open(ct);
            return _stream = new ContentStream(inner, Entry, _watch);
        }
        catch (TakeoutDamageException)
        {
            Entry.Damaged = true;
            throw;
        }
    }

    /// <summary>In place of reading: what an earlier reading of the same bytes told.</summary>
    public void Recall(EntryFacts facts)
    {
        Entry.Crc32 ??= facts.Crc32;
        Entry.MimeType = facts.MimeType;
        Entry.MediaTime = facts.MediaTime;
        Entry.HeadRead = true;
    }

    public ValueTask DisposeAsync() => _stream?.DisposeAsync() ?? ValueTask.CompletedTask;

    internal void Watch(Action<ReadOnlySpan<byte>> feed, Action done)
    {
        _watch = feed;
        _watched = done;
    }

    internal async Task<byte[]> BufferAsync(CancellationToken ct)
    {
        await using Stream stream = await _open(ct);
        byte[] bytes = new byte[Entry.Size];
        int read = 0;
        while (read < bytes.Length)
        {
            int count = await stream.ReadAsync(bytes.AsMemory(read), ct);
            if (count == 0)
            {
                break;
            }

            read += count;
        }

        // One more read reaches the end, which is where size and checksum are proven.
        byte[] one = new byte[1];
        _ = await stream.ReadAtLeastAsync(one, 1, throwOnEndOfStream: false, ct);
        return _buffered = bytes;
    }

    internal async Task FinishAsync(CancellationToken ct)
    {
        if (_watch is not null)
        {
            try
            {
                Stream stream = _stream ?? await OpenAsync(ct);
                byte[] buffer = new byte[64 << 10];
                while (await stream.ReadAsync(buffer, ct) > 0)
                {
                }
            }
            catch (Exception e) when (e is TakeoutDamageException or ObjectDisposedException)
            {
            }

            _watched!();
        }

        await DisposeAsync();
    }

    private sealed class ContentStream(Stream inner, TakeoutEntry entry, Action<ReadOnlySpan<byte>>? watch) : ForwardStream
    {
        private readonly byte[] _head = new byte[MediaSniffer.HeadBytes];
        private readonly FilmClock? _clock = entry.MediaTime is null && TakeoutExport.IsClip(entry) ? new FilmClock() : null;
        private int _headLength;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                int read = await inner.ReadAsync(buffer, cancellationToken);
                Note(buffer.Span[..read]);
                return read;
            }
            catch (TakeoutDamageException)
            {
                entry.Damaged = true;
                throw;
            }
        }

        public override int Read(Span<byte> buffer)
        {
            try
            {
                int read = inner.Read(buffer);
                Note(buffer[..read]);
                return read;
            }
            catch (TakeoutDamageException)
            {
                entry.Damaged = true;
                throw;
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                _clock?.Dispose();
            }

            base.Dispose(disposing);
        }

        private void Note(ReadOnlySpan<byte> bytes)
        {
            watch?.Invoke(bytes);
            if (_clock is { Done: false })
            {
                _clock.Append(bytes);
                entry.MediaTime = _clock.Created;
            }

            if (!entry.HeadRead)
            {
                int take = Math.Min(bytes.Length, _head.Length - _headLength);
                bytes[..take].CopyTo(_head.AsSpan(_headLength));
                _headLength += take;
                if (_headLength == _head.Length || bytes.IsEmpty)
                {
                    entry.HeadRead = true;
                    entry.MimeType = MediaSniffer.Sniff(_head.AsSpan(0, _headLength));
                }
            }

            if (bytes.IsEmpty && entry.Crc32 is null && inner is VerifiedStream { Proven: true } proven)
            {
                entry.Crc32 = proven.Crc;
            }
        }
    }
}
