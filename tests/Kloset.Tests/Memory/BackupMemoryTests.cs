using System.Buffers.Binary;
using Kloset.Repositories;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Memory;

/// <summary>
/// What a backup and a check hold must hardly grow with the number of photos: counted after collections, so that it is the same on any machine. Nothing
/// else may run meanwhile.
/// </summary>
[CollectionDefinition("alone", DisableParallelization = true)]
[Collection("alone")]
public sealed class BackupMemoryTests
{
    private const int Few = 2_000;
    private const int Many = 30_000;

    /// <summary>
    /// Of a photo with its sidecar: six new blobs (two chunks, objects and entries) and its part of the trees' nodes, of which the index holds some 55
    /// bytes each, and tables that double, until it goes to a file. 730, 550 and 900 bytes were counted; pools make them differ by a hundred or two.
    /// </summary>
    private const int MostInBackup = 1100, MostInIndex = 850, MostInCheck = 1300;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_photo_more_takes_a_few_hundred_bytes_more_while_it_is_backed_up()
    {
        // The first run fills pools, which keep what they are given up to their bounds.
        await BackUpAsync(Many);
        var few = await BackUpAsync(Few);
        var many = await BackUpAsync(Many);
        var grown = (Backup: Each("a backup", few.Building, many.Building), Index: Each("an index", few.Index, many.Index), Check: Each("a check", few.Checking, many.Checking));
        Assert.InRange(grown.Backup, double.MinValue, MostInBackup);
        Assert.InRange(grown.Index, double.MinValue, MostInIndex);
        Assert.InRange(grown.Check, double.MinValue, MostInCheck);
    }

    private static double Each(string what, long few, long many)
    {
        var each = (double)(many - few) / (Many - Few);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {few >> 10} KiB with {Few} photos, {many >> 10} KiB with {Many}: {each:0} bytes a photo");
        return each;
    }

    private static async Task<(long Building, long Index, long Checking)> BackUpAsync(int photos)
    {
        await using var test = await TestRepository.CreateAsync();
        var store = new PausableStore(test.Store);
        // Small bounds, so that what is bounded is at its bound with few photos, too.
        var options = test.Options with { PackfileBytes = 256 << 10, SortBufferBytes = 128 << 10 };
        var puts = 0;
        long building = 0;
        await using (var repository = await Repository.OpenAsync(store, test.Passphrase, test.Services, Token))
        {
            await using var writer = await repository.BeginWriteAsync(options, Token);
            await writer.CommitAsync(TestRepository.Draft, null, ChangesAsync(writer, photos, Sample), Token);
            store.Putting = null;
            building = Math.Max(building, Held());
        }

        await using var reopened = await test.ReopenAsync();
        await reopened.RefreshAsync(Token);
        var index = Held();
        var checking = 0L;
        var report = await reopened.CheckAsync(new() { Level = Kloset.Checking.CheckLevel.Data }, new Sampling(() => checking = Math.Max(checking, Held())), Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        return (building, index, checking);

        void Sample()
        {
            building = Held();
            store.Putting = () =>
            {
                if (Interlocked.Increment(ref puts) % 4 == 0)
                    building = Math.Max(building, Held());
            };
        }
    }

    private static async IAsyncEnumerable<TreeChange> ChangesAsync(RepositoryWriter writer, int photos, Action ended)
    {
        var content = new byte[64];
        for (var i = 0; i < photos; i++)
        {
            var name = $"/Photos from {1990 + (i % 30)}/IMG_{i:0000000}.jpg";
            BinaryPrimitives.WriteInt32LittleEndian(content, i);
            yield return await writer.FileAsync(name, content);
            BinaryPrimitives.WriteInt32LittleEndian(content, -1 - i);
            yield return await writer.FileAsync(name + ".supplemental-metadata.json", content);
        }

        ended();
    }

    private static long Held() => GC.GetTotalMemory(forceFullCollection: true);

    private sealed class Sampling(Action sample) : IProgress<Kloset.Checking.CheckProgress>
    {
        private int _reports;

        public void Report(Kloset.Checking.CheckProgress value)
        {
            if (Interlocked.Increment(ref _reports) % 8 == 1)
                sample();
        }
    }
}
