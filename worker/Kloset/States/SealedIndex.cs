using System.Runtime.InteropServices;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.States;

/// <summary>What was sealed.</summary>
/// <param name="Bytes">Stored.</param>
public sealed record SealedIndexReport(int States, long Places, long Bytes);

/// <summary>
/// The sealed index: what a named set of states says, sorted, in a few large pieces under `kloset-operator/index/`. States are never merged in the
/// format, so a repository of many runs is read in many small requests; with a sealed index only the states that came later are. It is a copy:
/// one that is damaged, cut, forged or covers a state that is not there is passed over, and the states are read.
/// </summary>
public static class SealedIndex
{
    internal const string Prefix = "kloset-operator/index/";

    /// <summary>States that must have come since the last sealed index before another one is worth its bytes; fewer are read as quickly.</summary>
    public const int DefaultMinNewStates = 16;

    private const string Head = "/head";

    /// <summary>
    /// Seals what the repository's states say, and removes what was sealed before. Interrupted anywhere, it leaves pieces without a head, which
    /// the next one removes. Call it while the exclusive lock is held, as the last step of a maintenance.
    /// </summary>
    /// <returns>Null when fewer than <paramref name="minNewStates"/> came since the last one.</returns>
    /// <exception cref="RepositoryException">Damaged, when a state cannot be read.</exception>
    public static async Task<SealedIndexReport?> WriteAsync(
        Repository repository, CancellationToken cancellationToken, int minNewStates = DefaultMinNewStates)
    {
        ArgumentNullException.ThrowIfNull(repository);
        await repository.RefreshAsync(cancellationToken);
        repository.RefuseProblems("No index is sealed");
        if (!SealedIndexFormat.IsPossible || repository.Index.UncoveredStates < minNewStates)
            return null;
        var folder = Prefix + repository.Services.Random.NextMac();
        var pieces = new List<SealedPiece>();
        long bytes = 0;
        SealedTables tables;
        using (var export = repository.Index.Export())
        {
            var records = new BlobSlot[SealedIndexFormat.PlacesPerPiece];
            while (export.Read(records) is > 0 and var count)
            {
                using var piece = SealedIndexFormat.Seal(
                    repository.Codec, SealedIndexFormat.Part.Piece, MemoryMarshal.AsBytes(records.AsSpan(0, count)), out var tag);
                await repository.Store.PutAsync(KeyOf(folder, pieces.Count), StateLoader.Sequence(piece), cancellationToken);
                pieces.Add(new SealedPiece(tag, count));
                bytes += piece.Length;
            }

            tables = export.Tables with { Pieces = [.. pieces] };
        }

        using var clear = new PooledBuffer();
        SealedIndexFormat.Write(clear, repository.Id, tables);
        using var head = SealedIndexFormat.Seal(repository.Codec, SealedIndexFormat.Part.Head, clear.Span, out _);
        await repository.Store.PutAsync(folder + Head, StateLoader.Sequence(head), cancellationToken);
        repository.Index.MarkCovered(tables.States);
        // Heads first: what has none is nobody's.
        var old = new List<string>();
        await foreach (var item in repository.Store.ListAsync(Prefix, cancellationToken))
        {
            if (!item.Key.StartsWith(folder + "/", StringComparison.Ordinal))
                old.Add(item.Key);
        }

        foreach (var key in old.OrderByDescending(IsHead))
            await repository.Store.DeleteAsync(key, cancellationToken);
        return new SealedIndexReport(tables.States.Length, tables.Places, bytes + head.Length);
    }

    /// <summary>Fills an empty index from the newest sealed one whose states are all there.</summary>
    internal static async Task<bool> TryLoadAsync(
        IStore store, BlobCodec codec, Guid repository, IReadOnlySet<Mac> states, RepositoryIndex index, CancellationToken cancellationToken)
    {
        if (!SealedIndexFormat.IsPossible)
            return false;
        var heads = new List<StoreItem>();
        var pieces = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var item in store.ListAsync(Prefix, cancellationToken))
        {
            if (IsHead(item.Key))
                heads.Add(item);
            else
                pieces.Add(item.Key);
        }

