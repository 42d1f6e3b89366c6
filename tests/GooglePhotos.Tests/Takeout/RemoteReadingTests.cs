using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

/// <summary>Parts behind range reads: what is asked for, and how often.</summary>
public sealed class RemoteReadingTests
{
    [Fact]
    public async Task Sidecars_are_picked_out_alone_and_media_are_read_once_in_large_windows()
    {
        using TemporaryFolder folder = new();
        Export.Write(
            TakeoutGenerator.Library.Generate(new LibraryOptions { Items = 60, MediaSize = 900_000, Seed = 5 }),
            new ExportOptions { Time = new DateTimeOffset(2026, 9, 21, 10, 11, 12, TimeSpan.Zero), Parts = 2, Loose = false },
            folder.Path);
        CancellationToken ct = TestContext.Current.CancellationToken;
        RemoteStorage storage = new(new LocalTakeoutStorage(folder.Path));
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);
        await export.ReadMetadataAsync(ct);
        Assert.Equal(60, export.Resolve().Items.Count);
        (long bytes, int requests) picking = (storage.Bytes, storage.Requests);

        await GeneratedLibraryTests.ReadAllAsync(export, ct);

        Assert.True(picking.bytes < set.Size / 3, $"{picking.bytes} of {set.Size} for the sidecars");
        Assert.True(picking.requests < export.Entries.Count(e => e.Name.EndsWith(".json", StringComparison.Ordinal)) + 20, $"{picking.requests} requests");
        Assert.True(storage.Bytes - picking.bytes <= set.Size * 1.02, $"{storage.Bytes - picking.bytes} of {set.Size} for everything");
        Assert.True(storage.Requests - picking.requests <= (set.Size / (8 << 20)) + 20, $"{storage.Requests - picking.requests} requests for {set.Size} bytes");
    }

    private sealed class RemoteStorage(LocalTakeoutStorage inner) : ITakeoutStorage
    {
        public long Bytes { get; private set; }

        public int Requests { get; private set; }

        public string Location => inner.Location;

        public bool SeeksAreCheap => false;

        public IAsyncEnumerable<StoredFile> ListAsync(CancellationToken ct) => inner.ListAsync(ct);

        public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct) => Task.FromResult(new RangeStream(file.Size, async (offset, destination, token) =>
        {
            Requests++;
            Bytes += destination.Length;
            await using Stream stream = await inner.OpenReadAsync(file, token);
            stream.Position = offset;
            await stream.ReadExactlyAsync(destination, token);
        }));
    }
}
