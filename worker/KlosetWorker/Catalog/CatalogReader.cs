using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace KlosetWorker.Catalog;

/// <summary>Reads the catalog of a snapshot, line by line.</summary>
internal static class CatalogReader
{
    /// <summary>All items, year by year; at most those of the years asked for.</summary>
    public static async IAsyncEnumerable<(CatalogItem Item, int Year, ReadOnlyMemory<byte> Line)> ReadAsync(
        Snapshot snapshot, Func<int, bool>? years, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (await snapshot.FindAsync(CatalogPaths.Folder, cancellationToken) is null)
        {
            yield break;
        }

        await foreach (var file in snapshot.ListAsync(CatalogPaths.Folder, cancellationToken))
        {
            if (CatalogPaths.YearOf(file.Name) is not { } year || years?.Invoke(year) == false)
            {
                continue;
            }

            await foreach (var line in LinesAsync(snapshot.OpenRead(file), cancellationToken))
            {
                yield return (Parse(line, file.Path), year, line);
            }
        }
    }

    /// <summary>Null when the snapshot has none, because it is no snapshot of a photo library.</summary>
    public static async Task<Manifest?> ReadManifestAsync(Snapshot snapshot, CancellationToken cancellationToken)
    {
        if (await snapshot.FindAsync(CatalogPaths.Manifest, cancellationToken) is not { } entry)
        {
            return null;
        }

        await using var content = snapshot.OpenRead(entry);
        try
        {
            return await JsonSerializer.DeserializeAsync(content, CatalogJson.Readable.Manifest, cancellationToken);
        }
        catch (JsonException exception)
        {
            throw new RepositoryException(RepositoryFailure.Damaged, $"{entry.Path} of snapshot {snapshot.Id.Short} is no manifest: {exception.Message}", exception);
        }
    }

    public static async Task<IReadOnlyList<Sighting>> ReadSightingsAsync(Snapshot snapshot, CancellationToken cancellationToken)
    {
        var sightings = new List<Sighting>();
        if (await snapshot.FindAsync(CatalogPaths.Sightings, cancellationToken) is { } entry)
        {
            await foreach (var line in LinesAsync(snapshot.OpenRead(entry), cancellationToken))
            {
                sightings.Add(ParseSighting(line, entry.Path));
            }
        }

        return sightings;
    }

    /// <exception cref="RepositoryException">Damaged: no item.</exception>
    public static CatalogItem Parse(ReadOnlyMemory<byte> line, EntryPath file) => Parse(line, file, CatalogJson.Readable.CatalogItem, "catalog item");

    /// <exception cref="RepositoryException">Damaged: no sighting.</exception>
    public static Sighting ParseSighting(ReadOnlyMemory<byte> line, EntryPath file) => Parse(line, file, CatalogJson.Readable.Sighting, "sighting");

    private static T Parse<T>(ReadOnlyMemory<byte> line, EntryPath file, JsonTypeInfo<T> type, string what)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, type) ?? throw new RepositoryException(RepositoryFailure.Damaged, $"{file} has an empty line.");
        }
        catch (JsonException exception)
        {
            throw new RepositoryException(RepositoryFailure.Damaged, $"{file} has a line that is no {what}: {exception.Message}", exception);
        }
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> LinesAsync(Stream content, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var _ = content;
        var reader = PipeReader.Create(content, new StreamPipeReaderOptions(bufferSize: 128 << 10));
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end).ToArray();
                buffer = buffer.Slice(buffer.GetPosition(1, end));
                if (line.Length > 0)
                {
                    yield return line;
                }
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        await reader.CompleteAsync();
    }
}
