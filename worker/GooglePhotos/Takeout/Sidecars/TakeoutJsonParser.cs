using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GooglePhotos.Takeout.Sidecars;

/// <summary>
/// Reads a JSON file of an export. Tolerant where Google is loose (numbers as strings, bare NaN, a byte order mark, half surrogate
/// pairs, unknown fields) and never throwing: what is not JSON becomes <see cref="TakeoutJson.Unreadable"/>.
/// </summary>
public static class TakeoutJsonParser
{
    /// <summary>A JSON file above this size is no sidecar: the largest seen hold a few hundred comments. It is kept as a file.</summary>
    public const int MaxBytes = 4 << 20;

    // Lists inside one file are cut here, so that a hostile file cannot make a small archive fill the memory.
    private const int MaxListed = 10_000;

    // Shared: most sidecars have neither, and a library has a hundred thousand of them.
    private static readonly List<SharedComment> NoComments = [];
    private static readonly List<string> Nobody = [];

    private static readonly JsonDocumentOptions Options = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        MaxDepth = 64,
    };

    public static TakeoutJson Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > MaxBytes)
        {
            return new TakeoutJson.Unreadable($"larger than {MaxBytes >> 20} MiB");
        }

        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json[3..];
        }

        if (!System.Text.Unicode.Utf8.IsValid(json.Span))
        {
            // a cut inside a character: everything else can still be read, and the bytes themselves are kept verbatim elsewhere
            json = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(json.Span));
        }

        try
        {
            return Read(json);
        }
        catch (InvalidOperationException)
        {
            // Half a character in the name of a member: no text of Google's is like that.
            return new TakeoutJson.Unreadable("names that are no text");
        }
        catch (JsonException first)
        {
            // Google writes a missing altitude as a bare NaN, which JSON does not know.
            if (ReplaceBareNaN(json.Span) is { } repaired)
            {
                try
                {
                    return Read(repaired);
                }
                catch (Exception e) when (e is JsonException or InvalidOperationException)
                {
                }
            }

            return new TakeoutJson.Unreadable(json.Span.IndexOfAnyExcept("\0 \r\n\t"u8) < 0
                ? "empty"
                : $"not JSON (line {(first.LineNumber ?? 0) + 1})");
        }
    }

    private static TakeoutJson Read(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json, Options);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            return TakeoutJson.Other.Instance;
        }

        string? title = Text(root, "title");
        long? taken = Seconds(root, "photoTakenTime");
        long? created = Seconds(root, "creationTime");
        if (title is not null && (taken is not null || created is not null || Has(root, "photoTakenTime") || Has(root, "creationTime")))
        {
            return new TakeoutJson.OfMedia(ReadSidecar(root, title, taken, created));
        }

        if (title is not null)
        {
            return new TakeoutJson.OfAlbum(ReadAlbum(root, title));
        }

        return root.TryGetProperty("albumData", out JsonElement wrapped) && wrapped.ValueKind == JsonValueKind.Object
            && Text(wrapped, "title") is { } wrappedTitle
                ? new TakeoutJson.OfAlbum(ReadAlbum(wrapped, wrappedTitle))
                : TakeoutJson.Other.Instance;
    }

    private static Sidecar ReadSidecar(JsonElement root, string title, long? taken, long? created)
    {
        Place? shown = ReadPlace(root, "geoData");
        Place? inFile = ReadPlace(root, "geoDataExif");
        return new()
        {
            Title = title,
            Url = NullIfEmpty(Text(root, "url")),
            Description = NullIfEmpty(Text(root, "description")),
            TakenSeconds = taken,
            CreatedSeconds = created,
            ModifiedSeconds = Seconds(root, "photoLastModifiedTime") ?? Seconds(root, "modificationTime"),
            Place = shown,
            PlaceInFile = inFile == shown ? shown : inFile,
            People = ReadPeople(root),
            Favorited = Flag(root, "favorited"),
            Archived = Flag(root, "archived"),
            Trashed = Flag(root, "trashed"),
            Origin = ReadOrigin(root, out string? folder),
            DeviceFolder = folder,
            Comments = ReadComments(root),
        };
    }

    private static AlbumMetadata ReadAlbum(JsonElement root, string title) => new()
    {
        Title = title,
        Description = NullIfEmpty(Text(root, "description")),
        Access = NullIfEmpty(Text(root, "access")),
        DateSeconds = Seconds(root, "date"),
        Place = ReadPlace(root, "geoData"),
        Enrichments = ReadEnrichments(root),
        Comments = ReadComments(root),
    };

    private static List<AlbumEnrichment> ReadEnrichments(JsonElement root)
    {
        List<AlbumEnrichment> enrichments = [];
        foreach (JsonElement element in List(root, "enrichments"))
        {
            if (element.ValueKind != JsonValueKind.Object)
            {
                continue;
            }

            string? text = element.TryGetProperty("narrativeEnrichment", out JsonElement narrative) ? Text(narrative, "text") : null;
            List<NamedPlace> places = [];
            foreach (string kind in (ReadOnlySpan<string>)["locationEnrichment", "mapEnrichment"])
            {
                if (!element.TryGetProperty(kind, out JsonElement located))
                {
                    continue;
                }

                foreach (string list in (ReadOnlySpan<string>)["location", "origin", "destination"])
                {
                    foreach (JsonElement place in List(located, list))
                    {
                        places.Add(new NamedPlace(Text(place, "name"), Text(place, "description"),
                            Number(place, "latitudeE7") / 1e7, Number(place, "longitudeE7") / 1e7));
                    }
                }
            }

            if (text is not null || places.Count > 0)
            {
                enrichments.Add(new AlbumEnrichment(text, places));
            }
        }

        return enrichments;
    }

    private static List<SharedComment> ReadComments(JsonElement root)
    {
        List<SharedComment>? comments = null;
        foreach (JsonElement element in List(root, "sharedAlbumComments"))
        {
            (comments ??= []).Add(new SharedComment(Text(element, "text"), Flag(element, "liked"), Text(element, "contentOwnerName"),
                Seconds(element, "creationTime")));
        }

        return comments ?? NoComments;
    }

    private static List<string> ReadPeople(JsonElement root)
    {
        List<string>? people = null;
        foreach (JsonElement element in List(root, "people"))
        {
            if (Text(element, "name") is { Length: > 0 } name)
            {
                (people ??= []).Add(name);
            }
        }

        return people ?? Nobody;
    }

    private static string? ReadOrigin(JsonElement root, out string? deviceFolder)
    {
        deviceFolder = null;
        if (!root.TryGetProperty("googlePhotosOrigin", out JsonElement origin) || origin.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (JsonProperty property in origin.EnumerateObject())
        {
            string name = property.Name.Length <= 64 ? property.Name : property.Name[..64];
            if (property.Value.ValueKind != JsonValueKind.Object)
            {
                return name;
            }

            string? detail = Text(property.Value, "deviceType") ?? Text(property.Value, "type");
            deviceFolder = property.Value.TryGetProperty("deviceFolder", out JsonElement folder) ? NullIfEmpty(Text(folder, "localFolderName")) : null;
            return string.Intern(string.IsNullOrEmpty(detail) || detail.Length > 64 ? name : $"{name}:{detail}");
        }

        return null;
    }

    private static Place? ReadPlace(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement geo) || Number(geo, "latitude") is not { } latitude
            || Number(geo, "longitude") is not { } longitude)
        {
            return null;
        }

        // 0/0 is how Google writes "no place".
        bool given = (latitude != 0 || longitude != 0) && Math.Abs(latitude) <= 90 && Math.Abs(longitude) <= 180;
        return given ? new Place(latitude, longitude, Number(geo, "altitude") is { } altitude && altitude != 0 ? altitude : null) : null;
    }

    /// <summary>The list under a name; a single object counts as a list of one.</summary>
    private static IEnumerable<JsonElement> List(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement value))
        {
            return [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.Array => value.EnumerateArray().Take(MaxListed),
            JsonValueKind.Object => [value],
            _ => [],
        };
    }

    private static bool Has(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Object;

    private static bool Flag(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value)
        && (value.ValueKind == JsonValueKind.True
            || (value.ValueKind == JsonValueKind.String && value.ValueEquals("true"u8)));

    private static long? Seconds(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement time)
            || time.ValueKind != JsonValueKind.Object || !time.TryGetProperty("timestamp", out JsonElement stamp))
        {
            return null;
        }

        return stamp.ValueKind switch
        {
            JsonValueKind.Number when stamp.TryGetInt64(out long number) => number,
            JsonValueKind.String when long.TryParse(ReadString(stamp), NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite
                | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long number) => number,
            _ => null,
        };
    }

    private static double? Number(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        double? number = value.ValueKind switch
        {
            JsonValueKind.Number when value.TryGetDouble(out double given) => given,
            JsonValueKind.String when double.TryParse(ReadString(value), NumberStyles.Float, CultureInfo.InvariantCulture, out double given) => given,
            _ => null,
        };
        return number is { } n && double.IsFinite(n) ? n : null;
    }

    private static string? Text(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => ReadString(value),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };
    }

    private static string? ReadString(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // A title cut inside an emoji ("\ud83d" alone): read what can be read.
            return UnescapeLeniently(value.GetRawText());
        }
    }

    private static string UnescapeLeniently(string raw)
    {
        StringBuilder text = new(raw.Length);
        for (int i = 1; i < raw.Length - 1; i++)
        {
            if (raw[i] != '\\' || i + 1 >= raw.Length - 1)
            {
                text.Append(raw[i]);
                continue;
            }

            i++;
            switch (raw[i])
            {
                case 'n': text.Append('\n'); break;
                case 't': text.Append('\t'); break;
                case 'r': text.Append('\r'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'u' when i + 4 < raw.Length
                    && ushort.TryParse(raw.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit):
                    text.Append((char)unit);
                    i += 4;
                    break;
                default: text.Append(raw[i]); break;
            }
        }

        return text.ToString();
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static byte[]? ReplaceBareNaN(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("NaN"u8) < 0 && json.IndexOf("Infinity"u8) < 0)
        {
            return null;
        }

        ArrayBufferWriter<byte> output = new(json.Length + 16);
        bool inString = false;
        for (int i = 0; i < json.Length; i++)
        {
            byte b = json[i];
            if (inString)
            {
                if (b == (byte)'\\' && i + 1 < json.Length)
                {
                    output.Write(json.Slice(i++, 2));
                    continue;
                }

                inString = b != (byte)'"';
            }
            else if (b == (byte)'"')
            {
                inString = true;
            }
            else if (json[i..].StartsWith("NaN"u8) || json[i..].StartsWith("Infinity"u8) || json[i..].StartsWith("-Infinity"u8))
            {
                output.Write("null"u8);
                i += b switch { (byte)'N' => 2, (byte)'I' => 7, _ => 8 };
                continue;
            }

            output.Write(json.Slice(i, 1));
        }

        return output.WrittenSpan.ToArray();
    }
}
