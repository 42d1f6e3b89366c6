using System.Globalization;
using System.Text;
using Kloset.Checking;
using Kloset.Copying;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Interop;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Copying;

/// <summary>A copy is the same snapshot under another key.</summary>
public sealed class RepositoryCopyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lineage_is_copied_whole_and_the_second_time_nothing_is_written()
    {
        await using var source = await TestRepository.CreateAsync("the old passphrase");
        await using var target = await TestRepository.CreateAsync("the new passphrase");
        var headers = await FillAsync(source);
        var report = await CopyAsync(source, target, headers);
        Assert.Equal(headers.Select(h => h.Id), report.Copied);
        await AssertSameAsync(source, target, headers);

        var files = Files(target.Root);
        var again = await CopyAsync(source, target, headers);
        Assert.Equal((0, 0L, headers.Count), (again.Copied.Count, again.BytesRead, again.Present.Count));
        Assert.Equal(files, Files(target.Root));
        Assert.True((await target.Repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
    }

    [Fact]
    public async Task Of_a_lineage_only_the_difference_is_read()
    {
        await using var source = await TestRepository.CreateAsync();
        await using var target = await TestRepository.CreateAsync("a passphrase");
        var headers = await FillAsync(source);
        await CopyAsync(source, target, headers[..1]);
        // The second snapshot adds two files and replaces one; a new process knows nothing of the first copy.
        var report = await CopyAsync(source, target, headers);
        Assert.Equal(headers[1..].Select(h => h.Id), report.Copied);
        Assert.Equal(5, report.Files);
        await AssertSameAsync(source, target, headers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Interrupted_anywhere_nothing_is_lost_and_the_next_run_goes_on(int seed)
    {
        await using var source = await TestRepository.CreateAsync("the old passphrase");
        await using var target = await TestRepository.CreateAsync("the new passphrase");
        var headers = await FillAsync(source);
        var random = new Random(seed);
        for (var attempt = 0; attempt < 12; attempt++)
        {
            await using var from = await source.ReopenAsync();
            await using var store = new FailingStore(target.Store, random.Next(1, 12));
            await using var to = await Repository.OpenAsync(store, target.Passphrase, target.Services, Token);
            try
            {
                await from.CopyToAsync(to, new CopyOptions { Snapshots = [.. headers.Select(h => h.Id)], CacheDirectory = target.Options.CacheDirectory }, null, Token);
            }
            catch (StoreException)
            {
                // As a kill would: what is in the target must be whole.
            }

            DeleteLocks(target.Root);
            await using var reader = await target.ReopenAsync();
            Assert.True((await reader.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
        }

        await CopyAsync(source, target, headers);
        await AssertSameAsync(source, target, headers);
    }

    [Fact]
    public async Task Derived_contents_are_written_last_and_name_the_copies()
    {
        await using var source = await TestRepository.CreateAsync("the old passphrase");
        await using var target = await TestRepository.CreateAsync("the new passphrase");
        SnapshotHeader header;
        await using (var writer = await source.Repository.BeginWriteAsync(source.Options, Token))
        {
            var photo = await writer.FileAsync("/photos/a.jpg", TreeChanges.Noise(1, 5000));
            var list = await writer.FileAsync("/.list", Encoding.UTF8.GetBytes($"/photos/a.jpg {photo.Object.Id}"));
            header = await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([photo, list]), Token);
        }

        await using (var from = await source.ReopenAsync())
        await using (var to = await target.ReopenAsync())
            await from.CopyToAsync(to, new CopyOptions { Snapshots = [header.Id], Derived = new Listing() }, null, Token);
        await using var reader = await target.ReopenAsync();
        var copy = await reader.OpenSnapshotAsync(header.Id, Token);
        var entry = (await copy.FindAsync(EntryPath.Parse("/photos/a.jpg"), Token))!;
        var listing = (await copy.FindAsync(EntryPath.Parse("/.list"), Token))!;
        Assert.Equal($"/photos/a.jpg {entry.Object}", Encoding.UTF8.GetString(await TreeChanges.ReadAsync(copy, listing)));
    }

    [Fact]
    public async Task Plakar_lists_and_checks_a_copy()
    {
        await using var source = await TestRepository.CreateAsync("the old passphrase");
        await using var target = await TestRepository.CreateAsync("the new passphrase");
        var headers = await FillAsync(source);
        await CopyAsync(source, target, headers);
        using var plakar = new Plakar(target.Root, "the new passphrase");
        var list = plakar.Run("ls");
        foreach (var header in headers)
        {
            Assert.Contains(header.Id.Short, list, StringComparison.Ordinal);
            plakar.Run("check", header.Id.ToString());
        }
    }

    [Fact]
    public async Task A_repository_is_not_copied_into_itself()
    {
        await using var source = await TestRepository.CreateAsync();
        var headers = await FillAsync(source);
        await using var same = await source.ReopenAsync();
        var failure = await Assert.ThrowsAsync<RepositoryException>(
            () => source.Repository.CopyToAsync(same, new CopyOptions { Snapshots = [headers[0].Id] }, null, Token));
        Assert.Equal(RepositoryFailure.AlreadyExists, failure.Failure);
    }

    private sealed class Listing : IDerivedContents
    {
        public bool IsDerived(EntryPath path) => path.ToString() == "/.list";

        public async Task<Stream> RewriteAsync(EntryPath path, Stream content, IObjectTranslation objects, CancellationToken cancellationToken)
        {
            using var reader = new StreamReader(content);
            var parts = (await reader.ReadToEndAsync(cancellationToken)).Split(' ');
            return new MemoryStream(Encoding.UTF8.GetBytes($"{parts[0]} {await objects.FindAsync(Mac.Parse(parts[1]), EntryPath.Parse(parts[0]), cancellationToken)}"));
        }
    }

    /// <summary>Puts fail for good after so many.</summary>
    private sealed class FailingStore(IStore inner, int puts) : IStore
    {
        private int _puts;

        public string Location => inner.Location;

        public StoreCounters Counters => inner.Counters;

        public Task InitializeAsync(CancellationToken cancellationToken) => inner.InitializeAsync(cancellationToken);

        public IAsyncEnumerable<StoreItem> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

        public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken) => inner.OpenReadAsync(key, cancellationToken);

        public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
            inner.ReadRangeAsync(key, offset, destination, cancellationToken);

        public Task PutAsync(string key, System.Buffers.ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _puts) > puts ? throw new StoreException(StoreFailure.Full, "no space left") : inner.PutAsync(key, content, cancellationToken);

        public Task<bool> PutIfAbsentAsync(string key, System.Buffers.ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
            inner.PutIfAbsentAsync(key, content, cancellationToken);

        public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private static async Task<CopyReport> CopyAsync(TestRepository source, TestRepository target, IReadOnlyList<SnapshotHeader> headers)
    {
        await using var from = await source.ReopenAsync();
        await using var to = await target.ReopenAsync();
        return await from.CopyToAsync(to, new CopyOptions { Snapshots = [.. headers.Select(h => h.Id)], CacheDirectory = target.Options.CacheDirectory }, null, Token);
    }

    private static async Task<List<SnapshotHeader>> FillAsync(TestRepository source)
    {
        await using var writer = await source.Repository.BeginWriteAsync(source.Options, Token);
        var attribute = await writer.WriteObjectAsync(new MemoryStream([1, 2, 3]), ObjectOptions.Default, Token);
        var draft = TestRepository.Draft with { Type = "googlephotos", Origin = "alice", Name = "the name", Tags = ["one", "two"], Context = [new("run", "42")], Job = "job" };
        var first = await writer.CommitAsync(
            draft, null,
            TreeChanges.Of([
                (await writer.FileAsync("/photos/a.jpg", TreeChanges.Noise(1, 3_000_000), mode: 0x1FF)) with
                {
                    UserId = 7, GroupId = 8, UserName = "u", ExtendedAttributes = [new("user.colour", attribute)],
                },
                await writer.FileAsync("/photos/same.jpg", TreeChanges.Noise(1, 3_000_000)),
                await writer.FileAsync("/photos/empty", []),
                await writer.FileAsync("/other/b.txt", "text"u8.ToArray()),
                new PutDirectory(EntryPath.Parse("/photos/none"), 0x1ED, TreeChanges.Time),
                new PutSymlink(EntryPath.Parse("/photos/link"), "a.jpg", TreeChanges.Time),
                new PutError(EntryPath.Parse("/photos/lost"), "it could not be read"),
                new PutError(EntryPath.Parse("/other/b.txt"), "it was read in part"),
            ]),
            Token);
        var second = await writer.CommitAsync(
            draft with { Tags = [] }, await source.Repository.OpenSnapshotAsync(first.Id, Token),
            TreeChanges.Of([
                await writer.FileAsync("/photos/new/c.jpg", TreeChanges.Noise(3, 200_000)),
                await writer.FileAsync("/photos/d.jpg", TreeChanges.Noise(4, 100)),
                await writer.FileAsync("/other/b.txt", "more text"u8.ToArray()),
                new Remove(EntryPath.Parse("/photos/same.jpg")),
                new Remove(EntryPath.Parse("/photos/none")),
            ]),
            Token);
        var third = await writer.CommitAsync(
            draft with { Origin = "bob" }, null,
            TreeChanges.Of([await writer.FileAsync("/photos/e.jpg", TreeChanges.Noise(5, 100)), await writer.FileAsync("/photos/a.jpg", TreeChanges.Noise(1, 3_000_000))]), Token);
        return [first, second, third];
    }

    private static async Task AssertSameAsync(TestRepository source, TestRepository target, IReadOnlyList<SnapshotHeader> headers)
    {
        await using var from = await source.ReopenAsync();
        await using var to = await target.ReopenAsync();
        Assert.Equal(headers.Select(h => h.Id).Order(), (await to.ListSnapshotsAsync(Token)).Select(h => h.Id).Order());
        foreach (var header in headers)
        {
            Assert.Equal(await DescribeAsync(await from.OpenSnapshotAsync(header.Id, Token)), await DescribeAsync(await to.OpenSnapshotAsync(header.Id, Token)));
        }
    }

    /// <summary>Everything but identifiers of blobs.</summary>
    private static async Task<string> DescribeAsync(Snapshot snapshot)
    {
        var header = snapshot.Header;
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{header.Id} {header.Timestamp} {header.DurationNanoseconds} {header.Name} {header.Job} {header.Source.Type} {header.Source.Origin} {header.Source.Directory}");
        text.AppendLine(string.Join(' ', header.Tags ?? [])).AppendLine(string.Join(' ', header.Context ?? []));
        text.AppendLine(CultureInfo.InvariantCulture, $"{header.Source.Summary}");
        await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
        {
            text.Append(CultureInfo.InvariantCulture, $"{entry.Path} {entry.Size} {entry.Mode:x} {entry.ModTime} {entry.UserId} {entry.GroupId} {entry.UserName} {entry.LinkCount} {entry.SymlinkTarget} {entry.ContentType} {entry.Entropy:r} {entry.Chunks} ");
            text.Append(string.Join(',', entry.ExtendedAttributes ?? []));
            if (entry.Kind == EntryKind.File)
                text.Append(' ').Append(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await TreeChanges.ReadAsync(snapshot, entry))));
            text.AppendLine();
        }

        await foreach (var error in snapshot.ListErrorsAsync(Token))
            text.AppendLine(CultureInfo.InvariantCulture, $"error {error.Path} {error.Message}");
        await foreach (var attribute in snapshot.ListExtendedAttributesAsync(Token))
        {
            await using var value = await snapshot.Trees[0].OpenExtendedAttributeAsync(attribute, Token);
            using var bytes = new MemoryStream();
            await value.CopyToAsync(bytes, Token);
            text.AppendLine(CultureInfo.InvariantCulture, $"attribute {attribute.Path} {attribute.Name} {Convert.ToHexString(bytes.ToArray())}");
        }

        return text.ToString();
    }

    private static List<string> Files(string root) =>
        [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/locks/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static void DeleteLocks(string root)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "locks")))
            File.Delete(file);
    }
}
