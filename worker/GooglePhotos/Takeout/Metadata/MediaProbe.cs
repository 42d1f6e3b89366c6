using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;
using GooglePhotos.Takeout.Sidecars;
using MetadataExtractor;
using MetadataExtractor.Formats.Exif;
using MetadataExtractor.Formats.Heif;
using MetadataExtractor.Formats.Jpeg;
using MetadataExtractor.Formats.Png;
using MetadataExtractor.Formats.QuickTime;
using Directory = MetadataExtractor.Directory;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>
/// Listens while a file streams by and keeps what its metadata can lie in: the first MiB, and the boxes <c>moov</c> and <c>meta</c>
/// wherever they come. Nothing else is held, whatever the file's size. Not for several threads; may be used again after
/// <see cref="Finish"/>.
/// </summary>
public sealed partial class MediaProbe : IDisposable
{
    private const int HeadLimit = 1 << 20;

    // What a parser may take for one file. A list whose entries are of no size needs no bytes of the file to ask for gigabytes.
    private const long MemoryLimit = 64 << 20;

    // A parser that asks so often goes round in circles. Reading all of the head byte by byte takes a sixteenth of it.
    private const int CallLimit = 16 << 20;

    // A moov of a film of many hours is some MiB; more is no header.
    private const int BoxLimit = 16 << 20;

    private byte[] _head = ArrayPool<byte>.Shared.Rent(64 << 10);
    private int _headLength;
    private long _position;
    private readonly List<Segment> _segments = [];
    private readonly byte[] _boxHeader = new byte[16];
    private int _boxHeaderLength;
    private long _nextBox;
    private bool _walking = true;
    private Segment? _collecting;

    /// <summary>Takes the next bytes of the file. Never throws.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        KeepHead(bytes);
        if (_walking)
        {
            Walk(bytes);
        }

