using System.Buffers;
using System.Text;
using Kloset.Storage;

namespace Kloset.Tests.Storage;

/// <summary>What every store promises; each implementation runs the whole suite.</summary>
public abstract class StoreContract
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A new, empty store. Skips the test where the real thing is not there.</summary>
    protected abstract Task<IStore> NewStoreAsync();

    [Fact]
    public async Task What_was_put_is_read_back_whole_and_in_ranges()
    {
        await using var store = await NewStoreAsync();
        var content = Noise(300_000);
        await store.PutAsync(Key("packfiles", 1), new(content), Cancel);

        Assert.Equal(content, await ReadAllAsync(store, Key("packfiles", 1)));
        foreach (var (offset, length) in new[] { (0, 1), (0, 300_000), (1, 299_999), (299_999, 1), (100_000, 70_001) })
        {
            var range = new byte[length];
            await store.ReadRangeAsync(Key("packfiles", 1), offset, range, Cancel);
            Assert.True(content.AsSpan(offset, length).SequenceEqual(range));
        }
    }

    [Fact]
    public async Task A_body_of_several_segments_arrives_in_order()
    {
        await using var store = await NewStoreAsync();
        var content = Noise(100_000);
        await store.PutAsync(Key("states", 2), Segments(content, 1, 4096, 60_000), Cancel);
        Assert.Equal(content, await ReadAllAsync(store, Key("states", 2)));
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        await using var store = await NewStoreAsync();
        await store.PutAsync(Key("states", 3), ReadOnlySequence<byte>.Empty, Cancel);
        Assert.Empty(await ReadAllAsync(store, Key("states", 3)));
        var item = Assert.Single(await store.ListAsync("states/", Cancel).ToListAsync(Cancel));
        Assert.Equal(0, item.Size);
    }

    [Fact]
    public async Task A_put_replaces_what_was_there()
    {
        await using var store = await NewStoreAsync();
        await store.PutAsync(Key("locks", 4), Text("the first, which is longer"), Cancel);
        await store.PutAsync(Key("locks", 4), Text("the second"), Cancel);
        Assert.Equal("the second", Encoding.UTF8.GetString(await ReadAllAsync(store, Key("locks", 4))));
    }

    [Fact]
    public async Task Put_if_absent_says_whether_it_was_the_first()
    {
        await using var store = await NewStoreAsync();
        Assert.True(await store.PutIfAbsentAsync("CONFIG", Text("mine"), Cancel));
        Assert.False(await store.PutIfAbsentAsync("CONFIG", Text("yours"), Cancel));
        Assert.Equal("mine", Encoding.UTF8.GetString(await ReadAllAsync(store, "CONFIG")));
    }

    [Fact]
    public async Task Of_many_racing_first_puts_one_wins()
    {
        await using var store = await NewStoreAsync();
        var wins = await Task.WhenAll(Enumerable.Range(0, 12).Select(writer =>
            Task.Run(() => store.PutIfAbsentAsync("kloset-operator/owner", Text("writer " + writer), Cancel), Cancel)));
        Assert.Single(wins, won => won);
        var winner = Array.IndexOf(wins, true);
        Assert.Equal("writer " + winner, Encoding.UTF8.GetString(await ReadAllAsync(store, "kloset-operator/owner")));
    }

    [Fact]
    public async Task A_listing_holds_every_key_below_the_prefix_and_no_other()
    {
        await using var store = await NewStoreAsync();
        var packfiles = Enumerable.Range(0, 30).Select(number => Key("packfiles", number)).ToList();
        foreach (var key in packfiles.Append(Key("states", 1)).Append("locks/" + Hex(9)).Append("CONFIG"))
        {
            await store.PutAsync(key, Text(key), Cancel);
        }

        var listed = await store.ListAsync("packfiles/", Cancel).ToListAsync(Cancel);
        Assert.Equal(packfiles.Order(StringComparer.Ordinal), listed.Select(item => item.Key).Order(StringComparer.Ordinal));
        Assert.All(listed, item => Assert.Equal(item.Key.Length, item.Size));
        Assert.Equal(["locks/" + Hex(9)], await store.ListAsync("locks/", Cancel).Select(item => item.Key).ToListAsync(Cancel));
        Assert.Empty(await store.ListAsync("kloset-operator/", Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task What_was_deleted_is_gone_and_can_be_deleted_again()
    {
        await using var store = await NewStoreAsync();
        await store.PutAsync(Key("packfiles", 5), Text("soon gone"), Cancel);
        await store.DeleteAsync(Key("packfiles", 5), Cancel);
        await store.DeleteAsync(Key("packfiles", 5), Cancel);
        Assert.Empty(await store.ListAsync("packfiles/", Cancel).ToListAsync(Cancel));
        await AssertNotFoundAsync(() => ReadAllAsync(store, Key("packfiles", 5)));
    }

    [Fact]
    public async Task Reading_what_is_not_there_is_not_found()
    {
        await using var store = await NewStoreAsync();
        await AssertNotFoundAsync(() => ReadAllAsync(store, "CONFIG"));
        await AssertNotFoundAsync(() => store.ReadRangeAsync(Key("packfiles", 6), 0, new byte[10], Cancel));
    }

    [Fact]
    public async Task A_range_of_what_was_listed_is_refused_once_it_has_another_content()
    {
        await using var store = await NewStoreAsync();
        await store.PutAsync(Key("packfiles", 5), Text("as it was listed"), Cancel);
        var item = Assert.Single(await store.ListAsync("packfiles/", Cancel).ToListAsync(Cancel));
        var range = new byte[2];
        await store.ReadRangeAsync(item, 3, range, Cancel);
        Assert.Equal("it", Encoding.UTF8.GetString(range));

        await store.PutAsync(Key("packfiles", 5), Text("as it is by now."), Cancel);

        if (item.Version is not null)
        {
            Assert.Equal(StoreFailure.Changed, (await Assert.ThrowsAsync<StoreException>(() => store.ReadRangeAsync(item, 3, range, Cancel))).Failure);
        }
    }

    [Fact]
    public async Task A_range_beyond_the_end_fails_instead_of_coming_back_short()
    {
        await using var store = await NewStoreAsync();
        await store.PutAsync(Key("packfiles", 7), Text("ten bytes!"), Cancel);
        foreach (var (offset, length) in new[] { (5, 6), (10, 1), (0, 11) })
        {
            await Assert.ThrowsAsync<StoreException>(() => store.ReadRangeAsync(Key("packfiles", 7), offset, new byte[length], Cancel));
        }
    }

    [Fact]
    public async Task Many_objects_at_once_do_not_mix()
    {
        await using var store = await NewStoreAsync();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number =>
            Task.Run(() => store.PutAsync(Key("packfiles", number), Text("object " + number), Cancel), Cancel)));
        var texts = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => ReadAllAsync(store, Key("packfiles", number))));
        Assert.Equal(Enumerable.Range(0, 40).Select(number => "object " + number), texts.Select(Encoding.UTF8.GetString));
    }

    protected static async Task<byte[]> ReadAllAsync(IStore store, string key)
    {
        await using var stream = await store.OpenReadAsync(key, Cancel);
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory, Cancel);
        return memory.ToArray();
    }

    protected static string Key(string kind, int number) => $"{kind}/{Hex(number)[..2]}/{Hex(number)}";

    protected static ReadOnlySequence<byte> Text(string text) => new(Encoding.UTF8.GetBytes(text));

    protected static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static string Hex(int number) => string.Concat(Enumerable.Repeat($"{number % 256:x2}", 31)) + $"{number / 256 % 256:x2}";

    private static async Task AssertNotFoundAsync(Func<Task> read) =>
        Assert.Equal(StoreFailure.NotFound, (await Assert.ThrowsAsync<StoreException>(read)).Failure);

    private static ReadOnlySequence<byte> Segments(byte[] content, params int[] cuts)
    {
        var first = new Segment(content.AsMemory(0, cuts[0]), 0);
        var last = first;
        for (var index = 0; index < cuts.Length; index++)
        {
            var end = index + 1 < cuts.Length ? cuts[index + 1] : content.Length;
            last = last.Append(content.AsMemory(cuts[index], end - cuts[index]));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
