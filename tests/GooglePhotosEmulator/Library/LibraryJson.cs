using System.Globalization;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

/// <summary>Items and albums as the Library API tells them: int64 as strings, absent fields for defaults, no size, no hash, no place.</summary>
internal sealed class LibraryJson(BaseUrls urls)
{
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public JsonObject Item(GoogleRequest request, AccessToken token, MediaItem item)
    {
        var facts = item.Facts;
        var metadata = new JsonObject
        {
            ["creationTime"] = Time(item.Created),
            ["width"] = facts.Width.ToString(CultureInfo.InvariantCulture),
            ["height"] = facts.Height.ToString(CultureInfo.InvariantCulture),
        };
        if (MediaFormat.IsVideo(facts.MimeType))
        {
            var video = new JsonObject { ["status"] = item.Video.ToString().ToUpperInvariant() };
            Set(video, "cameraMake", facts.Make);
            Set(video, "cameraModel", facts.Model);
            if (item.Video == VideoStatus.Ready)
            {
                video["fps"] = 30.0;
            }

            metadata["video"] = video;
        }
        else
        {
            metadata["photo"] = Photo(facts);
        }

        var json = new JsonObject { ["id"] = item.Id };
        if (item.Description.Length > 0)
        {
            json["description"] = item.Description;
        }

        json["productUrl"] = $"https://photos.google.com/lr/photo/{item.Id}";
        json["baseUrl"] = urls.ForLibrary(request, item.Id, token.ClientId);
        json["mimeType"] = facts.MimeType;
        json["mediaMetadata"] = metadata;
        json["filename"] = item.FileName;
        return json;
    }

    public JsonObject Album(GoogleRequest request, AccessToken token, Album album, Func<string, MediaItem?> find)
    {
        var json = new JsonObject
        {
            ["id"] = album.Id,
            ["title"] = album.Title,
            ["productUrl"] = $"https://photos.google.com/lr/album/{album.Id}",
            ["isWriteable"] = true,
        };
        if (album.Count > 0)
        {
            json["mediaItemsCount"] = album.Count.ToString(CultureInfo.InvariantCulture);
        }

        var cover = album.CoverItemId ?? album.ItemIds.FirstOrDefault();
        if (cover is not null && find(cover) is { } item)
        {
            json["coverPhotoBaseUrl"] = urls.ForLibrary(request, item.Id, token.ClientId);
            json["coverPhotoMediaItemId"] = item.Id;
        }

        return json;
    }

    public static JsonObject Photo(MediaFacts facts)
    {
        var photo = new JsonObject();
        Set(photo, "cameraMake", facts.Make);
        Set(photo, "cameraModel", facts.Model);
        Exposure(photo, facts);
        return photo;
    }

    /// <summary>Focal length, aperture, ISO and exposure time, as far as the file says.</summary>
    public static void Exposure(JsonObject photo, MediaFacts facts)
    {
        if (facts.FocalLength is { } length)
        {
            photo["focalLength"] = length;
        }

        if (facts.Aperture is { } aperture)
        {
            photo["apertureFNumber"] = aperture;
        }

        if (facts.Iso is { } iso)
        {
            photo["isoEquivalent"] = iso;
        }

        if (facts.ExposureSeconds is { } seconds)
        {
            photo["exposureTime"] = seconds.ToString("0.#########", CultureInfo.InvariantCulture) + "s";
        }
    }

    private static void Set(JsonObject target, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            target[name] = value;
        }
    }
}
