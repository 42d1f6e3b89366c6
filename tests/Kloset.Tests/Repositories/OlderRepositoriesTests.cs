using System.Buffers.Binary;
using System.Text;
using Kloset.Checking;
using Kloset.Envelopes;
using Kloset.Hashing;
using Kloset.Maintenance;
using Kloset.Msgpack;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Tests.Interop;
using Kloset.Tests.Writing;

namespace Kloset.Tests.Repositories;

/// <summary>What the format allows and nobody writes any more, or hardly anybody ever wrote.</summary>
public sealed class OlderRepositoriesTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The mark _PLAKAR_, and states of version 1.0.0, which name no parent.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_repository_of_the_first_version_is_read_checked_gone_on_with_and_opened_by_plakar(bool byPlakar)
    {
        await using var test = await TestRepository.CreateAsync();
        using var plakar = byPlakar ? new Plakar(test.Root, null) : null;
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a.txt", "some text"u8.ToArray())]), Token);
        await MakeOlderAsync(test);

        await using var reopened = await test.ReopenAsync();
        var header = Assert.Single(await reopened.ListSnapshotsAsync(Token));
        var report = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        var snapshot = await reopened.OpenSnapshotAsync(header.Id, Token);
        var entry = await snapshot.FindAsync(EntryPath.Parse("/a.txt"), Token);
        Assert.Equal("some text"u8.ToArray(), await TreeChanges.ReadAsync(snapshot, entry!));
        await using (var writer = await reopened.BeginWriteAsync(test.Options, Token))
        {
            var known = await writer.FileAsync("/b.txt", "some text"u8.ToArray());
            Assert.Equal(0, known.Object.NewBytes);
            await writer.CommitAsync(TestRepository.Draft, snapshot, TreeChanges.Of([known]), Token);
        }

        plakar?.Run("check");
        Assert.Equal(2, (await reopened.ListSnapshotsAsync(Token)).Count);
    }

    [Fact]
    public async Task A_deletion_in_a_state_of_the_first_version_is_passed_over_as_its_own_readers_do()
    {
        await using var test = await TestRepository.CreateAsync();
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a.txt", "some text"u8.ToArray())]), Token);
        var packfile = test.Repository.Index.Packfiles().First(p => p.Packfile.IsVisible).Packfile.Id;
        using var builder = new StateBuilder(Mac.Zero);
        builder.Delete(new DeleteEntry(StateEntryKind.Packfile, 0, Mac.Zero, packfile));
        builder.Trailer(new StateTrailer(StateParser.FirstVersion, 1, Guid.Empty));
        var id = test.Services.Random.NextMac();
        using var state = StateLoader.Seal(test.Repository.Codec, builder.Journal[Mac.Size..]);
        var bytes = state.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), StateParser.FirstVersion);
        Retag(test, bytes);
        await test.Store.PutAsync(StateLoader.KeyOf(in id), new(bytes), Token);

        await using var reopened = await test.ReopenAsync();
        Assert.Single(await reopened.ListSnapshotsAsync(Token));
        Assert.True((await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
    }

    [Fact]
    public async Task Of_a_snapshot_with_several_sources_all_trees_are_checked_compared_and_kept()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Start);
        await using var test = await TestRepository.CreateAsync(time: time);
        SnapshotHeader first, second;
        await using (var writer = await test.Repository.BeginWriteAsync(test.OneBlobEach, Token))
        {
            first = await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a.txt", "text of a"u8.ToArray())]), Token);
            second = await writer.CommitAsync(TestRepository.Draft with { Origin = "another" }, null, TreeChanges.Of([await writer.FileAsync("/b.txt", "text of b"u8.ToArray())]), Token);
        }

        var both = first with { Id = new SnapshotId(test.Services.Random.NextMac()), Sources = [first.Source, second.Source] };
        await StoreAsync(test, both);
        await using var reopened = await test.ReopenAsync();
        await reopened.ForgetAsync([first.Id, second.Id], Token);
        for (var i = 0; i < 4; i++)
        {
            await reopened.MaintainAsync(new MaintenanceOptions(), null, Token);
            time.Advance(TimeSpan.FromDays(8));
        }

        var header = Assert.Single(await reopened.ListSnapshotsAsync(Token));
        Assert.Equal(2, header.Sources!.Count);
        var snapshot = await reopened.OpenSnapshotAsync(header.Id, Token);
        var report = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.DoesNotContain(report.Findings, finding => finding.IsError);
        Assert.Equal(2, report.Files);
        Assert.Equal("text of b"u8.ToArray(), await TreeChanges.ReadAsync(snapshot, (await snapshot.Trees[1].FindAsync(EntryPath.Parse("/b.txt"), Token))!));

        // Damage in the second tree is damage of the snapshot.
        Assert.True(reopened.Index.TryFind(BlobType.Chunk, Content("text of b", reopened), out var location));
        File.Delete(Path.Combine(test.Root, PackfileIndex.KeyOf(location.Packfile)));
        var damaged = await reopened.CheckAsync(new CheckOptions { Level = CheckLevel.Structure }, null, Token);
        Assert.Contains(damaged.Findings, finding => finding.IsError && finding.Snapshots.Contains(header.Id) && finding.Paths.Contains(EntryPath.Parse("/b.txt")));

        // A copy has one source: it is refused rather than made of half.
        await using var target = await TestRepository.CreateAsync();
        var refusal = await Assert.ThrowsAsync<RepositoryException>(() => reopened.CopyToAsync(target.Repository, new() { Snapshots = [header.Id] }, null, Token));
        Assert.Equal(RepositoryFailure.Unsupported, refusal.Failure);
        Assert.Contains("2 sources", refusal.Message, StringComparison.Ordinal);
    }

    private static Mac Content(string text, Repository repository) => repository.Codec.ComputeMac(Encoding.UTF8.GetBytes(text));

    /// <summary>Adds a header, and a state that names it.</summary>
    private static async Task StoreAsync(TestRepository test, SnapshotHeader header)
    {
        var writer = new MsgpackWriter(4096);
        HeaderCodec.Write(writer, header);
        using var stored = new PooledBuffer();
        test.Repository.Codec.Encode(writer.Written, stored);
        using var packfile = new PackfileBuilder(test.Repository.Codec, test.Services.Random, 1 << 20);
        var now = Timestamp.From(test.Services.Time.GetUtcNow()).UnixNanoseconds;
        var offset = packfile.Append(BlobType.Snapshot, header.Id.Value, stored.Span);
        var content = packfile.Seal(now, out var id);
        await test.Store.PutAsync(PackfileIndex.KeyOf(in id), content, Token);
        var state = test.Services.Random.NextMac();
        using var builder = new StateBuilder(Mac.Zero);
        builder.Location(new LocationEntry(BlobType.Snapshot, 0x10000, header.Id.Value, id, offset, (uint)stored.Length, 0));
        builder.Packfile(new PackfileEntry(id, state, now));
        builder.Trailer(new StateTrailer(StateParser.NewestVersion, now, test.Repository.Id));
        using var resource = StateLoader.Seal(test.Repository.Codec, builder.Journal);
        await test.Store.PutAsync(StateLoader.KeyOf(in state), StateLoader.Sequence(resource), Token);
    }

    private static async Task MakeOlderAsync(TestRepository test)
    {
        foreach (var path in Directory.EnumerateFiles(test.Root, "*", SearchOption.AllDirectories))
        {
            var bytes = await File.ReadAllBytesAsync(path, Token);
            if (Path.GetRelativePath(test.Root, path).StartsWith("states", StringComparison.Ordinal))
            {
                using var clear = new PooledBuffer();
                test.Repository.Codec.Decode(StorageEnvelope.Payload(bytes), clear, 1 << 20);
                using var state = StateLoader.Seal(test.Repository.Codec, clear.Span[Mac.Size..]);
                bytes = state.ToArray();
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), StateParser.FirstVersion);
            }

            "_PLAKAR_"u8.CopyTo(bytes);
            if (Path.GetFileName(path) == "CONFIG")
                Blake3.Hash(bytes.AsSpan()[..^StorageEnvelope.TagSize], bytes.AsSpan()[^StorageEnvelope.TagSize..]);
            else
                Retag(test, bytes);
            await File.WriteAllBytesAsync(path, bytes, Token);
        }
    }

    private static void Retag(TestRepository test, byte[] resource) =>
        test.Repository.Codec.ComputeMac(resource.AsSpan()[..^StorageEnvelope.TagSize]).CopyTo(resource.AsSpan()[^StorageEnvelope.TagSize..]);
}
