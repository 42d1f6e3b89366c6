using System.Globalization;
using GooglePhotos.Takeout.Metadata;
using KlosetWorker.Catalog;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// What a file has to be told before Google reads it, because Google takes date and place from the bytes and from nowhere else. Bytes that say the same as
/// the library stay as they are: one changed byte is another item to Google.
/// </summary>
/// <param name="Taken">Null when the file's own date is right.</param>
/// <param name="Zone">Offset of local time that is written with it.</param>
/// <param name="Place">Null when the file's own place is right.</param>
internal sealed record MediaCorrection(DateTimeOffset? Taken, TimeSpan Zone, CatalogPlace? Place)
{
    /// <summary>Containers round to seconds, and Google's own time stamps do.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(2);

    /// <summary>Degrees in EXIF are fractions; a hundred metres are no contradiction.</summary>
    private const double PlaceToleranceDegrees = 0.001;

    private static readonly TimeSpan QuarterHour = TimeSpan.FromMinutes(15);

    /// <returns>Null when the bytes may go up as they are.</returns>
    public static MediaCorrection? Of(PlannedItem item, MediaMetadata file)
    {
        var taken = item.Taken is { } time && !SaysTime(file, time, item.Zone) ? item.Taken : null;
        var place = item.Place is { } where && !SaysPlace(file, where) ? item.Place : null;
        return taken is null && place is null ? null : new(taken, item.Zone ?? TimeSpan.Zero, place);
    }

    private static bool IsVideo(string mime) => mime.StartsWith("video/", StringComparison.Ordinal);

    private static bool SaysTime(MediaMetadata file, DateTimeOffset taken, TimeSpan? zone)
    {
        if (file.CreatedUtc is { } created && (IsNear(created - taken) || IsClockOfZone(created - taken, zone)))
        {
            return true;
        }

        return file.TakenLocal is { } local && (file.Offset is { } offset
            ? IsNear(new DateTimeOffset(DateTime.SpecifyKind(local, DateTimeKind.Unspecified), TimeSpan.Zero) - offset - taken)
            : IsClockOfZone(new DateTimeOffset(DateTime.SpecifyKind(local, DateTimeKind.Unspecified), TimeSpan.Zero) - taken, zone));
    }

    /// <summary>A clock without zone is right when some zone of the world explains it: Google derived the moment from it in the same way.</summary>
    private static bool IsClockOfZone(TimeSpan ahead, TimeSpan? zone)
    {
        if (zone is { } known)
        {
            return IsNear(ahead - known);
        }

        var quarters = Math.Round(ahead / QuarterHour);
        return quarters is >= -48 and <= 56 && IsNear(ahead - (QuarterHour * quarters));
    }

    private static bool IsNear(TimeSpan difference) => difference.Duration() <= Tolerance;

    private static bool SaysPlace(MediaMetadata file, CatalogPlace place) =>
        file.Place is { } said && Math.Abs(said.Latitude - place.Latitude) <= PlaceToleranceDegrees && Math.Abs(said.Longitude - place.Longitude) <= PlaceToleranceDegrees;

    /// <summary>Arguments of ExifTool that write it. Times are given with their zone, and ExifTool runs in UTC, so the machine's zone decides nothing.</summary>
    public IEnumerable<string> Arguments(string mime)
    {
        var video = IsVideo(mime);
        if (Taken is { } taken)
        {
            var utc = taken.UtcDateTime.ToString("yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture);
            var local = (taken.UtcDateTime + Zone).ToString("yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture);
            var zone = (Zone < TimeSpan.Zero ? "-" : "+") + Zone.Duration().ToString(@"hh\:mm", CultureInfo.InvariantCulture);
            string[] tags = video
                ? [$"-QuickTime:CreateDate={utc}", $"-QuickTime:TrackCreateDate={utc}", $"-QuickTime:MediaCreateDate={utc}", $"-Keys:CreationDate={local}{zone}"]
                : [$"-EXIF:DateTimeOriginal={local}", $"-EXIF:CreateDate={local}", $"-EXIF:OffsetTimeOriginal={zone}", $"-EXIF:OffsetTimeDigitized={zone}", $"-XMP-exif:DateTimeOriginal={local}{zone}"];
            foreach (var tag in tags)
            {
                yield return tag;
            }
        }

        if (Place is { } place)
        {
            var latitude = Math.Abs(place.Latitude).ToString("0.0######", CultureInfo.InvariantCulture);
            var longitude = Math.Abs(place.Longitude).ToString("0.0######", CultureInfo.InvariantCulture);
            var (south, west) = (place.Latitude < 0, place.Longitude < 0);
            string[] tags = video
                ? [$"-Keys:GPSCoordinates={(south ? "-" : "")}{latitude}, {(west ? "-" : "")}{longitude}"]
                :
                [
                    $"-EXIF:GPSLatitude={latitude}", $"-EXIF:GPSLatitudeRef={(south ? "S" : "N")}",
                    $"-EXIF:GPSLongitude={longitude}", $"-EXIF:GPSLongitudeRef={(west ? "W" : "E")}",
                ];
            foreach (var tag in tags)
            {
                yield return tag;
            }
        }
    }

    /// <summary>Whether what was read back is what was to be written.</summary>
    public bool IsIn(ExifReading written, string mime)
    {
        if (Taken is { } taken)
        {
            var expected = IsVideo(mime) ? taken.UtcDateTime : taken.UtcDateTime + Zone;
            if (written.Time is not { } time || (time - expected).Duration() > Tolerance)
            {
                return false;
            }
        }

        return Place is not { } place || (written.Latitude is { } latitude && written.Longitude is { } longitude
            && Math.Abs(latitude - place.Latitude) <= PlaceToleranceDegrees && Math.Abs(longitude - place.Longitude) <= PlaceToleranceDegrees);
    }
}

/// <param name="Time">As it stands in the file: local in photos, UTC in films.</param>
internal sealed record ExifReading(DateTime? Time, double? Latitude, double? Longitude);
