using System.Buffers;
using System.Text;
using Kloset.Storage;

namespace Kloset.Repositories;

/// <summary>
/// Small objects of ours beside the repository proper, below `kloset-operator/`, compressed and sealed like blobs: whoever holds only the store reads
/// nothing of them. What is sealed begins with its own key, so that a store cannot give out one object under the name of another.
/// </summary>
public sealed class SealedObjects(Repository repository)
{
    private const string Root = "kloset-operator/";
    private const int MaxBytes = 256 << 20;

    /// <param name="key">Below `kloset-operator/`, without that prefix.</param>
    public Task PutAsync(string key, ReadOnlyMemory<byte> clear, CancellationToken cancellationToken) =>
        WithSealedAsync(key, clear, async content =>
        {
            await repository.Store.PutAsync(Root + key, content, cancellationToken);
            return true;
        });

    /// <returns>False when the key was there; nothing was written then.</returns>
    public Task<bool> PutIfAbsentAsync(string key, ReadOnlyMemory<byte> clear, CancellationToken cancellationToken) =>
        WithSealedAsync(key, clear, content => repository.Store.PutIfAbsentAsync(Root + key, content, cancellationToken));

    /// <returns>Null when there is none.</returns>
    /// <exception cref="RepositoryException">Damaged, or not sealed under this key.</exception>
    public async Task<byte[]?> FindAsync(string key, CancellationToken cancellationToken)
    {
        using var stored = new PooledBuffer();
        using var clear = new PooledBuffer();
        try
        {
            await StoreReading.ReadAllAsync(repository.Store, Root + key, stored, cancellationToken);
            repository.Codec.Decode(stored.Span, clear, MaxBytes);
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            return null;
        }
        catch (MalformedException exception)
        {
            throw RepositoryException.Damaged($"{Root}{key} is damaged: {exception.Message}.");
        }

        var name = Encoding.UTF8.GetBytes(key + "\n");
        return clear.Span.StartsWith(name)
            ? clear.Span[name.Length..].ToArray()
            : throw RepositoryException.Damaged($"{Root}{key} holds another object.");
    }

    /// <summary>Keys that begin with a prefix, in order of their text.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken)
    {
        var keys = new List<string>();
        await foreach (var item in repository.Store.ListAsync(Root + prefix, cancellationToken))
        {
            keys.Add(item.Key[Root.Length..]);
        }

        keys.Sort(StringComparer.Ordinal);
        return keys;
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => repository.Store.DeleteAsync(Root + key, cancellationToken);

    private async Task<bool> WithSealedAsync(string key, ReadOnlyMemory<byte> clear, Func<ReadOnlySequence<byte>, Task<bool>> put)
    {
        using var named = new PooledBuffer(clear.Length + key.Length + 16);
        named.Write(Encoding.UTF8.GetBytes(key + "\n"));
        named.Write(clear.Span);
        using var content = new PooledBuffer(named.Length + 256);
        repository.Codec.Encode(named.Span, content);
        return await put(new ReadOnlySequence<byte>(content.Memory));
    }
}
