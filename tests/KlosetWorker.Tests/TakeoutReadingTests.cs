using GooglePhotos.Takeout.Archives;
using Kloset.Repositories;
using Kloset.Storage;
using Kloset.Writing;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Progress;
using KlosetWorker.Takeout;
using TakeoutGenerator;

namespace KlosetWorker.Tests;

/// <summary>What backups ask of the place where exports lie, counted there.</summary>
public sealed class TakeoutReadingTests : IDisposable
{
    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task A_remote_export_is_read_once_in_large_windows_and_an_unchanged_one_hardly_at_all()
    {
        (await _host.RunAsync("create", "--plaintext", "--repository", "fs:" + _host.Repository)).Exits(0);
        var library = Library.Generate(new LibraryOptions { Items = 40, MediaSize = 1_200_000 });
        var first = Write(library, "first");

        var reading = new CountingStorage(new LocalTakeoutStorage(_host.At("first")));
        Assert.Equal(RunOutcome.Succeeded, (await BackupAsync(reading)).Outcome);

        var size = Directory.GetFiles(_host.At("first")).Sum(file => new FileInfo(file).Length);
        var sidecars = first.Items.Sum(item => item.Folders.Count);
        Assert.InRange(reading.Bytes, size * 9 / 10, size * 21 / 20);
        Assert.True(reading.Requests <= (size / (8 << 20)) + sidecars + (first.Files.Count * 6), $"{reading.Requests} requests for {size} bytes with {sidecars} sidecars");

        // Two months later Google exports everything again, and nothing is new. Sidecars and directories are read, and a sample of the media.
        var second = Write(library with { Options = library.Options with { Until = library.Options.Until.AddDays(61) } }, "second");
        var again = new CountingStorage(new LocalTakeoutStorage(_host.At("second")));
        var report = await BackupAsync(again);

        var media = second.Items.SelectMany(item => item.Folders).SelectMany(folder => folder.Media).Sum(file => file.Size);
        Assert.Equal(RunOutcome.Succeeded, report.Outcome);
        Assert.Equal(second.Items.Count, report.Library!.Items);
        Assert.InRange(report.BytesRead - second.IndexSize, 0, media / 100);
        Assert.InRange(again.Bytes, 1, (media / 100) + (sidecars * 2_500L) + (2 * second.IndexSize) + (second.Files.Count * (1L << 20)));
    }

    private ExportManifest Write(Library library, string folder) =>
        Export.Write(library, new ExportOptions { Time = library.Options.Until, Parts = 2, Loose = false }, _host.At(folder));

    private async Task<BackupReport> BackupAsync(ITakeoutStorage storage)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var repository = await Repository.OpenAsync(new FileSystemStore(_host.Repository), null, EngineServices.System, ct);
        await using var writer = await repository.BeginWriteAsync(new WriterOptions { CacheDirectory = _host.At("cache") }, ct);
        var source = new TakeoutSource([storage], TimeSpan.Zero);
        var request = new BackupRequest { Source = source, Origin = "alice", CacheFolder = _host.At("cache") };
        return await new TakeoutBackup(repository, writer, TimeProvider.System, new ProgressTracker(TimeProvider.System), request, source).RunAsync(CancellationToken.None, ct);
    }

    private sealed class CountingStorage(LocalTakeoutStorage inner) : ITakeoutStorage
    {
        public long Bytes { get; private set; }

        public int Requests { get; private set; }

        public string Location => "remote";

        public bool SeeksAreCheap => false;

        public IAsyncEnumerable<StoredFile> ListAsync(CancellationToken ct) => inner.ListAsync(ct);

        public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct) => Task.FromResult(new RangeStream(file.Size, async (offset, destination, token) =>
        {
            Requests++;
            Bytes += destination.Length;
            await using var stream = await inner.OpenReadAsync(file, token);
            stream.Position = offset;
            await stream.ReadExactlyAsync(destination, token);
        }));
    }
}
