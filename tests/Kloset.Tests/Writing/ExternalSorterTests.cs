using Kloset.Snapshots;
using Kloset.Writing.Trees;

namespace Kloset.Tests.Writing;

public sealed class ExternalSorterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-sort-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(5_000)]
    [InlineData(10)]
    public void Records_come_back_by_key_and_sequence_whatever_memory_holds(int bufferBytes)
    {
        var random = new Random(7);
        var records = Enumerable.Range(0, 3000).Select(number => (Key: $"/{random.Next(900):x}".Utf8Bytes(), Sequence: (long)number, Payload: new byte[random.Next(40)])).ToList();
        records.ForEach(record => random.NextBytes(record.Payload));
        using (var sorter = new ExternalSorter(PathOrder.Bytewise, _folder, bufferBytes))
        {
            records.ForEach(record => sorter.Add(record.Key, record.Sequence, record.Payload));
            var sorted = sorter.Sort().Select(record => (Convert.ToHexString(record.Key.Span), record.Sequence, Convert.ToHexString(record.Payload.Span))).ToList();
            Assert.Equal(
                records.Select(record => (Convert.ToHexString(record.Key), record.Sequence, Convert.ToHexString(record.Payload)))
                    .OrderBy(record => record.Item1, StringComparer.Ordinal).ThenBy(record => record.Sequence),
                sorted);
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_written_forward_is_read_backward()
    {
        using var file = new BackwardFile(_folder);
        var keys = Enumerable.Range(0, 20_000).Select(number => $"/{number}/{new string('x', number % 300)}".Utf8Bytes()).ToList();
        for (var number = 0; number < keys.Count; number++)
        {
            file.Add(keys[number], number % 3 == 0 ? null : new Mac([.. Enumerable.Repeat((byte)(number % 251), 32)]));
        }

        var read = file.ReadBackward().ToList();
        Assert.Equal(Enumerable.Reverse(keys), read.Select(record => record.Key));
        Assert.All(read.Select((record, index) => (record.Value, Number: keys.Count - 1 - index)), pair =>
            Assert.Equal(pair.Number % 3 == 0 ? null : (byte)(pair.Number % 251), pair.Value?.ToArray()[0]));
    }
}

internal static class Utf8Text
{
    public static byte[] Utf8Bytes(this string text) => System.Text.Encoding.UTF8.GetBytes(text);
}
