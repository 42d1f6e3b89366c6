using System.Buffers.Binary;
using Kloset.Repositories;
using Kloset.States;
using Kloset.Storage;
using Kloset.Tests.Writing;

namespace Kloset.Tests.States;

/// <summary>Another program's state may name millions of blobs: it is read in pieces, and says what a short one says.</summary>
public sealed class LongStateTests
{
    private const int Locations = 600_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, true)]
    [InlineData("secret", true)]
    [InlineData("secret", false)]
    public async Task A_long_state_is_loaded_as_a_short_one_is(string? passphrase, bool compressed)
    {
        await using var test = await CreateAsync(passphrase, compressed);
        var packfile = Identifier(-1);
        var item = await PutAsync(test, locations: Locations);
        await using var reopened = await test.ReopenAsync();
        await reopened.RefreshAsync(Token);
        Assert.Empty(reopened.StateProblems);
        using var index = new RepositoryIndex();
        index.Apply(Identifier(-2), (await reopened.States.ReadAsync(item.Key, Token))!);
        Assert.Equal(index.NewestTime, reopened.Index.NewestTime);
        Assert.Equal(index.VisibleBlobs().Count(), reopened.Index.VisibleBlobs().Count());
        Assert.Equal(index.LostStates(), reopened.Index.LostStates());
        foreach (var number in (int[])[0, 1, 77_777, Locations - 1])
        {
            Assert.True(reopened.Index.TryFind(BlobType.Chunk, Identifier(number), out var location));
            Assert.Equal((packfile, number * 100L, 100u), (location.Packfile, location.Offset, location.Length));
        }

        // What the same state deletes stays deleted.
        Assert.True(index.TryFind(BlobType.Chunk, Identifier(1), out _));
        Assert.False(index.TryFind(BlobType.Chunk, Identifier(5), out _));
        Assert.False(reopened.Index.TryFind(BlobType.Chunk, Identifier(5), out _));
        Assert.Null(await reopened.States.FindProblemAsync(item, Token));
        Assert.Empty(Directory.EnumerateFiles(test.Folder, "kloset-state-*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_long_state_takes_no_more_memory_than_a_block_of_it()
    {
        await using var test = await CreateAsync("secret", compressed: true);
        var item = await PutAsync(test, Locations);
        Assert.True(item.Size > 2 * StateLoader.LongestHeld, $"{item.Size} bytes are not long");
        using var state = await SpooledState.FetchAsync(test.Store, test.Repository.Codec, item, test.Folder, Token);
        var counter = new CountingVisitor();
        // All of it happens on this thread.
        var before = GC.GetAllocatedBytesForCurrentThread();
        state!.Parse(test.Repository.Codec, counter);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(Locations, counter.Locations);
        Assert.InRange(allocated, 0, 24 << 20);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(60)]
    [InlineData(5_000_000)]
    [InlineData(-33)]
    [InlineData(-1)]
    public async Task Damage_in_a_long_state_is_found_and_nothing_of_it_counts(int at)
    {
        await using var test = await CreateAsync("secret", compressed: true);
        var item = await PutAsync(test, Locations / 2);
        var path = Path.Combine(test.Root, item.Key);
        var bytes = await File.ReadAllBytesAsync(path, Token);
        bytes[at < 0 ? bytes.Length + at : at] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, Token);
        await AssertRefusedAsync(test, item);
    }

    [Fact]
    public async Task A_long_state_that_is_cut_short_or_longer_than_listed_is_refused()
    {
        await using var test = await CreateAsync("secret", compressed: true);
        var item = await PutAsync(test, Locations / 2);
        var path = Path.Combine(test.Root, item.Key);
        await Assert.ThrowsAsync<MalformedException>(
            () => SpooledState.FetchAsync(test.Store, test.Repository.Codec, item with { Size = 9 << 20 }, test.Folder, Token));
        await using (var file = File.OpenWrite(path))
            file.SetLength(item.Size - 1000);
        await AssertRefusedAsync(test, item);
        Assert.Null(await SpooledState.FetchAsync(test.Store, test.Repository.Codec, item with { Key = "states/00/" + new string('0', 64) }, test.Folder, Token));
    }

    /// <summary>Its tag is right: whoever has the key wrote it, and wrote it wrong.</summary>
    [Fact]
    public async Task A_long_state_with_a_malformed_entry_at_its_end_counts_for_nothing()
    {
        await using var test = await CreateAsync(null, compressed: false);
        var item = await PutAsync(test, Locations / 2, journal => journal[^(29 + 5 + PackfileEntry.Size - 1)] ^= 1);
        await AssertRefusedAsync(test, item);
    }

    private static Task<TestRepository> CreateAsync(string? passphrase, bool compressed) =>
        TestRepository.CreateAsync(passphrase, creation: compressed ? null : new RepositoryCreation { Compression = null });

    private static async Task AssertRefusedAsync(TestRepository test, StoreItem item)
    {
        await using var reopened = await test.ReopenAsync();
        await reopened.RefreshAsync(Token);
        Assert.Single(reopened.StateProblems);
        Assert.Equal(0, reopened.Index.StateCount);
        Assert.False(reopened.Index.TryFind(BlobType.Chunk, Identifier(1), out _));
        Assert.NotNull(await reopened.States.FindProblemAsync(item, Token));
    }

    private static async Task<StoreItem> PutAsync(TestRepository test, int locations, Action<byte[]>? spoil = null)
    {
        var packfile = Identifier(-1);
        using var builder = new StateBuilder(Identifier(-3));
        builder.Delete(new DeleteEntry(StateEntryKind.Location, (byte)BlobType.Chunk, Identifier(5), packfile));
        for (var i = 0; i < locations; i++)
            builder.Location(new LocationEntry(BlobType.Chunk, 0x10000, Identifier(i), packfile, i * 100L, 100, 0));
        builder.Packfile(new PackfileEntry(packfile, Identifier(-2), 5));
        builder.Trailer(new StateTrailer(StateParser.NewestVersion, 1_700_000_000_000_000_000, Guid.Empty));
        var journal = builder.Journal.ToArray();
        spoil?.Invoke(journal);
        using var state = StateLoader.Seal(test.Repository.Codec, journal);
        var key = StateLoader.KeyOf(Identifier(-2));
        await test.Store.PutAsync(key, StateLoader.Sequence(state), Token);
        Assert.True(state.Length > StateLoader.LongestHeld, $"{state.Length} bytes are not long");
        return new StoreItem(key, state.Length, default);
    }

    /// <summary>As evenly spread as MACs are, and as incompressible.</summary>
    private static Mac Identifier(int number)
    {
        Span<byte> seed = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(seed, number);
        Span<byte> bytes = stackalloc byte[Mac.Size];
        Kloset.Hashing.Blake3.Hash(seed, bytes);
        return new Mac(bytes);
    }

    private sealed class CountingVisitor : IStateVisitor
    {
        public int Locations { get; private set; }

        public void Location(in LocationEntry entry) => Locations++;

        public void Coloured(in ColouredEntry entry)
        {
        }

        public void Packfile(in PackfileEntry entry)
        {
        }

        public void Delete(in DeleteEntry entry)
        {
        }
    }
}