        foreach (var head in heads.OrderByDescending(item => item.LastModified).ThenBy(item => item.Key, StringComparer.Ordinal))
        {
            try
            {
                if (await LoadAsync(store, codec, repository, states, head.Key, pieces, index, cancellationToken))
                    return true;
            }
            catch (Exception exception) when (exception is MalformedException or StoreException { Failure: StoreFailure.NotFound })
            {
                // A copy that cannot be used is done without; check names it.
            }
        }

        return false;
    }

    /// <summary>Reads all that is sealed.</summary>
    /// <returns>What cannot be used, with the reason; no full stop.</returns>
    internal static async Task<IReadOnlyList<(string Key, string Problem)>> VerifyAsync(
        IStore store, BlobCodec codec, Guid repository, CancellationToken cancellationToken)
    {
        var problems = new List<(string, string)>();
        var keys = new List<string>();
        await foreach (var item in store.ListAsync(Prefix, cancellationToken))
            keys.Add(item.Key);
        foreach (var key in keys)
        {
            using var payload = new PooledBuffer();
            try
            {
                await ReadAsync(store, codec, IsHead(key) ? SealedIndexFormat.Part.Head : SealedIndexFormat.Part.Piece, key, payload, cancellationToken);
                if (IsHead(key))
                    SealedIndexFormat.Read(payload.Span, repository);
            }
            catch (MalformedException exception)
            {
                problems.Add((key, exception.Message));
            }
            catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
            {
                // Replaced meanwhile.
            }
        }

        return problems;
    }

    private static async Task<bool> LoadAsync(
        IStore store, BlobCodec codec, Guid repository, IReadOnlySet<Mac> states, string head, HashSet<string> pieces, RepositoryIndex index,
        CancellationToken cancellationToken)
    {
        SealedTables tables;
        using (var payload = new PooledBuffer())
        {
            await ReadAsync(store, codec, SealedIndexFormat.Part.Head, head, payload, cancellationToken);
            tables = SealedIndexFormat.Read(payload.Span, repository);
        }

        // One that covers more than is there belongs to another time of this repository.
        if (!tables.States.All(states.Contains))
            return false;
        var folder = head[..^Head.Length];
        if (!Enumerable.Range(0, tables.Pieces.Length).All(number => pieces.Contains(KeyOf(folder, number))))
            throw new MalformedException("a piece that it names is not there");
        using var import = index.BeginImport(tables);
        // The next piece is fetched while this one is taken in.
        var next = FetchAsync(0);
        for (var i = 0; i < tables.Pieces.Length; i++)
        {
            using var piece = await next;
            next = FetchAsync(i + 1);
            var records = MemoryMarshal.Cast<byte, BlobSlot>(piece!.Span);
            if (piece.Length != (long)tables.Pieces[i].Places * BlobSlot.Size)
            {
                await next;
                throw new MalformedException("a piece has another length than the head says");
            }

            import.Add(records);
        }

        return import.Finish();

        async Task<PooledBuffer?> FetchAsync(int number)
        {
            if (number == tables.Pieces.Length)
                return null;
            await Task.Yield();
            var payload = new PooledBuffer();
            try
            {
                if (await ReadAsync(store, codec, SealedIndexFormat.Part.Piece, KeyOf(folder, number), payload, cancellationToken) != tables.Pieces[number].Tag)
                    throw new MalformedException("a piece is not the one that the head names");
                return payload;
            }
            catch
            {
                payload.Dispose();
                throw;
            }
        }
    }

    private static async Task<Mac> ReadAsync(
        IStore store, BlobCodec codec, SealedIndexFormat.Part part, string key, PooledBuffer payload, CancellationToken cancellationToken)
    {
        using var stored = new PooledBuffer(1 << 16);
        await StoreReading.ReadAllAsync(store, key, stored, cancellationToken);
        SealedIndexFormat.Open(codec, part, stored.Span, payload, out var tag);
        return tag;
    }

    private static bool IsHead(string key) => key.EndsWith(Head, StringComparison.Ordinal);

    private static string KeyOf(string folder, int number) => $"{folder}/{number:d6}";
}