        _position += bytes.Length;
    }

    /// <summary>Reads what was kept. Never throws: a file that nothing understands has only a size and a name.</summary>
    public MediaMetadata Finish()
    {
        try
        {
            string? mime = MediaSniffer.Sniff(_head.AsSpan(0, Math.Min(_headLength, MediaSniffer.HeadBytes)));
            if (mime is null || _headLength < 16)
            {
                return mime is null ? MediaMetadata.Unknown : new MediaMetadata { MimeType = mime };
            }

            return Read(mime);
        }
        finally
        {
            Reset();
        }
    }

    public void Dispose()
    {
        Reset();
        ArrayPool<byte>.Shared.Return(_head);
        _head = [];
    }

    private void Reset()
    {
        foreach (Segment segment in _segments)
        {
            ArrayPool<byte>.Shared.Return(segment.Bytes);
        }

        _segments.Clear();
        _headLength = 0;
        _position = 0;
        _boxHeaderLength = 0;
        _nextBox = 0;
        _walking = true;
        _collecting = null;
    }

    private void KeepHead(ReadOnlySpan<byte> bytes)
    {
        int take = Math.Min(bytes.Length, HeadLimit - _headLength);
        if (take <= 0)
        {
            return;
        }

        if (_headLength + take > _head.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Min(HeadLimit, Math.Max(_headLength + take, _head.Length * 2)));
            _head.AsSpan(0, _headLength).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_head);
            _head = larger;
        }

        bytes[..take].CopyTo(_head.AsSpan(_headLength));
        _headLength += take;
    }

    /// <summary>Follows the top-level boxes of ISO media files (ISO 14496-12, 4.2).</summary>
    private void Walk(ReadOnlySpan<byte> bytes)
    {
        long at = _position;
        while (!bytes.IsEmpty && _walking)
        {
            if (_collecting is { } collecting)
            {
                int take = (int)Math.Min(bytes.Length, collecting.Length - collecting.Filled);
                bytes[..take].CopyTo(collecting.Bytes.AsSpan(collecting.Filled));
                collecting.Filled += take;
                bytes = bytes[take..];
                at += take;
                if (collecting.Filled == collecting.Length)
                {
                    _collecting = null;
                }

                continue;
            }

            if (at < _nextBox)
            {
                int skip = (int)Math.Min(bytes.Length, _nextBox - at);
                bytes = bytes[skip..];
                at += skip;
                continue;
            }

            int needed = _boxHeaderLength >= 8 ? 16 : 8;
            int copied = Math.Min(bytes.Length, needed - _boxHeaderLength);
            bytes[..copied].CopyTo(_boxHeader.AsSpan(_boxHeaderLength));
            _boxHeaderLength += copied;
            bytes = bytes[copied..];
            at += copied;
            if (_boxHeaderLength < needed)
            {
                break;
            }

            long size = BinaryPrimitives.ReadUInt32BigEndian(_boxHeader);
            if (size == 1 && needed == 8)
            {
                _nextBox = at;
                continue;
            }

            if (size == 1)
            {
                size = BinaryPrimitives.ReadInt64BigEndian(_boxHeader.AsSpan(8));
            }

            ReadOnlySpan<byte> type = _boxHeader.AsSpan(4, 4);
            long start = at - _boxHeaderLength;
            if (size < _boxHeaderLength || size > long.MaxValue - start || (start == 0 && !IsBox(type)))
            {
                // 0 means "to the end of the file", anything else is no box at all.
                _walking = false;
                break;
            }

            _nextBox = start + size;
            if ((type.SequenceEqual("moov"u8) || type.SequenceEqual("meta"u8)) && size <= BoxLimit && _nextBox > HeadLimit && _segments.Count < 4)
            {
                Segment segment = new(start, (int)size, ArrayPool<byte>.Shared.Rent((int)size));
                _boxHeader.AsSpan(0, _boxHeaderLength).CopyTo(segment.Bytes);
                segment.Filled = _boxHeaderLength;
                _segments.Add(segment);
                _collecting = segment.Filled < segment.Length ? segment : null;
            }

            _boxHeaderLength = 0;
        }
    }

    private static bool IsBox(ReadOnlySpan<byte> type) => type.SequenceEqual("ftyp"u8) || type.SequenceEqual("moov"u8) || type.SequenceEqual("mdat"u8)
        || type.SequenceEqual("wide"u8) || type.SequenceEqual("free"u8) || type.SequenceEqual("skip"u8);

    private MediaMetadata Read(string mime)
    {
        if (!NamedLengths.Fit(mime, _head.AsSpan(0, _headLength), _position) || _segments.Exists(segment => !NamedLengths.Fit(mime, segment.Bytes.AsSpan(0, segment.Filled), _position)))
        {
            return new MediaMetadata { MimeType = mime };
        }

        try
        {
            return DeepStack.Run(() =>
            {
                using SparseStream file = new(_position, _head.AsMemory(0, _headLength), _segments);
                return Collect(mime, mime switch
                {
                    "image/heic" or "image/heif" or "image/avif" => HeifMetadataReader.ReadMetadata(file),
                    "video/mp4" or "video/quicktime" or "video/3gpp" or "video/x-m4v" => QuickTimeMetadataReader.ReadMetadata(file),
                    _ => ImageMetadataReader.ReadMetadata(file),
                });
            });
        }
        catch (Exception)
        {
            // Parsers of pictures fail in every way that there is, up to asking for more memory than a made-up length allows; a photo with
            // odd metadata is still a photo.
            return new MediaMetadata { MimeType = mime };
        }
    }

    private static MediaMetadata Collect(string mime, IReadOnlyList<Directory> directories)
    {
        ExifIfd0Directory? ifd0 = directories.OfType<ExifIfd0Directory>().FirstOrDefault();
        ExifSubIfdDirectory? exif = directories.OfType<ExifSubIfdDirectory>().FirstOrDefault(d => d.ContainsTag(ExifDirectoryBase.TagDateTimeOriginal))
            ?? directories.OfType<ExifSubIfdDirectory>().FirstOrDefault();
        GpsDirectory? gps = directories.OfType<GpsDirectory>().FirstOrDefault();
        QuickTimeMovieHeaderDirectory? movie = directories.OfType<QuickTimeMovieHeaderDirectory>().FirstOrDefault();
        QuickTimeMetadataHeaderDirectory? keys = directories.OfType<QuickTimeMetadataHeaderDirectory>().FirstOrDefault();
        (int Width, int Height)? size = Size(directories);
        DateTime? local = Time(exif, ExifDirectoryBase.TagDateTimeOriginal) ?? Time(exif, ExifDirectoryBase.TagDateTimeDigitized) ?? Time(ifd0, ExifDirectoryBase.TagDateTime);
        TimeSpan? offset = ParseOffset(Text(exif, 0x9011)) ?? ParseOffset(Text(exif, 0x9010));
        if (Text(keys, QuickTimeMetadataHeaderDirectory.TagCreationDate) is { } stamp
            && DateTimeOffset.TryParse(stamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset created))
        {
            (local, offset) = (created.DateTime, created.Offset);
        }

        return new MediaMetadata
        {
            MimeType = mime,
            TakenLocal = local,
            Offset = offset,
            GpsTime = gps is not null && gps.TryGetGpsDate(out DateTime gpsTime) && gpsTime.Year > 1990 ? new DateTimeOffset(DateTime.SpecifyKind(gpsTime, DateTimeKind.Utc)) : null,
            CreatedUtc = movie is not null && movie.TryGetDateTime(QuickTimeMovieHeaderDirectory.TagCreated, out DateTime createdUtc) && createdUtc.Year > 1970
                ? new DateTimeOffset(DateTime.SpecifyKind(createdUtc, DateTimeKind.Utc))
                : null,
            CameraMake = Text(ifd0, ExifDirectoryBase.TagMake) ?? Text(keys, QuickTimeMetadataHeaderDirectory.TagMake),
            CameraModel = Text(ifd0, ExifDirectoryBase.TagModel) ?? Text(keys, QuickTimeMetadataHeaderDirectory.TagModel),
            Width = size?.Width,
            Height = size?.Height,
            Orientation = ifd0 is not null && ifd0.TryGetInt32(ExifDirectoryBase.TagOrientation, out int orientation) && orientation is >= 1 and <= 8 ? orientation : null,
            Place = ReadPlace(gps) ?? ParseIso6709(Text(keys, QuickTimeMetadataHeaderDirectory.TagGpsLocation)),
            Duration = Duration(movie),
        };
    }

    private static TimeSpan? Duration(QuickTimeMovieHeaderDirectory? movie) => movie?.GetObject(QuickTimeMovieHeaderDirectory.TagDuration) is TimeSpan duration ? duration : null;

    private static (int, int)? Size(IReadOnlyList<Directory> directories)
    {
        foreach (Directory directory in directories)
        {
            (int width, int height) = directory switch
            {
                JpegDirectory => (JpegDirectory.TagImageWidth, JpegDirectory.TagImageHeight),
                PngDirectory { Name: "PNG-IHDR" } => (PngDirectory.TagImageWidth, PngDirectory.TagImageHeight),
                HeicImagePropertiesDirectory => (HeicImagePropertiesDirectory.TagImageWidth, HeicImagePropertiesDirectory.TagImageHeight),
                QuickTimeTrackHeaderDirectory => (QuickTimeTrackHeaderDirectory.TagWidth, QuickTimeTrackHeaderDirectory.TagHeight),
                _ => (-1, -1),
            };
            if (width >= 0 && directory.TryGetInt32(width, out int w) && directory.TryGetInt32(height, out int h) && w > 0 && h > 0)
            {
                return (w, h);
            }
        }

        return null;
    }

    private static Place? ReadPlace(GpsDirectory? gps)
    {
        if (gps?.GetGeoLocation() is not { IsZero: false } location || !double.IsFinite(location.Latitude) || !double.IsFinite(location.Longitude)
            || Math.Abs(location.Latitude) > 90 || Math.Abs(location.Longitude) > 180)
        {
            return null;
        }

        double? altitude = gps.TryGetDouble(GpsDirectory.TagAltitude, out double metres) && double.IsFinite(metres)
            ? gps.TryGetInt32(GpsDirectory.TagAltitudeRef, out int below) && below == 1 ? -metres : metres
            : null;
        return new Place(location.Latitude, location.Longitude, altitude);
    }

    private static DateTime? Time(Directory? directory, int tag) =>
        directory is not null && directory.TryGetDateTime(tag, out DateTime time) && time.Year > 1800 ? DateTime.SpecifyKind(time, DateTimeKind.Unspecified) : null;

    private static string? Text(Directory? directory, int tag)
    {
        string? text = directory?.GetString(tag)?.Trim('\0', ' ');
        return string.IsNullOrEmpty(text) ? null : text.Length <= 200 ? text : text[..200];
    }

    private static TimeSpan? ParseOffset(string? text) => text is { Length: >= 6 } && text[0] is '+' or '-'
        && TimeSpan.TryParseExact(text.AsSpan(1, 5), @"hh\:mm", CultureInfo.InvariantCulture, out TimeSpan offset)
            ? text[0] == '-' ? -offset : offset
            : null;

    private static Place? ParseIso6709(string? text)
    {
        if (text is null || Iso6709().Match(text) is not { Success: true } match
            || !double.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out double latitude)
            || !double.TryParse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture, out double longitude)
            || Math.Abs(latitude) > 90 || Math.Abs(longitude) > 180 || (latitude == 0 && longitude == 0))
        {
            return null;
        }

        return new Place(latitude, longitude,
            match.Groups[3].Success && double.TryParse(match.Groups[3].ValueSpan, CultureInfo.InvariantCulture, out double altitude) ? altitude : null);
    }

    [GeneratedRegex(@"^([+-]\d{2}(?:\.\d+)?)([+-]\d{3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?", RegexOptions.CultureInvariant)]
    private static partial Regex Iso6709();

    private sealed class Segment(long start, int length, byte[] bytes)
    {
        internal long Start { get; } = start;

        internal int Length { get; } = length;

        internal byte[] Bytes { get; } = bytes;

        internal int Filled { get; set; }
    }

    /// <summary>
    /// The whole file's length, with what was kept in its place and zeros between. Made and read on the parser's thread, it ends a parser that takes
    /// too much memory there or asks without end.
    /// </summary>
    private sealed class SparseStream(long length, ReadOnlyMemory<byte> head, List<Segment> segments) : Stream
    {
        private readonly long _allowed = GC.GetAllocatedBytesForCurrentThread() + MemoryLimit;
        private int _calls;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length
        {
            get
            {
                Account();
                return length;
            }
        }

        public override long Position { get; set; }

        public override int Read(Span<byte> buffer)
        {
            Account();
            if (Position < 0 || Position >= length || buffer.IsEmpty)
            {
                return 0;
            }

            ReadOnlySpan<byte> source = default;
            long limit = length;
            if (Position < head.Length)
            {
                source = head.Span[(int)Position..];
            }
            else
            {
                foreach (Segment segment in segments)
                {
                    if (Position >= segment.Start && Position < segment.Start + segment.Filled)
                    {
                        source = segment.Bytes.AsSpan((int)(Position - segment.Start), (int)(segment.Start + segment.Filled - Position));
                        break;
                    }

                    if (segment.Start > Position)
                    {
                        limit = Math.Min(limit, segment.Start);
                    }
                }
            }

            int count;
            if (source.IsEmpty)
            {
                count = (int)Math.Min(buffer.Length, limit - Position);
                buffer[..count].Clear();
            }
            else
            {
                count = Math.Min(buffer.Length, source.Length);
                source[..count].CopyTo(buffer);
            }

            Position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        private void Account()
        {
            if (++_calls > CallLimit || GC.GetAllocatedBytesForCurrentThread() > _allowed)
            {
                throw new InvalidDataException("The metadata of this file have no end.");
            }
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
