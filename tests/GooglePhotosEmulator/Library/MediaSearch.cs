using System.Text.Json;
using System.Text.Json.Nodes;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Library;

/// <summary>The filters of <c>mediaItems.search</c>, read and checked once, then asked of every item.</summary>
internal sealed class MediaSearch
{
    private static readonly HashSet<string> KnownCategories = new(StringComparer.Ordinal)
    {
        "NONE", "LANDSCAPES", "RECEIPTS", "CITYSCAPES", "LANDMARKS", "SELFIES", "PEOPLE", "PETS", "WEDDINGS", "BIRTHDAYS", "DOCUMENTS", "TRAVEL", "ANIMALS",
        "FOOD", "SPORT", "NIGHT", "PERFORMANCES", "WHITEBOARDS", "SCREENSHOTS", "UTILITY", "ARTS", "CRAFTS", "FASHION", "HOUSES", "GARDENS", "FLOWERS", "HOLIDAYS",
    };

    private readonly List<Func<MediaItem, bool>> _conditions = [];

    /// <summary>True when a date was asked for; only then may the order be chosen.</summary>
    public bool ByDate { get; private init; }

    /// <exception cref="AnswerException">400 when Google would not accept the filters.</exception>
    public static MediaSearch Parse(JsonObject? filters)
    {
        try
        {
            return ParseFilters(filters);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or JsonException)
        {
            throw Invalid($"Invalid value at 'filters': {e.Message}");
        }
    }

    public bool Matches(MediaItem item) => _conditions.TrueForAll(condition => condition(item));

    private static MediaSearch ParseFilters(JsonObject? filters)
    {
        var dates = filters?["dateFilter"] as JsonObject;
        var search = new MediaSearch { ByDate = dates is not null };
        if (dates is not null)
        {
            search.AddDates(dates);
        }

        if (filters?["contentFilter"] is JsonObject content)
        {
            search.AddCategories(content);
        }

        if (filters?["mediaTypeFilter"] is JsonObject types)
        {
            search.AddTypes(Texts(types["mediaTypes"]));
        }

        if (filters?["featureFilter"] is JsonObject features && Texts(features["includedFeatures"]).Contains("FAVORITES"))
        {
            search._conditions.Add(item => item.Favorite);
        }

        if (filters?["includeArchivedMedia"]?.GetValue<bool>() != true)
        {
            search._conditions.Add(item => !item.Archived);
        }

        return search;
    }

    private void AddDates(JsonObject filter)
    {
        var dates = (filter["dates"] as JsonArray ?? []).Select(date => Date.Parse(date as JsonObject)).ToArray();
        var ranges = (filter["ranges"] as JsonArray ?? []).Select(range => (From: Date.Parse(range?["startDate"] as JsonObject), To: Date.Parse(range?["endDate"] as JsonObject))).ToArray();
        if (dates.Length > 5 || ranges.Length > 5)
        {
            throw Invalid("A date filter can have at most 5 dates and 5 date ranges.");
        }

        if (ranges.Any(range => range.From.Form != range.To.Form))
        {
            throw Invalid("Start and end date of a range must have the same form.");
        }

        if (ranges.Any(range => range.From.Form is 0 or 7 && range.From.CompareTo(range.To) > 0))
        {
            throw Invalid("The start date of a range must not be after its end.");
        }

        _conditions.Add(item =>
        {
            var taken = item.Created.UtcDateTime;
            return dates.Any(date => date.Matches(taken)) || ranges.Any(range => range.From.IsAtMost(taken) && range.To.IsAtLeast(taken));
        });
    }

    private void AddCategories(JsonObject filter)
    {
        var included = Texts(filter["includedContentCategories"]);
        var excluded = Texts(filter["excludedContentCategories"]);
        if (included.Length > 10 || excluded.Length > 10)
        {
            throw Invalid("A content filter can have at most 10 included and 10 excluded categories.");
        }

        if (included.Concat(excluded).FirstOrDefault(category => !KnownCategories.Contains(category)) is { } unknown)
        {
            throw Invalid($"Invalid value at 'filters.content_filter' (type.googleapis.com/google.photos.library.v1.ContentCategory), \"{unknown}\"");
        }

        if (included.Any(category => category != "NONE"))
        {
            _conditions.Add(item => included.Any(item.Categories.Contains));
        }

        _conditions.Add(item => !excluded.Any(item.Categories.Contains));
    }

    private void AddTypes(string[] types)
    {
        if (types.Length != 1)
        {
            throw Invalid("A media type filter must have exactly one media type.");
        }

        switch (types[0])
        {
            case "ALL_MEDIA":
                break;
            case "VIDEO":
                _conditions.Add(item => MediaFormat.IsVideo(item.MimeType));
                break;
            case "PHOTO":
                _conditions.Add(item => !MediaFormat.IsVideo(item.MimeType));
                break;
            default:
                throw Invalid($"Invalid value at 'filters.media_type_filter.media_types[0]', \"{types[0]}\"");
        }
    }

    private static string[] Texts(JsonNode? list) => list is JsonArray array ? [.. array.Select(text => text!.GetValue<string>())] : [];

    private static AnswerException Invalid(string message) => new(PhotosAnswers.InvalidArgument(message));

    /// <summary>Year 0 is every year, month and day 0 are the whole year or month.</summary>
    private readonly record struct Date(int Year, int Month, int Day) : IComparable<Date>
    {
        /// <summary>Which parts are given, as bits.</summary>
        public int Form => (Year > 0 ? 4 : 0) | (Month > 0 ? 2 : 0) | (Day > 0 ? 1 : 0);

        public static Date Parse(JsonObject? json)
        {
            var date = new Date(json?["year"]?.GetValue<int>() ?? 0, json?["month"]?.GetValue<int>() ?? 0, json?["day"]?.GetValue<int>() ?? 0);
            return date is { Year: >= 0 and <= 9999, Month: >= 0 and <= 12, Day: >= 0 and <= 31 } && date.Form is 4 or 6 or 7 or 3 or 2
                ? date
                : throw Invalid("A date must be a year, a year and a month, a whole date, or a month with or without a day.");
        }

        public bool Matches(DateTime time) => (Year == 0 || Year == time.Year) && (Month == 0 || Month == time.Month) && (Day == 0 || Day == time.Day);

        public bool IsAtMost(DateTime time) => CompareTo(Of(time)) <= 0;

        public bool IsAtLeast(DateTime time) => CompareTo(Of(time)) >= 0;

        public int CompareTo(Date other) => (Year, Month, Day).CompareTo((other.Year, other.Month, other.Day));

        /// <summary>The time with only the parts that this date has.</summary>
        private Date Of(DateTime time) => new(Year > 0 ? time.Year : 0, Month > 0 ? time.Month : 0, Day > 0 ? time.Day : 0);
    }
}
