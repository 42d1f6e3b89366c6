using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Writing;

namespace Kloset.Copying;

/// <summary>
/// Turns the differences of a snapshot into changes of the target's tree: contents are read, verified, and stored under the target's key, several at
/// a time. Holds about a hundred bytes for each content that it copied.
/// </summary>
internal sealed class ContentCopy(RepositoryWriter writer, IDerivedContents? derived) : IObjectTranslation
{
    private readonly ConcurrentDictionary<Mac, Copied> _objects = new();
    private Snapshot? _basis;
    private Action<long, long>? _report;
    private long _files;
    private long _bytes;

    public long Files => Interlocked.Read(ref _files);

    public long Bytes => Interlocked.Read(ref _bytes);

    private readonly record struct Copied(Mac Id, double Entropy, int Chunks);

    /// <param name="basis">The target's snapshot that the changes are to.</param>
    public void Begin(Snapshot? basis, Action<long, long> report)
    {
        _basis = basis;
        _report = report;
    }

    public async ValueTask<Mac?> FindAsync(Mac source, EntryPath path, CancellationToken cancellationToken)
    {
        if (_objects.TryGetValue(source, out var copied))
            return copied.Id;
        return _basis is not null && await _basis.FindAsync(path, cancellationToken) is { Kind: EntryKind.File } held ? held.Object : null;
    }

    public async IAsyncEnumerable<TreeChange> ChangesAsync(
        Snapshot from, TreeDifference difference, int parallelism, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var changes = Channel.CreateBounded<TreeChange>(new BoundedChannelOptions(256) { SingleReader = true });
        var producing = Task.Run(() => ProduceAsync(from, difference, parallelism, changes.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (var change in changes.Reader.ReadAllAsync(cancellationToken))
                yield return change;
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)producing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await producing;
        var errors = new HashSet<EntryPath>();
        await foreach (var error in from.ListErrorsAsync(cancellationToken))
        {
            errors.Add(error.Path);
            yield return new PutError(error.Path, error.Message);
        }

        // An error that is gone leaves with its path's next entry.
        if (_basis is null)
            yield break;
        await foreach (var gone in _basis.ListErrorsAsync(cancellationToken))
        {
            if (errors.Contains(gone.Path))
                continue;
            yield return await from.FindAsync(gone.Path, cancellationToken) is { } entry
                ? await CopyAsync(from, null, entry, cancellationToken)
                : new Remove(gone.Path);
        }
    }

    private async Task ProduceAsync(Snapshot from, TreeDifference difference, int parallelism, ChannelWriter<TreeChange> changes, CancellationToken cancellationToken)
    {
        try
        {
            var attributes = await AttributesAsync(from, cancellationToken);
            var last = new List<Entry>();
            await Parallel.ForEachAsync(
                difference.ItemsAsync(cancellationToken),
                new ParallelOptions { MaxDegreeOfParallelism = Math.Max(2, parallelism), CancellationToken = cancellationToken },
                async (item, token) =>
                {
                    if (item.Entry is not { } entry)
                        await changes.WriteAsync(new Remove(item.Path), token);
                    else if (entry.Kind == EntryKind.File && derived?.IsDerived(item.Path) == true)
                    {
                        lock (last)
                            last.Add(entry);
                    }
                    else
                        await changes.WriteAsync(await CopyAsync(from, attributes, entry, token), token);
                });
            foreach (var entry in last)
                await changes.WriteAsync(await RewriteAsync(from, entry, cancellationToken), cancellationToken);
            changes.TryComplete();
        }
        catch (Exception exception)
        {
            changes.TryComplete(exception);
            throw;
        }
    }

    private async ValueTask<TreeChange> CopyAsync(
        Snapshot from, Dictionary<(EntryPath Path, string Name), ExtendedAttribute>? attributes, Entry entry, CancellationToken cancellationToken)
    {
        var copy = entry;
        if (entry.Kind == EntryKind.File)
        {
            if (!_objects.TryGetValue(entry.Object, out var known))
            {
                await using var content = from.OpenRead(entry);
                known = await StoreAsync(content, entry, cancellationToken);
                _objects[entry.Object] = known;
            }

            copy = entry with { Object = known.Id, Entropy = known.Entropy, Chunks = (ulong)known.Chunks };
        }

        var put = new PutEntry(entry.Path, copy);
        if (attributes is null || entry.ExtendedAttributes is not { Count: > 0 } names)
            return put;
        var values = new List<KeyValuePair<string, StoredObject>>();
        foreach (var name in names)
        {
            if (!attributes.TryGetValue((entry.Path, name), out var attribute))
                continue;
            await using var value = await from.Tree.OpenExtendedAttributeAsync(attribute, cancellationToken);
            values.Add(new(name, await writer.WriteObjectAsync(value, ObjectOptions.Default, cancellationToken)));
        }

        return put with { ExtendedAttributes = values };
    }

    private async Task<TreeChange> RewriteAsync(Snapshot from, Entry entry, CancellationToken cancellationToken)
    {
        await using var content = from.OpenRead(entry);
        await using var rewritten = await derived!.RewriteAsync(entry.Path, content, this, cancellationToken);
        var size = 0L;
        var stored = await StoreAsync(rewritten, entry, cancellationToken, read => size += read);
        return new PutEntry(entry.Path, entry with { Object = stored.Id, Entropy = stored.Entropy, Chunks = (ulong)stored.Chunks, Size = size });
    }

    private async Task<Copied> StoreAsync(Stream content, Entry entry, CancellationToken cancellationToken, Action<int>? count = null)
    {
        var stored = await writer.WriteObjectAsync(
            content,
            new ObjectOptions
            {
                FileName = entry.Name,
                ContentType = entry.ContentType,
                Tee = bytes =>
                {
                    Interlocked.Add(ref _bytes, bytes.Length);
                    count?.Invoke(bytes.Length);
                },
            },
            cancellationToken);
        Interlocked.Increment(ref _files);
        _report?.Invoke(Files, Bytes);
        return new Copied(stored.Id, stored.Entropy, stored.Chunks);
    }

    /// <summary>By path and name, because the order of the reference's own tree does not allow to look them up.</summary>
    private static async Task<Dictionary<(EntryPath Path, string Name), ExtendedAttribute>> AttributesAsync(Snapshot from, CancellationToken cancellationToken)
    {
        var all = new Dictionary<(EntryPath, string), ExtendedAttribute>();
        await foreach (var attribute in from.ListExtendedAttributesAsync(cancellationToken))
        {
            if (attribute.Type != 0)
                throw new RepositoryException(RepositoryFailure.Unsupported, $"{attribute.Path} has a data stream '{attribute.Name}' of Windows, which cannot be copied.");
            all[(attribute.Path, attribute.Name)] = attribute;
        }

        return all;
    }
}
