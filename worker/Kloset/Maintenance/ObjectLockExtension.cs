using System.Buffers;
using System.Text.Json;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Storage;

namespace Kloset.Maintenance;

/// <summary>
/// Keeps the object locks of all that snapshots may need long enough. Everything that is visible is prolonged together; when that was, stands in
/// `kloset-operator/object-lock`, so that most backups need not touch a single object. What was stored since carries a longer lock already.
/// </summary>
internal static class ObjectLockExtension
{
    private const string Key = "kloset-operator/object-lock";

    /// <param name="always">Whatever the record says: it may be lost, and in a plaintext repository forged.</param>
    /// <returns>How many locks were prolonged.</returns>
    public static async Task<int> RunAsync(Repository repository, bool always, CancellationToken cancellationToken)
    {
        if (repository.Store.ObjectLock is not { } locks)
            return 0;
        var now = repository.Services.Time.GetUtcNow();
        var policy = locks.Policy;
        if (!always && await ReadAsync(repository, cancellationToken) is { } last
            && last.Mode == policy.Mode && last.Until - now >= policy.Guaranteed && last.Until <= policy.Until(now))
            return 0;
        var until = policy.Until(now);
        var visible = repository.Index.Packfiles().Where(packfile => packfile.Packfile.IsVisible).Select(packfile => PackfileIndex.KeyOf(packfile.Packfile.Id)).ToHashSet();
        var extended = await locks.ExtendAsync("CONFIG", key => key == "CONFIG", until, cancellationToken);
        // States are never removed: each of them is needed for ever.
        extended += await locks.ExtendAsync("states/", _ => true, until, cancellationToken);
        extended += await locks.ExtendAsync("packfiles/", visible.Contains, until, cancellationToken);
        await WriteAsync(repository, new Extension(policy.Mode, until), cancellationToken);
        return extended;
    }

    private static async Task<Extension?> ReadAsync(Repository repository, CancellationToken cancellationToken)
    {
        using var content = new PooledBuffer();
        try
        {
            await StoreReading.ReadAllAsync(repository.Store, Key, content, cancellationToken);
            if (content.Length < Mac.Size || repository.Codec.ComputeMac(content.Span[..^Mac.Size]) != new Mac(content.Span[^Mac.Size..]))
                return null;
            using var document = JsonDocument.Parse(content.Memory[..^Mac.Size]);
            return new Extension(
                Enum.Parse<ObjectLockMode>(document.RootElement.GetProperty("mode").GetString()!), document.RootElement.GetProperty("until").GetDateTimeOffset());
        }
        catch (Exception exception) when (exception is StoreException { Failure: StoreFailure.NotFound } or JsonException or ArgumentException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static async Task WriteAsync(Repository repository, Extension extension, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("mode", extension.Mode.ToString());
            writer.WriteString("until", extension.Until);
            writer.WriteEndObject();
        }

        // Sealed with the repository's key: who can only write to the store cannot say that everything is locked until next year.
        var tag = repository.Codec.ComputeMac(buffer.WrittenSpan);
        buffer.Write(Mac.BytesOf(in tag));
        await repository.Store.PutAsync(Key, new ReadOnlySequence<byte>(buffer.WrittenMemory), cancellationToken);
    }

    private sealed record Extension(ObjectLockMode Mode, DateTimeOffset Until);
}
