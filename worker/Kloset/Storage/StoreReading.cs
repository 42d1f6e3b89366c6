namespace Kloset.Storage;

/// <summary>Reading whole resources through <see cref="IStore"/>.</summary>
internal static class StoreReading
{
    /// <summary>Larger resources are not read as a whole by anybody; a store that claims one is lying or foreign.</summary>
    private const int MaxResource = 1 << 30;

    public static async Task ReadAllAsync(IStore store, string key, PooledBuffer destination, CancellationToken cancellationToken)
    {
        destination.Clear();
        await using var stream = await store.OpenReadAsync(key, cancellationToken);
        while (true)
        {
            int read;
            try
            {
                read = await stream.ReadAsync(destination.GetMemory(1 << 16), cancellationToken);
            }
            catch (IOException exception)
            {
                throw new StoreException(StoreFailure.Other, $"Cannot read {key} from {store.Location}: {exception.Message}", exception);
            }

            if (read == 0)
                return;
            destination.Advance(read);
            if (destination.Length > MaxResource)
                throw new MalformedException($"it has more than {MaxResource} bytes");
        }
    }
}
