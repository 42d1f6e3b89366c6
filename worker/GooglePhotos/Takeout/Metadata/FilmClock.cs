using System.Buffers.Binary;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>The creation time in a film's header (ISO 14496-12, mvhd), caught while the film streams by. Holds forty bytes.</summary>
internal sealed class FilmClock : IDisposable
{
    private static readonly DateTimeOffset Epoch = new(1904, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // Top-level boxes of a film are a handful; a file with more is made to keep us busy.
    private const int MaxBoxes = 1_000;

    private readonly byte[] _held = new byte[28];
    private int _holding;
    private long _skip;
    private int _boxes;

    /// <summary>True when there is nothing more to learn.</summary>
    internal bool Done { get; private set; }

    internal DateTimeOffset? Created { get; private set; }

    /// <summary>From the version byte of an mvhd on.</summary>
    internal static DateTimeOffset? ReadHeader(ReadOnlySpan<byte> body)
    {
        if (body.Length < 12)
        {
            return null;
        }

        ulong seconds = body[0] == 1 ? BinaryPrimitives.ReadUInt64BigEndian(body[4..]) : BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
        return seconds is 0 or > 10_000_000_000 ? null : Epoch.AddSeconds(seconds);
    }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        while (!Done && !bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                int skipped = (int)Math.Min(_skip, bytes.Length);
                _skip -= skipped;
                bytes = bytes[skipped..];
                continue;
            }

            int wanted = Wanted();
            int take = Math.Min(wanted - _holding, bytes.Length);
            bytes[..take].CopyTo(_held.AsSpan(_holding));
            _holding += take;
            bytes = bytes[take..];
            if (_holding == wanted && wanted == Wanted())
            {
                Box();
            }
        }
    }

    public void Dispose() => Done = true;

    private int HeaderSize => _holding >= 8 && BinaryPrimitives.ReadUInt32BigEndian(_held) == 1 ? 16 : 8;

    private bool IsClock => _holding >= 8 && _held.AsSpan(4, 4).SequenceEqual("mvhd"u8);

    private int Wanted() => HeaderSize + (IsClock ? 12 : 0);

    private void Box()
    {
        long size = HeaderSize == 16 ? BinaryPrimitives.ReadInt64BigEndian(_held.AsSpan(8)) : BinaryPrimitives.ReadUInt32BigEndian(_held);
        ReadOnlySpan<byte> type = _held.AsSpan(4, 4);
        if (IsClock)
        {
            Created = ReadHeader(_held.AsSpan(HeaderSize, 12));
            Done = true;
        }
        else if (size < HeaderSize || ++_boxes > MaxBoxes)
        {
            Done = true;
        }
        else if (!type.SequenceEqual("moov"u8))
        {
            _skip = size - HeaderSize;
        }

        _holding = 0;
    }
}
