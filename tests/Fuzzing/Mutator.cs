namespace Fuzzing;

/// <summary>Makes damaged inputs from whole ones; the same seed makes the same inputs.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly byte[] Interesting = [0x00, 0x01, 0x7F, 0x80, 0xC0, 0xC4, 0xC6, 0xDB, 0xDD, 0xDF, 0xFF];

    private readonly Random _random = new(seed);

    /// <summary>One to eight changes: a bit, a byte, a length-like number, a cut, an insertion, a repetition, a splice of two inputs.</summary>
    public byte[] Mutate(IReadOnlyList<byte[]> seeds)
    {
        var bytes = seeds[_random.Next(seeds.Count)].ToList();
        for (var changes = _random.Next(1, 9); changes > 0; changes--)
        {
            var at = _random.Next(bytes.Count + 1);
            switch (_random.Next(7))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = Interesting[_random.Next(Interesting.Length)];
                    break;
                case 2 when at + 4 <= bytes.Count:
                    var number = BitConverter.GetBytes(_random.Next(3) switch { 0 => int.MaxValue, 1 => -1, _ => _random.Next(1 << 24) });
                    for (var index = 0; index < 4; index++)
                    {
                        bytes[at + index] = number[index];
                    }

                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Range(0, _random.Next(1, 20)).Select(_ => (byte)_random.Next(256)));
                    break;
                case 5:
                    bytes.InsertRange(at, bytes.GetRange(0, Math.Min(bytes.Count, _random.Next(200))));
                    break;
                default:
                    var other = seeds[_random.Next(seeds.Count)];
                    bytes.AddRange(other.AsSpan(_random.Next(other.Length + 1)));
                    break;
            }
        }

        return [.. bytes];
    }
}
