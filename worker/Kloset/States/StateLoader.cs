using System.Buffers;
using Kloset.Envelopes;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.States;

/// <param name="Key">In the store.</param>
/// <param name="Problem">Why it cannot be used; ends without a full stop.</param>
internal sealed record StateProblem(string Key, Mac Id, string Problem);

/// <summary>Reads states that the index does not hold yet, several at a time.</summary>
/// <param name="folder">Where states are put while they are read that are too long to be held.</param>
/// <param name="repository">Whose sealed index may stand in for the states that it covers; null: every state is read.</param>
internal sealed class StateLoader(IStore store, BlobCodec codec, Func<string> folder, Guid? repository = null)
{
    /// <summary>Stored bytes of a state that is held as a whole while it is parsed; it takes some times as much, and several are read at once.</summary>
    public const long LongestHeld = 8 << 20;

    public const string Prefix = "states/";

    /// <summary>The clear form may be longer than the stored one by LZ4's best ratio; nothing is held at once, so this only stops nonsense.</summary>
    private const long MaxClearState = 1L << 40;

    private const int Concurrency = 4;

    public static string KeyOf(in Mac id)
    {
        var hex = id.ToString();
        return $"{Prefix}{hex[..2]}/{hex}";
    }

    /// <returns>States that could not be used. They are tried again at the next call.</returns>
    public async Task<IReadOnlyList<StateProblem>> LoadAsync(RepositoryIndex index, CancellationToken cancellationToken)
    {
        var wanted = new List<(Mac Id, StoreItem Item)>();
        var seen = new HashSet<Mac>();
        await foreach (var item in store.ListAsync(Prefix, cancellationToken))
        {
            if (Mac.TryParse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1), out var id) && seen.Add(id) && !index.HasState(in id))
                wanted.Add((id, item));
        }

        // Looking for a sealed index costs a request, and there is none over fewer states.
        if (repository is { } owner && index.StateCount == 0 && wanted.Count >= SealedIndex.DefaultMinNewStates
            && await SealedIndex.TryLoadAsync(store, codec, owner, seen, index, cancellationToken))
            wanted.RemoveAll(state => index.HasState(in state.Id));
        var problems = new List<StateProblem>();
        await Parallel.ForEachAsync(
            wanted, new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
            async (state, token) =>
            {
                try
                {
                    if (state.Item.Size > LongestHeld)
                        await LoadLongAsync(state.Id, state.Item, index, token);
                    else if (await ReadAsync(state.Item.Key, token) is { } content)
                        index.Apply(state.Id, content);
                }
                catch (MalformedException exception)
                {
                    lock (problems)
                        problems.Add(new StateProblem(state.Item.Key, state.Id, exception.Message));
                }
            });
        return problems;
    }

    /// <summary>Parses it once to know that it is whole, and to learn what is not a location; and once more for the locations.</summary>
    private async Task LoadLongAsync(Mac id, StoreItem item, RepositoryIndex index, CancellationToken cancellationToken)
    {
        using var state = await SpooledState.FetchAsync(store, codec, item, folder(), cancellationToken);
        if (state is null)
            return;
        var content = new StateContent { SkipsLocations = true };
        (content.Parent, content.Trailer) = state.Parse(codec, content);
        index.Apply(id, content, locations => state.Parse(codec, locations));
    }

    /// <summary>The whole of a state that is not long.</summary>
    /// <returns>Null when it vanished.</returns>
    /// <exception cref="MalformedException">Damaged, or of a version that is not known.</exception>
    public async Task<StateContent?> ReadAsync(string key, CancellationToken cancellationToken)
    {
        using var stored = new PooledBuffer(1 << 16);
        try
        {
            await StoreReading.ReadAllAsync(store, key, stored, cancellationToken);
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return null;
        }

        return Parse(codec, stored.Span);
    }

    /// <summary>Reads a state to its end without keeping what it says.</summary>
    /// <returns>Null when it is whole or vanished; else why it cannot be used, without a full stop.</returns>
    public async Task<string?> FindProblemAsync(StoreItem item, CancellationToken cancellationToken)
    {
        try
        {
            if (item.Size > LongestHeld)
            {
                using var state = await SpooledState.FetchAsync(store, codec, item, folder(), cancellationToken);
                state?.Parse(codec, new NoVisitor());
                return null;
            }

            using var stored = new PooledBuffer(1 << 16);
            await StoreReading.ReadAllAsync(store, item.Key, stored, cancellationToken);
            Parse(codec, stored.Span, new NoVisitor()).Dispose();
            return null;
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return null;
        }
        catch (MalformedException exception)
        {
            return exception.Message;
        }
    }

    public static StateContent Parse(BlobCodec codec, ReadOnlySpan<byte> resource)
    {
        var content = new StateContent();
        using var parser = Parse(codec, resource, content);
        content.Trailer = parser.Trailer!.Value;
        content.Parent = parser.Parent;
        return content;
    }

    private static StateParser Parse(BlobCodec codec, ReadOnlySpan<byte> resource, IStateVisitor visitor)
    {
        var version = StorageEnvelope.ReadHeader(resource, ResourceType.State, StateParser.NewestVersion);
        if (codec.ComputeMac(resource[..^StorageEnvelope.TagSize]) != new Mac(resource[^StorageEnvelope.TagSize..]))
            throw new MalformedException("its content does not match its tag");
        var parser = new StateParser(version, visitor);
        try
        {
            codec.Decode(StorageEnvelope.Payload(resource), parser, MaxClearState);
            parser.Finish();
            return parser;
        }
        catch
        {
            parser.Dispose();
            throw;
        }
    }

    /// <summary>The stored form of a finished journal.</summary>
    public static PooledBuffer Seal(BlobCodec codec, ReadOnlySpan<byte> journal)
    {
        var resource = new PooledBuffer(journal.Length + 1024);
        StorageEnvelope.WriteHeader(resource.GetSpan(StorageEnvelope.HeaderSize), ResourceType.State, StateParser.NewestVersion);
        resource.Advance(StorageEnvelope.HeaderSize);
        codec.Encode(journal, resource);
        var tag = codec.ComputeMac(resource.Span);
        resource.Write(Mac.BytesOf(in tag));
        return resource;
    }

    private sealed class NoVisitor : IStateVisitor
    {
        public void Location(in LocationEntry entry)
        {
        }

        public void Coloured(in ColouredEntry entry)
        {
        }

        public void Packfile(in PackfileEntry entry)
        {
        }

        public void Delete(in DeleteEntry entry)
        {
        }
    }

    public static ReadOnlySequence<byte> Sequence(PooledBuffer buffer) => new(buffer.Memory);
}
