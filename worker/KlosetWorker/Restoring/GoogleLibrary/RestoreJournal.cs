using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kloset.Repositories;
using KlosetWorker.Contract;
using KlosetWorker.Errors;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>What is known of one item. Its absence: nothing was begun.</summary>
/// <param name="Sha1">Of the bytes that were sent, corrected or not.</param>
/// <param name="MediaItemId">Set once Google answered.</param>
/// <param name="Existed">Google had it before this restore.</param>
/// <param name="Hidden">Google keeps it from this OAuth client, because another one brought it.</param>
/// <param name="Refused">Why Google does not take it, for good.</param>
internal sealed record ItemState(
    string Key, string Sha1, bool Corrected = false, string? Uncorrected = null, string? MediaItemId = null, bool Existed = false, bool Hidden = false, string? Refused = null)
{
    [JsonIgnore]
    public bool IsSettled => MediaItemId is not null || Refused is not null;
}

/// <param name="AlbumId">Null between the intent and the answer.</param>
/// <param name="Others">Albums of the same title that were there before: whatever else has it afterwards is ours.</param>
/// <param name="Text">How far the text at the beginning is.</param>
/// <param name="Added">How many of the album's items are in, in its order.</param>
internal sealed record AlbumState(string Folder, string? AlbumId, IReadOnlyList<string> Others, TextState Text = TextState.None, int Added = 0, bool Cover = false);

[JsonConverter(typeof(JsonStringEnumConverter<TextState>))]
internal enum TextState
{
    None,

    /// <summary>Was about to be added: when that is all that is known, it is not tried again, because a text that stands twice cannot be found or removed.</summary>
    Intended,
    Added,
}

internal sealed record JournalHeader(string Plan, long Items, string SnapshotId, string Target, string? ExifTool);

/// <summary>A line of the journal. A later line about a thing replaces the earlier ones.</summary>
internal sealed record JournalLine
{
    /// <summary>Begins a rewritten journal: all before it counts for nothing.</summary>
    public bool Rewritten { get; init; }

    public JournalHeader? Header { get; init; }

    public ItemState? Item { get; init; }

    public AlbumState? Album { get; init; }

    /// <summary>Ids (their first 12 hexadecimal digits of SHA-256) of items that the client could see before the restore began.</summary>
    public IReadOnlyList<string>? Before { get; init; }
}

/// <summary>
/// What a restore meant to do and what came of it, in numbered segments below `kloset-operator/restore/ID/journal/`, sealed with the repository's key.
/// A segment is written only if its number is free: a twin of this process that writes into the same journal is noticed at its next line, before it
/// does anything to Google.
/// </summary>
internal sealed class RestoreJournal
{
    /// <summary>Beyond so many segments they are rewritten as one when the journal is opened.</summary>
    private const int SegmentsToKeep = 32;

    private readonly SealedObjects _objects;
    private readonly string _prefix;
    private readonly Dictionary<string, ItemState> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AlbumState> _albums = new(StringComparer.Ordinal);
    private HashSet<string>? _before;
    private int _next;

    private RestoreJournal(SealedObjects objects, string restoreId)
    {
        _objects = objects;
        _prefix = $"restore/{restoreId}/journal/";
    }

    public JournalHeader? Header { get; private set; }

    public bool KnowsBefore => _before is not null;

    public IReadOnlyCollection<ItemState> Items => _items.Values;

    public ItemState? Item(string key) => _items.GetValueOrDefault(key);

    public AlbumState? Album(string folder) => _albums.GetValueOrDefault(folder);

    public IEnumerable<AlbumState> Albums => _albums.Values;

    public bool WasThereBefore(string mediaItemId) => _before?.Contains(Short(mediaItemId)) == true;

    public static string Short(string mediaItemId) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(mediaItemId)).AsSpan(0, 6));

    public static async Task<RestoreJournal> OpenAsync(SealedObjects objects, string restoreId, CancellationToken cancellationToken)
    {
        var journal = new RestoreJournal(objects, restoreId);
        var segments = await objects.ListAsync(journal._prefix, cancellationToken);
        foreach (var segment in segments)
        {
            var content = await objects.FindAsync(segment, cancellationToken) ?? [];
            foreach (var line in Encoding.UTF8.GetString(content).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                journal.Take(JsonSerializer.Deserialize(line, JournalJson.Default.JournalLine)!);
            }

            journal._next = int.Parse(segment[journal._prefix.Length..], CultureInfo.InvariantCulture) + 1;
        }

        if (segments.Count > SegmentsToKeep)
        {
            await journal.AppendAsync([.. journal.Lines()], cancellationToken);
            foreach (var segment in segments)
            {
                await objects.DeleteAsync(segment, cancellationToken);
            }
        }

        return journal;
    }

    /// <summary>Durable when it returns.</summary>
    /// <exception cref="WorkerException">Another process writes into this journal.</exception>
    public async Task AppendAsync(IReadOnlyList<JournalLine> lines, CancellationToken cancellationToken)
    {
        if (lines.Count == 0)
        {
            return;
        }

        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.Append(JsonSerializer.Serialize(line, JournalJson.Default.JournalLine)).Append('\n');
        }

        var key = _prefix + _next.ToString("D8", CultureInfo.InvariantCulture);
        if (!await _objects.PutIfAbsentAsync(key, Encoding.UTF8.GetBytes(text.ToString()), cancellationToken))
        {
            throw new WorkerException(ErrorCatalogue.RepositoryLocked, "Another process is at work on this restore.");
        }

        _next++;
        foreach (var line in lines)
        {
            Take(line);
        }
    }

    private IEnumerable<JournalLine> Lines()
    {
        yield return new() { Rewritten = true, Header = Header, Before = _before is null ? null : [.. _before.Order(StringComparer.Ordinal)] };
        foreach (var item in _items.Values)
        {
            yield return new() { Item = item };
        }

        foreach (var album in _albums.Values)
        {
            yield return new() { Album = album };
        }
    }

    private void Take(JournalLine line)
    {
        if (line.Rewritten)
        {
            _items.Clear();
            _albums.Clear();
        }

        Header = line.Header ?? Header;
        _before = line.Before is { } before ? new(before, StringComparer.Ordinal) : _before;
        if (line.Item is { } item)
        {
            _items[item.Key] = item;
        }

        if (line.Album is { } album)
        {
            _albums[album.Folder] = album;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(JournalLine))]
[JsonSerializable(typeof(GoogleRestoreReport))]
internal sealed partial class JournalJson : JsonSerializerContext;
