using Kloset.Encryption;

namespace Kloset.Tests.Encryption;

public class RandomPoolTests
{
    [Fact]
    public async Task No_bytes_are_handed_out_twice()
    {
        RandomPool pool = new();
        string[][] taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            string[] mine = new string[2000];
            byte[] bytes = new byte[600];
            for (int i = 0; i < mine.Length; i++)
            {
                Span<byte> piece = bytes.AsSpan(0, 12 + (i % 580));
                piece.Clear();
                pool.Fill(piece);
                mine[i] = Convert.ToHexString(piece[..12]);
                Assert.NotEqual(0, piece[^12..].IndexOfAnyExcept((byte)0) + 1);
            }

            return mine;
        }, TestContext.Current.CancellationToken)));
        Assert.Equal(8000, taken.SelectMany(mine => mine).Distinct().Count());
    }
}
