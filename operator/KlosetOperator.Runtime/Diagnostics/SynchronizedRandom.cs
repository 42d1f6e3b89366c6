namespace KlosetOperator.Runtime.Diagnostics;

/// <summary>A seeded <see cref="Random"/> that many threads may use.</summary>
internal sealed class SynchronizedRandom(int seed) : Random
{
    private readonly Lock _lock = new();

    // The base class draws from these; each is one step, so locking them is enough.
    private readonly Random _random = new(seed);

    public override int Next()
    {
        lock (_lock)
        {
            return _random.Next();
        }
    }

    public override int Next(int maxValue)
    {
        lock (_lock)
        {
            return _random.Next(maxValue);
        }
    }

    public override int Next(int minValue, int maxValue)
    {
        lock (_lock)
        {
            return _random.Next(minValue, maxValue);
        }
    }

    public override long NextInt64()
    {
        lock (_lock)
        {
            return _random.NextInt64();
        }
    }

    public override long NextInt64(long maxValue)
    {
        lock (_lock)
        {
            return _random.NextInt64(maxValue);
        }
    }

    public override long NextInt64(long minValue, long maxValue)
    {
        lock (_lock)
        {
            return _random.NextInt64(minValue, maxValue);
        }
    }

    public override double NextDouble()
    {
        lock (_lock)
        {
            return _random.NextDouble();
        }
    }

    public override float NextSingle()
    {
        lock (_lock)
        {
            return _random.NextSingle();
        }
    }

    public override void NextBytes(byte[] buffer)
    {
        lock (_lock)
        {
            _random.NextBytes(buffer);
        }
    }

    public override void NextBytes(Span<byte> buffer)
    {
        lock (_lock)
        {
            _random.NextBytes(buffer);
        }
    }

    protected override double Sample() => NextDouble();
}
