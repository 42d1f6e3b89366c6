using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Kloset.Repositories;

namespace Kloset.Snapshots;

/// <summary>One record of a dirpack: an entry as it is stored, and its identifier. Source: format document, section 13.4.</summary>
/// <param name="IsDirectory">The record's first byte.</param>
/// <param name="Entry">The serialised entry; valid until the next record is asked for.</param>
internal readonly record struct DirpackFrame(bool IsDirectory, ReadOnlyMemory<byte> Entry, Mac EntryId);

/// <summary>Cuts the content of a dirpack into records.</summary>
internal static class DirpackReader
{
    public const byte DirectoryKind = 1;
    public const byte OtherKind = 2;
    public const int HeaderSize = 5;

    /// <summary>An entry may carry classifications and metadata of its own, but not this much.</summary>
    private const int MaxFrame = 64 << 20;

    public static async IAsyncEnumerable<DirpackFrame> ReadAsync(Stream content, string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            int start = 0, end = 0;
            while (true)
            {
                if (!await HaveAsync(HeaderSize))
                {
                    if (end > start)
                        throw RepositoryException.Damaged($"The {name} is damaged: it ends inside a record.");
                    yield break;
                }

                var kind = buffer[start];
                var length = BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(start + 1));
                if (kind is not (DirectoryKind or OtherKind) || length is < Mac.Size or > MaxFrame)
                    throw RepositoryException.Damaged($"The {name} is damaged: it has a record of kind {kind} and {length} bytes.");
                if (!await HaveAsync(HeaderSize + (int)length))
                    throw RepositoryException.Damaged($"The {name} is damaged: it ends inside a record.");
                var body = buffer.AsMemory(start + HeaderSize, (int)length);
                start += HeaderSize + (int)length;
                yield return new DirpackFrame(kind == DirectoryKind, body[..^Mac.Size], new Mac(body.Span[^Mac.Size..]));
            }

            async ValueTask<bool> HaveAsync(int count)
            {
                while (end - start < count)
                {
                    if (end == buffer.Length)
                    {
                        // Grows with what has come, not with what a length claims.
                        var target = start >= buffer.Length / 2 ? buffer : ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                        buffer.AsSpan(start, end - start).CopyTo(target);
                        if (target != buffer)
                            ArrayPool<byte>.Shared.Return(buffer);
                        buffer = target;
                        end -= start;
                        start = 0;
                    }

                    var read = await content.ReadAsync(buffer.AsMemory(end), cancellationToken);
                    if (read == 0)
                        return false;
                    end += read;
                }

                return true;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
