using System.Globalization;
using MetadataExtractor;
using MetadataExtractor.Formats.Exif;
using MetadataExtractor.Formats.Jpeg;
using MetadataExtractor.Formats.Png;
using MetadataExtractor.Formats.QuickTime;
using MetadataDirectory = MetadataExtractor.Directory;

namespace GooglePhotosEmulator.Media;

/// <summary>What Google reads from a file when an item is made from it. The place is read and never given out.</summary>
/// <param name="Taken">From EXIF or the movie header; null when the file does not say.</param>
internal sealed record MediaFacts(string MimeType, DateTimeOffset? Taken, int Width, int Height)
{
    public string? Make { get; init; }

    public string? Model { get; init; }

    public double? FocalLength { get; init; }

    public double? Aperture { get; init; }

    public int? Iso { get; init; }

    public double? ExposureSeconds { get; init; }

    /// <returns>Null for bytes that are neither photo nor video.</returns>
    public static MediaFacts? Read(Content content, string fileName)
    {
        using var stream = content.Open();
        var head = new byte[Math.Min(MediaFormat.Needed, content.Length)];
        stream.ReadExactly(head);
        if (MediaFormat.Detect(head, fileName) is not { } mimeType)
        {
            return null;
        }

        stream.Position = 0;
        try
        {
            return From(ImageMetadataReader.ReadMetadata(stream), mimeType);
        }
        catch (Exception e) when (e is ImageProcessingException or IOException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            return new MediaFacts(mimeType, null, 1, 1); // metadata in a form that the reader does not know
        }
    }

    private static MediaFacts From(IReadOnlyList<MetadataDirectory> directories, string mimeType)
    {
        var (width, height) = Size(directories);
        var main = directories.OfType<ExifIfd0Directory>().FirstOrDefault();
        var exif = directories.OfType<ExifSubIfdDirectory>().FirstOrDefault(directory => directory.ContainsTag(ExifDirectoryBase.TagDateTimeOriginal))
            ?? directories.OfType<ExifSubIfdDirectory>().FirstOrDefault();
        return new MediaFacts(mimeType, TakenFrom(directories, exif), width, height)
        {
            Make = main?.GetString(ExifDirectoryBase.TagMake),
            Model = main?.GetString(ExifDirectoryBase.TagModel),
            FocalLength = Number(exif, ExifDirectoryBase.TagFocalLength),
            Aperture = Number(exif, ExifDirectoryBase.TagFNumber),
            Iso = exif is not null && exif.TryGetInt32(ExifDirectoryBase.TagIsoEquivalent, out var iso) ? iso : null,
            ExposureSeconds = Number(exif, ExifDirectoryBase.TagExposureTime),
        };
    }

    private static DateTimeOffset? TakenFrom(IReadOnlyList<MetadataDirectory> directories, ExifSubIfdDirectory? exif)
    {
        if (exif?.GetString(ExifDirectoryBase.TagDateTimeOriginal) is { } text
            && DateTime.TryParseExact(text.Trim(), "yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            // without an offset the camera's own clock is taken for UTC
            var offset = TimeSpan.Zero;
            if (exif.GetString(ExifDirectoryBase.TagTimeZoneOriginal) is { Length: >= 6 } zone && TimeSpan.TryParse(zone.TrimStart('+', '-').Trim(), CultureInfo.InvariantCulture, out var parsed))
            {
                offset = zone.StartsWith('-') ? -parsed : parsed;
            }

            return new DateTimeOffset(local, offset);
        }

        var movie = directories.OfType<QuickTimeMovieHeaderDirectory>().FirstOrDefault();
        return movie is not null && movie.TryGetDateTime(QuickTimeMovieHeaderDirectory.TagCreated, out var created) && created.Year > 1904
            ? new DateTimeOffset(DateTime.SpecifyKind(created, DateTimeKind.Utc))
            : null;
    }

    private static (int Width, int Height) Size(IReadOnlyList<MetadataDirectory> directories)
    {
        foreach (var directory in directories)
        {
            var (widthTag, heightTag) = directory switch
            {
                JpegDirectory => (JpegDirectory.TagImageWidth, JpegDirectory.TagImageHeight),
                PngDirectory => (PngDirectory.TagImageWidth, PngDirectory.TagImageHeight),
                QuickTimeTrackHeaderDirectory => (QuickTimeTrackHeaderDirectory.TagWidth, QuickTimeTrackHeaderDirectory.TagHeight),
                ExifIfd0Directory => (ExifDirectoryBase.TagImageWidth, ExifDirectoryBase.TagImageHeight),
                _ => (-1, -1),
            };
            if (widthTag >= 0 && directory.TryGetInt32(widthTag, out var width) && directory.TryGetInt32(heightTag, out var height) && width > 0 && height > 0)
            {
                return (width, height);
            }
        }

        return (1, 1);
    }

    private static double? Number(MetadataDirectory? directory, int tag) =>
        directory is not null && directory.TryGetDouble(tag, out var value) && double.IsFinite(value) ? value : null;
}
