using Kloset.States;
using Kloset.Writing;

namespace Kloset.Tests.Writing;

/// <summary>What is handled as a whole must stay small, however small and many the blobs are: memory would grow with it.</summary>
public sealed class BoundsTests
{
    private const int MostBlobs = 36_000;
    private const int MostEntries = 46_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task However_small_blobs_are_no_packfile_and_no_state_names_more_than_fits_a_few_MiB()
    {
        const int Files = 20_000;
        await using var test = await TestRepository.CreateAsync();
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var changes = new List<TreeChange>();
            for (var i = 0; i < Files; i++)
                changes.Add(await writer.FileAsync($"/{i % 7}/{i}", BitConverter.GetBytes(i)));
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of(changes), Token);
        }

        await using var repository = await test.ReopenAsync();
        await repository.RefreshAsync(Token);
        var blobs = repository.Index.PlacesByPackfile().Values.Select(places => places.Count).ToList();
        Assert.True(blobs.Sum() > 3 * Files);
        // The padding at the end comes on top.
        Assert.InRange(blobs.Max(), MostBlobs, MostBlobs + 1);
        var entries = new List<int>();
        await foreach (var item in repository.Store.ListAsync(StateLoader.Prefix, Token))
            entries.Add((await repository.States.ReadAsync(item.Key, Token))!.Locations.Sum(block => block.Count));
        Assert.Equal(blobs.Sum(), entries.Sum());
        Assert.InRange(entries.Max(), 1, MostEntries);
    }
}
