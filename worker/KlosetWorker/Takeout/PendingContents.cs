using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;
using GooglePhotos.Takeout.Metadata;
using Kloset.Snapshots;
using KlosetWorker.Catalog;

namespace KlosetWorker.Takeout;

/// <summary>
/// Contents of an export that can only be read front to back: stored, and without a place until all of it was read, because only then is
/// known what belongs together. An anchor keeps them in a folder of the set: each content as a file, so that no maintenance takes it, and
/// for each part a list of what the contents are, so that the next try neither stores nor digests them again.
/// </summary>
internal sealed class PendingContents(LibraryWriter library, TakeoutSet set)
{
    private const string ListSuffix = ".ndjson";

    private readonly EntryPath _folder = CatalogPaths.Root.Append("pending-" + TreeNames.Clean(set.Name));

    /// <summary>What an earlier try stored: where in the spool its content is, and what reading it told about the entry.</summary>
    private readonly Dictionary<UInt128, (long Position, EntryFacts Facts)> _held = [];

    /// <summary>By part: its entries that an anchor of this session keeps already.</summary>
    private readonly Dictionary<TakeoutPart, int> _kept = [];
    private bool _any;

    /// <summary>What the newest anchor keeps of these very parts.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        if (library.Basis is not { } basis)
        {
            return;
        }

        foreach (var part in set.Parts)
        {
            if (await basis.FindAsync(ListOf(part), cancellationToken) is not { Kind: EntryKind.File } list)
            {
                continue;
            }

            _any = true;
            using var lines = new StreamReader(basis.OpenRead(list), Encoding.UTF8);
            if (await lines.ReadLineAsync(cancellationToken) is not { } first
                || JsonSerializer.Deserialize(first, PendingJson.Default.PendingPart) != PendingPart.Of(part))
            {
                continue; // another file has taken its place since
            }

            while (await lines.ReadLineAsync(cancellationToken) is { } line)
            {
                var entry = JsonSerializer.Deserialize(line, PendingJson.Default.PendingEntry)!;
                var content = new StoredContent(entry.Sha256, entry.Sha1, entry.Crc32, entry.Size, entry.Object, entry.Mime, null) { Facts = entry.Facts };
                _held[Key(part, entry.Path, entry.Size)] = (library.Contents.Add(content), new(entry.EntryCrc32, entry.EntryMime, entry.MediaTime));
            }
        }
    }

    /// <summary>What is known of an entry's content, when an anchor keeps it; the entry learns what reading it would have told.</summary>
    public StoredContent? Recall(TakeoutContent content)
    {
        ref var held = ref CollectionsMarshal.GetValueRefOrNullRef(_held, Key(content.Entry.Part, content.Entry.Path, content.Entry.Size));
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref held))
        {
            return null;
        }

        content.Recall(held.Facts);
        return library.Contents.Read(held.Position) with { Sidecar = content.Sidecar };
    }

    /// <summary>Puts into the tree what was stored since the last time. A snapshot must be cut next.</summary>
    /// <param name="entries">All entries so far.</param>
    /// <param name="held">The content of one of them; null when it could not be read.</param>
    public async Task KeepAsync(IReadOnlyList<TakeoutEntry> entries, Func<int, StoredContent?> held, CancellationToken cancellationToken)
    {
        foreach (var part in entries.GroupBy(entry => entry.Part))
        {
            // The first entry of a part is known before it is stored, and an anchor may be cut in between: it belongs to the next one.
            var all = part.ToArray();
            var count = Array.FindLastIndex(all, entry => held(entry.Id) is not null) + 1;
            if (_kept.GetValueOrDefault(part.Key) == count)
            {
                continue;
            }

            await using var list = library.OpenScratch();
            JsonSerializer.Serialize(list, PendingPart.Of(part.Key), PendingJson.Default.PendingPart);
            foreach (var (entry, index) in all.Take(count).Select((entry, index) => (entry, index)))
            {
                if (held(entry.Id) is not { } content)
                {
                    continue;
                }

                list.WriteByte((byte)'\n');
                JsonSerializer.Serialize(list, PendingEntry.Of(entry, content), PendingJson.Default.PendingEntry);
                if (index >= _kept.GetValueOrDefault(part.Key) && content.Stored is not null)
                {
                    await library.PutFileAsync(FolderOf(part.Key).Append(content.Object), content, entry.Modified, [], cancellationToken);
                }
            }

            list.Position = 0;
            await library.PutOwnAsync(ListOf(part.Key), list, cancellationToken);
            _kept[part.Key] = count;
            _any = true;
        }
    }

    /// <summary>Where an anchor has the content of an entry.</summary>
    public string PathOf(TakeoutEntry entry, StoredContent content) => FolderOf(entry.Part).Append(content.Object).ToString();

    /// <summary>Everything has its place.</summary>
    public Task ClearAsync(CancellationToken cancellationToken) => _any ? library.RemoveAsync(_folder, cancellationToken) : Task.CompletedTask;

    private EntryPath FolderOf(TakeoutPart part) => _folder.Append(TreeNames.Clean(part.Path));

    private EntryPath ListOf(TakeoutPart part) => _folder.Append(TreeNames.Clean(part.Path) + ListSuffix);

    private static UInt128 Key(TakeoutPart part, string path, long size) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes($"{part.Path}\0{path}\0{size}"));
}

/// <summary>First line of a list: which file it is about.</summary>
internal sealed record PendingPart(string Part, long Size, string Version)
{
    public static PendingPart Of(TakeoutPart part) => new(part.Path, part.Size, SetIngestion.VersionOf(part));
}

/// <summary>Every further line of a list.</summary>
/// <param name="Path">Inside the export.</param>
/// <param name="EntryCrc32">As the reader of the archive noted it.</param>
/// <param name="EntryMime">As the first bytes show it.</param>
internal sealed record PendingEntry(
    string Path, long Size, string Sha256, string Sha1, string Crc32, string Object, string? Mime, MediaMetadata? Facts, uint? EntryCrc32, string? EntryMime, DateTimeOffset? MediaTime)
{
    public static PendingEntry Of(TakeoutEntry entry, StoredContent content) => new(
        entry.Path, entry.Size, content.Sha256, content.Sha1, content.Crc32, content.Object, content.Mime, content.Facts, entry.Facts.Crc32, entry.Facts.MimeType, entry.Facts.MediaTime);
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(
    DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true,
    PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(PendingPart))]
[System.Text.Json.Serialization.JsonSerializable(typeof(PendingEntry))]
internal sealed partial class PendingJson : System.Text.Json.Serialization.JsonSerializerContext;
