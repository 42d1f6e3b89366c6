using Kloset.Encryption;

namespace Kloset.Repositories;

/// <summary>What the engine needs of the world: time, randomness, and how it introduces itself.</summary>
/// <param name="HostName">Written into locks and snapshot headers.</param>
public sealed record EngineServices(TimeProvider Time, RandomSource Random, string HostName)
{
    /// <summary>Threads that hash, seal and decode. Default: the processors of this machine.</summary>
    public int Parallelism { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Where the index of a large repository is kept outside memory, about 50 bytes a blob. Default: the system's temporary folder.</summary>
    public string? CacheDirectory { get; init; }

    internal string ScratchFolder => CacheDirectory ?? Path.GetTempPath();

    public static EngineServices System { get; } = new(TimeProvider.System, RandomSource.System, Environment.MachineName);
}

/// <summary>A source of random bytes; safe for concurrent use.</summary>
public abstract class RandomSource
{
    /// <summary>The operating system's generator. The only one fit for keys.</summary>
    public static RandomSource System { get; } = new SystemRandomSource();

    public abstract void Fill(Span<byte> destination);

    internal Mac NextMac()
    {
        Span<byte> bytes = stackalloc byte[Mac.Size];
        Fill(bytes);
        return new Mac(bytes);
    }

    /// <summary>Version 4.</summary>
    internal Guid NextGuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Near enough to even for lengths of padding; not for keys.</summary>
    internal int NextBelow(int limit)
    {
        Span<byte> bytes = stackalloc byte[8];
        Fill(bytes);
        return (int)(BitConverter.ToUInt64(bytes) % (ulong)limit);
    }

    private sealed class SystemRandomSource : RandomSource
    {
        private readonly RandomPool _pool = new();

        public override void Fill(Span<byte> destination) => _pool.Fill(destination);
    }
}
