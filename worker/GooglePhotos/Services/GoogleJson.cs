using System.Globalization;
using Google.Apis.Json;
using Newtonsoft.Json;
using Newtonsoft.Json.Serialization;

namespace GooglePhotos.Services;

/// <summary>
/// The JSON of gRPC transcoding: camelCase, int64 as strings, times as RFC 3339 with up to nine digits of a second, durations as "3.5s",
/// absent members instead of null. Numbers are also read where a string belongs, and what cannot be read as a time or a number is absent,
/// so that a new habit of a server does not end a backup.
/// </summary>
internal static class GoogleJson
{
    public static NewtonsoftJsonSerializer Serializer { get; } = new(new JsonSerializerSettings
    {
        NullValueHandling = NullValueHandling.Ignore,
        DateParseHandling = DateParseHandling.None,
        MetadataPropertyHandling = MetadataPropertyHandling.Ignore,
        MaxDepth = 32,
        ContractResolver = new DefaultContractResolver { NamingStrategy = new CamelCaseNamingStrategy() },
        Converters = { new Int64Converter(), new TimeConverter(), new DurationConverter() },
    });

    private sealed class Int64Converter : JsonConverter<long?>
    {
        public override long? ReadJson(JsonReader reader, Type objectType, long? existingValue, bool hasExistingValue, JsonSerializer serializer) => reader.Value switch
        {
            long number => number,
            string text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            double number when number is >= long.MinValue and <= long.MaxValue => (long)number,
            _ => Skip<long?>(reader),
        };

        public override void WriteJson(JsonWriter writer, long? value, JsonSerializer serializer) =>
            writer.WriteValue(value?.ToString(CultureInfo.InvariantCulture));
    }

    private sealed class TimeConverter : JsonConverter<DateTimeOffset?>
    {
        public override DateTimeOffset? ReadJson(JsonReader reader, Type objectType, DateTimeOffset? existingValue, bool hasExistingValue, JsonSerializer serializer) =>
            reader.Value is string text && TryParse(text, out var time) ? time : Skip<DateTimeOffset?>(reader);

        public override void WriteJson(JsonWriter writer, DateTimeOffset? value, JsonSerializer serializer) =>
            writer.WriteValue(value?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));

        private static bool TryParse(string text, out DateTimeOffset time)
        {
            // .NET takes at most seven digits of a second, RFC 3339 as Google writes it has up to nine.
            var dot = text.IndexOf('.', StringComparison.Ordinal);
            var end = dot < 0 ? -1 : dot + 1;
            while (end > 0 && end < text.Length && char.IsAsciiDigit(text[end]))
            {
                end++;
            }

            var shortened = end - dot > 8 ? text[..(dot + 8)] + text[end..] : text;
            return DateTimeOffset.TryParse(shortened, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
        }
    }

    private sealed class DurationConverter : JsonConverter<TimeSpan?>
    {
        public override TimeSpan? ReadJson(JsonReader reader, Type objectType, TimeSpan? existingValue, bool hasExistingValue, JsonSerializer serializer) =>
            reader.Value is string text && text.EndsWith('s') && decimal.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                && Math.Abs(seconds) < 1_000_000_000
                ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond))
                : Skip<TimeSpan?>(reader);

        public override void WriteJson(JsonWriter writer, TimeSpan? value, JsonSerializer serializer) =>
            writer.WriteValue(value is { } time ? ((decimal)time.Ticks / TimeSpan.TicksPerSecond).ToString("0.#######", CultureInfo.InvariantCulture) + "s" : null);
    }

    private static T? Skip<T>(JsonReader reader)
    {
        reader.Skip();
        return default;
    }
}
