using System.Buffers;
using System.Text.Json;
using Kloset.Storage;

namespace Kloset.Maintenance;

/// <summary>
/// Who forgets and maintains: `kloset-operator/owner`. Two clusters that both tidy one repository by their own policies would undo one another's
/// decisions; everybody may back up, check and restore.
/// </summary>
public sealed class RepositoryOwner(IStore store, TimeProvider time)
{
    private const string Key = "kloset-operator/owner";

    private const int MaxLength = 1000;

    /// <returns>Null when nobody is.</returns>
    public async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var content = new PooledBuffer();
            await StoreReading.ReadAllAsync(store, Key, content, cancellationToken);
            using var document = JsonDocument.Parse(content.Memory);
            return document.RootElement.GetProperty("owner").GetString();
        }
        catch (StoreException exception) when (exception.Failure == StoreFailure.NotFound)
        {
            return null;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // Whoever it was, it is not us: nothing is tidied before somebody takes it over.
            return "(unreadable)";
        }
    }

    /// <summary>Becomes the owner when nobody is.</summary>
    /// <returns>Who is the owner now.</returns>
    public async Task<string> ClaimAsync(string owner, CancellationToken cancellationToken)
    {
        if (await ReadAsync(cancellationToken) is { } known)
            return known;
        return await store.PutIfAbsentAsync(Key, Content(owner), cancellationToken) ? owner : await ReadAsync(cancellationToken) ?? owner;
    }

    /// <summary>Becomes the owner, whoever was.</summary>
    public Task TakeOverAsync(string owner, CancellationToken cancellationToken) => store.PutAsync(Key, Content(owner), cancellationToken);

    private ReadOnlySequence<byte> Content(string owner)
    {
        ArgumentException.ThrowIfNullOrEmpty(owner);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(owner.Length, MaxLength);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("owner", owner);
            writer.WriteString("since", time.GetUtcNow());
            writer.WriteEndObject();
        }

        return new ReadOnlySequence<byte>(buffer.WrittenMemory);
    }
}
