using System.Buffers;
using CsCheck;
using Kloset.Checking;
using Kloset.Locks;
using Kloset.Maintenance;
using Kloset.Msgpack;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Maintenance;

public sealed class MaintenanceTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Grace = MaintenanceOptions.DefaultGracePeriod;

    private readonly FakeTimeProvider _time = new(Start);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_forgotten_snapshot_alone_needed_is_marked_after_one_grace_period_and_removed_after_another()
    {
        await using var test = await TestRepository.CreateAsync("secret", _time);
        var first = await BackupAsync(test, ("/a", 1));
        var second = await BackupAsync(test, ("/b", 2), ("/c", 3));
        Assert.Equal([first], await test.Repository.ForgetAsync([first], Token));
        Assert.Empty(await test.Repository.ForgetAsync([first], Token));
        Assert.Equal([second], (await test.Repository.ListSnapshotsAsync(Token)).Select(header => header.Id));

        var early = await MaintainAsync(test);
        Assert.Equal(0, early.Marked.Packfiles);
        Assert.True(early.Young.Packfiles > 0);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var planned = await test.Repository.MaintainAsync(new MaintenanceOptions { DryRun = true }, null, Token);
        var marking = await MaintainAsync(test);
        Assert.Equal(planned with { DryRun = false, Warnings = [] }, marking with { Warnings = [] });
        Assert.True(marking.Marked.Packfiles > 0 && marking.Removed.Packfiles == 0);
        var files = PackfilesOf(test);
        Assert.Equal(0, (await MaintainAsync(test)).Marked.Packfiles);
        _time.Advance(Grace);
        var waiting = await MaintainAsync(test);
        Assert.Equal(marking.Marked, waiting.Waiting);
        Assert.Equal(_time.GetUtcNow(), waiting.NextRemoval);
        Assert.Equal(files, PackfilesOf(test));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(marking.Marked, (await MaintainAsync(test)).Removed);
        Assert.Equal(files - marking.Marked.Packfiles, PackfilesOf(test));
        await AssertWholeAsync(test, second);
    }

    [Fact]
    public async Task What_is_marked_counts_as_gone_for_new_backups_and_comes_back_when_a_snapshot_needs_it_after_all()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var forgotten = await BackupAsync(test, ("/a", 1));
        var kept = await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync([forgotten], Token);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));

        // A client without our lock deduplicates against what a maintenance marks meanwhile, as plakar can.
        await using var other = await test.ReopenAsync();
        await other.RefreshAsync(Token);
        var marked = await MaintainAsync(test);
        Assert.True(marked.Marked.Packfiles > 0);
        var late = await CommitWithoutLookingAsync(test, other, forgotten);
        await using (var blind = await test.ReopenAsync())
            Assert.False((await blind.CheckAsync(new CheckOptions { Level = CheckLevel.Data }, null, Token)).IsClean);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var rescuing = await MaintainAsync(test);
        Assert.True(rescuing.Rescued.Packfiles > 0);
        Assert.Equal(0, rescuing.Removed.Packfiles);
        await AssertWholeAsync(test, kept, late);

        // And a backup of today stores again what is marked.
        await test.Repository.ForgetAsync([late], Token);
        Assert.True((await MaintainAsync(test)).Marked.Packfiles > 0);
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        Assert.Equal(20_000, (await writer.FileAsync("/a", Content(1))).Object.NewBytes);
    }

    [Fact]
    public async Task A_mark_is_taken_back_by_a_client_whose_clock_is_behind_too()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var forgotten = await BackupAsync(test, ("/a", 1));
        var kept = await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync([forgotten], Token);
        await using var other = await test.ReopenAsync();
        await other.RefreshAsync(Token);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        Assert.True((await MaintainAsync(test)).Marked.Packfiles > 0);
        var late = await CommitWithoutLookingAsync(test, other, forgotten);
        var behind = test.Services with { Time = new FakeTimeProvider(_time.GetUtcNow() - TimeSpan.FromHours(2)) };
        await using (var slow = await Repository.OpenAsync(test.Store, null, behind, Token))
            Assert.True((await slow.MaintainAsync(new MaintenanceOptions(), null, Token)).Rescued.Packfiles > 0);
        await AssertWholeAsync(test, kept, late);
    }

    [Fact]
    public async Task What_a_dead_writer_left_is_kept_for_its_next_try_and_reclaimed_later()
    {
        await using var test = await TestRepository.CreateAsync("secret", _time);
        var kept = await BackupAsync(test, ("/b", 2));
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            await writer.FileAsync("/big", TreeChanges.Noise(7, 200_000));
            await writer.CheckpointAsync(Token);
        }

        // Contents and what describes them are declared; this one is stored, and its state never was.
        var orphan = await LeaveOrphanAsync(test);
        var before = PackfilesOf(test);
        _time.Advance(Grace);
        var early = await MaintainAsync(test);
        Assert.Equal((0, 3), (early.Marked.Packfiles, early.Young.Packfiles));
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
            Assert.Equal(0, (await writer.FileAsync("/big", TreeChanges.Noise(7, 200_000))).Object.NewBytes);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, (await MaintainAsync(test)).Marked.Packfiles);
        Assert.Equal(before, PackfilesOf(test));
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        Assert.Equal(3, (await MaintainAsync(test)).Removed.Packfiles);
        Assert.Equal(before - 3, PackfilesOf(test));
        Assert.False(File.Exists(Path.Combine(test.Root, PackfileIndex.KeyOf(orphan))));
        await AssertWholeAsync(test, kept);
    }

    [Fact]
    public async Task A_removal_that_was_interrupted_is_finished_by_the_next_maintenance()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var forgotten = new List<SnapshotId>();
        for (var seed = 10; seed < 24; seed++)
            forgotten.Add(await BackupAsync(test, ("/a", seed)));
        var kept = await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync(forgotten, Token);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var marked = (await MaintainAsync(test)).Marked.Packfiles;
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var before = PackfilesOf(test);
        var store = new PausableStore(test.Store);
        await using (var repository = await Repository.OpenAsync(store, null, test.Services, Token))
        {
            // The state that removes them is stored, and then nothing more can be deleted.
            var states = Directory.GetFiles(Path.Combine(test.Root, "states"), "*", SearchOption.AllDirectories).Length;
            var progress = new Stopper(store);
            await Assert.ThrowsAsync<StoreException>(() => repository.MaintainAsync(new MaintenanceOptions(), progress, Token));
            Assert.Equal(states + 1, Directory.GetFiles(Path.Combine(test.Root, "states"), "*", SearchOption.AllDirectories).Length);
        }

        await AssertWholeAsync(test, kept);
        Assert.True(PackfilesOf(test) > before - marked);
        _time.Advance(TimeSpan.FromMinutes(10));
        await MaintainAsync(test);
        Assert.Equal(before - marked, PackfilesOf(test));
        await AssertWholeAsync(test, kept);
    }

    [Fact]
    public async Task In_whatever_order_a_client_replays_the_states_what_was_removed_is_gone_or_marked()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var random = new Random(5);
        var snapshots = new List<SnapshotId>();
        for (var round = 0; round < 12; round++)
        {
            snapshots.Add(await BackupAsync(test, ("/a", round), ("/b", round / 3), ("/c", 100 + random.Next(3))));
            if (round % 3 == 2)
            {
                await test.Repository.ForgetAsync([snapshots[random.Next(snapshots.Count)]], Token);
                _time.Advance(Grace + TimeSpan.FromSeconds(1));
                await MaintainAsync(test);
            }
        }

        var states = new List<(Mac Id, StateContent Content)>();
        await foreach (var item in test.Store.ListAsync(StateLoader.Prefix, Token))
            states.Add((Mac.Parse(item.Key.AsSpan(item.Key.LastIndexOf('/') + 1)), (await test.Repository.States.ReadAsync(item.Key, Token))!));
        var removed = states.SelectMany(state => state.Content.Deletes).Where(entry => entry.Kind == StateEntryKind.Packfile).Select(entry => entry.Packfile).ToHashSet();
        Assert.NotEmpty(removed);
        // A mark of something removed is only ever exchanged, for one that no client acts on.
        foreach (var (_, content) in states)
        {
            Assert.Subset(
                content.Coloured.Where(entry => entry.Time == MaintenancePlanner.Never.UnixNanoseconds).Select(entry => entry.Id).ToHashSet(),
                content.Deletes.Where(entry => entry.Kind == StateEntryKind.Coloured && removed.Contains(entry.Blob)).Select(entry => entry.Blob).ToHashSet());
        }

        Assert.All(removed, id => Assert.False(File.Exists(Path.Combine(test.Root, PackfileIndex.KeyOf(id)))));
        for (var shuffle = 0; shuffle < 200; shuffle++)
        {
            var order = states.ToArray();
            random.Shuffle(order);
            // As plakar does it: one state after the other, what is deleted before it was added comes back.
            HashSet<Mac> known = [];
            Dictionary<Mac, long> coloured = [];
            var index = new RepositoryIndex();
            foreach (var (id, content) in order)
            {
                known.ExceptWith(content.Deletes.Where(entry => entry.Kind == StateEntryKind.Packfile).Select(entry => entry.Packfile));
                foreach (var entry in content.Deletes.Where(entry => entry.Kind == StateEntryKind.Coloured))
                    coloured.Remove(entry.Blob);
                foreach (var entry in content.Coloured.Where(entry => entry.Type == ColouredEntry.Packfile))
                    coloured.TryAdd(entry.Id, entry.Time);
                known.UnionWith(content.Packfiles.Select(entry => entry.Packfile));
                index.Apply(in id, content);
            }

            Assert.All(removed, id => Assert.True(!known.Contains(id) || coloured.ContainsKey(id), "a removed packfile came back"));
            Assert.All(removed, id => Assert.Equal(MaintenancePlanner.Never.UnixNanoseconds, coloured[id])); // nor is it looked for ever again
            Assert.Equal(
                test.Repository.Index.Packfiles().Where(p => p.Packfile.IsVisible).Select(p => p.Packfile.Id).Order(),
                index.Packfiles().Where(p => p.Packfile.IsVisible).Select(p => p.Packfile.Id).Order());
        }
    }

    [Fact]
    public async Task A_snapshot_that_misses_something_stops_the_maintenance_before_it_writes_anything()
    {
        await using var test = await TestRepository.CreateAsync("secret", _time);
        var forgotten = await BackupAsync(test, ("/a", 1));
        await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync([forgotten], Token);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var snapshot = await test.Repository.OpenSnapshotAsync((await test.Repository.ListSnapshotsAsync(Token))[0].Id, Token);
        var file = (await snapshot.FindAsync(EntryPath.Parse("/b"), Token))!;
        var chunk = (await snapshot.ReadObjectAsync(file.Object, Token)).Chunks![0].ContentMac;
        Assert.True(test.Repository.Index.TryFind(BlobType.Chunk, in chunk, out var place));
        File.Delete(Path.Combine(test.Root, PackfileIndex.KeyOf(place.Packfile)));
        var before = Directory.GetFiles(test.Root, "*", SearchOption.AllDirectories).Order().ToList();
        var failure = await Assert.ThrowsAsync<RepositoryException>(() => MaintainAsync(test));
        Assert.Equal(RepositoryFailure.Damaged, failure.Failure);
        Assert.Contains(chunk.ToString(), failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(test.Root, "*", SearchOption.AllDirectories).Order());
    }

    /// <summary>plakar's caches remember one place of a blob, and not which.</summary>
    [Fact]
    public async Task Every_copy_of_what_is_needed_stays()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var ids = new List<SnapshotId>();
        PutFile file;
        await using (var one = await test.Repository.BeginWriteAsync(test.OneBlobEach, Token))
        await using (var other = await test.ReopenAsync())
        await using (var two = await other.BeginWriteAsync(test.OneBlobEach, Token))
        {
            // Neither knows of the other, so both store it.
            file = await one.FileAsync("/a", Content(1));
            var same = await two.FileAsync("/a", Content(1));
            ids.Add((await one.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token)).Id);
            ids.Add((await two.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([same]), Token)).Id);
        }

        await test.Repository.ForgetAsync([ids[1]], Token);
        var removed = 0;
        for (var round = 0; round < 2; round++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            removed += (await test.Repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token)).Removed.Packfiles;
        }

        Assert.True(removed > 0);
        await using var fresh = await test.ReopenAsync();
        await fresh.RefreshAsync(Token);
        var places = fresh.Index.FindAll(BlobType.Object, file.Object.Id);
        Assert.Equal(2, places.Count);
        Assert.All(places, place => Assert.True(File.Exists(Path.Combine(test.Root, PackfileIndex.KeyOf(place.Location.Packfile)))));
        await AssertWholeAsync(test, ids[0]);
    }

    [Fact]
    public async Task When_a_state_is_lost_packfiles_without_a_state_stay()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            await writer.FileAsync("/a", Content(1));
            await writer.CheckpointAsync(Token);
        }

        var states = Directory.GetFiles(Path.Combine(test.Root, "states"), "*", SearchOption.AllDirectories);
        var kept = await BackupAsync(test, ("/b", 2));
        File.Delete(Assert.Single(states));
        _time.Advance((Grace * 2) + TimeSpan.FromDays(1));
        var before = PackfilesOf(test);
        for (var round = 0; round < 3; round++)
        {
            await using var repository = await test.ReopenAsync();
            var report = await repository.MaintainAsync(new MaintenanceOptions(), null, Token);
            Assert.Contains("is lost", Assert.Single(report.Warnings), StringComparison.Ordinal);
            Assert.Equal(0, report.Marked.Packfiles);
            _time.Advance(Grace + TimeSpan.FromDays(1));
        }

        Assert.Equal(before, PackfilesOf(test));
        await AssertWholeAsync(test, kept);
    }

    [Fact]
    public async Task A_maintenance_goes_with_no_writer_and_no_restore_and_a_dry_run_goes_with_all()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        await BackupAsync(test, ("/a", 1));
        await using (await test.Repository.LockSharedAsync(Token))
        {
            Assert.Equal(RepositoryFailure.Locked, (await Assert.ThrowsAsync<RepositoryException>(() => MaintainAsync(test))).Failure);
            await test.Repository.MaintainAsync(new MaintenanceOptions { DryRun = true }, null, Token);
        }

        await MaintainAsync(test);
        Assert.Empty(await test.Repository.ListLocksAsync(Token));
    }

    [Fact]
    public async Task A_lock_that_lapses_while_it_works_ends_a_maintenance_before_it_writes_more()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var forgotten = await BackupAsync(test, ("/a", 1));
        var kept = await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync([forgotten], Token);
        _time.Advance(Grace + TimeSpan.FromSeconds(1));
        var store = new PausableStore(test.Store);
        await using var repository = await Repository.OpenAsync(store, null, test.Services, Token);
        var asleep = new Sleeper(() =>
        {
            store.IsAway = true;
            _time.Advance(TimeSpan.FromMinutes(11));
            store.IsAway = false;
        });
        var failure = await Assert.ThrowsAsync<RepositoryException>(() => repository.MaintainAsync(new MaintenanceOptions(), asleep, Token));
        Assert.Equal(RepositoryFailure.LockLapsed, failure.Failure);
        await using var fresh = await test.ReopenAsync();
        await fresh.RefreshAsync(Token);
        Assert.DoesNotContain(fresh.Index.Packfiles(), packfile => packfile.ColouredSince is not null);
        await AssertWholeAsync(test, kept);
    }

    [Fact]
    public async Task A_writer_whose_lock_lapsed_notices_that_its_own_checkpoint_was_marked()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        await BackupAsync(test, ("/b", 2));
        var store = new PausableStore(test.Store);
        await using var repository = await Repository.OpenAsync(store, null, test.Services, Token);
        await using var writer = await repository.BeginWriteAsync(test.Options, Token);
        var file = await writer.FileAsync("/big", TreeChanges.Noise(7, 200_000));
        await writer.CheckpointAsync(Token);
        store.IsAway = true;
        for (var minute = 0; minute < 12; minute++)
            _time.Advance(TimeSpan.FromMinutes(1));
        store.IsAway = false;
        // Short-sighted, but allowed: whoever says no grace means it.
        await test.Repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
        // The next refresh comes before the commit: it must not bring the lock back as if nothing had been.
        _time.Advance(LockTimes.RefreshInterval);
        await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        var failure = await Assert.ThrowsAsync<RepositoryException>(() => writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token));
        Assert.Equal(RepositoryFailure.LockLapsed, failure.Failure);
    }

    [Fact]
    public async Task A_writer_whose_lock_somebody_deleted_takes_it_again_before_it_commits()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        await using (var writer = await test.Repository.BeginWriteAsync(test.Options, Token))
        {
            var file = await writer.FileAsync("/a", Content(1));
            foreach (var path in Directory.GetFiles(Path.Combine(test.Root, "locks")))
                File.Delete(path);
            await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token);
            Assert.Single(await test.Repository.ListLocksAsync(Token));
        }

        Assert.Empty(await test.Repository.ListLocksAsync(Token));
    }

    [Fact]
    public async Task A_writer_believes_only_what_it_reads_once_it_holds_its_lock()
    {
        await using var test = await TestRepository.CreateAsync(null, _time);
        var forgotten = await BackupAsync(test, ("/a", 1));
        var kept = await BackupAsync(test, ("/b", 2));
        await test.Repository.ForgetAsync([forgotten], Token);
        // In the last moment before the lock stands, another client marks and removes what the writer would count on.
        var store = new LockingStore(test.Store, async () =>
        {
            await using var other = await test.ReopenAsync();
            var removed = 0;
            for (var round = 0; round < 2; round++)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                removed += (await other.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token)).Removed.Packfiles;
            }

            Assert.True(removed > 0);
        });
        await using var repository = await Repository.OpenAsync(store, null, test.Services, Token);
        SnapshotId late;
        await using (var writer = await repository.BeginWriteAsync(test.Options, Token))
            late = (await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([await writer.FileAsync("/a", Content(1))]), Token)).Id;
        await AssertWholeAsync(test, kept, late);
    }

    [Fact]
    public async Task The_first_to_claim_a_repository_owns_it_until_it_is_taken_over()
    {
        await using var test = await TestRepository.CreateAsync();
        var owner = new RepositoryOwner(test.Store, _time);
        Assert.Null(await owner.ReadAsync(Token));
        Assert.Equal("cluster-a/photos/family", await owner.ClaimAsync("cluster-a/photos/family", Token));
        Assert.Equal("cluster-a/photos/family", await owner.ClaimAsync("cluster-b/photos/family", Token));
        await owner.TakeOverAsync("cluster-b/photos/family", Token);
        Assert.Equal("cluster-b/photos/family", await owner.ReadAsync(Token));
        await File.WriteAllTextAsync(Path.Combine(test.Root, "kloset-operator", "owner"), "rubbish", Token);
        Assert.Equal("(unreadable)", await owner.ClaimAsync("cluster-b/photos/family", Token));
    }

    [Fact]
    public async Task Pins_are_held_by_name_and_approved_waves_are_found_by_their_hash_alone()
    {
        await using var test = await TestRepository.CreateAsync();
        SnapshotId[] ids = [.. Enumerable.Range(0, 3).Select(_ => new SnapshotId(test.Services.Random.NextMac()))];
        var pins = new SnapshotPins(test.Store);
        await pins.AddAsync(ids[0], "restore-1", Token);
        await pins.AddAsync(ids[0], "alice", Token);
        await pins.AddAsync(ids[1], "alice", Token);
        await pins.RemoveAsync(ids[0], "alice", Token);
        var held = await pins.ListAsync(Token);
        Assert.Equal([(ids[0], "restore-1"), (ids[1], "alice")], held.Select(pin => (pin.Snapshot, pin.Holder)).OrderByDescending(pin => pin.Holder));
        await Assert.ThrowsAsync<ArgumentException>(() => pins.AddAsync(ids[0], "../states", Token));

        var waves = new ForgetWaves(test.Store);
        var hash = await waves.ProposeAsync(ids, Token);
        Assert.Equal(ids.ToHashSet(), await waves.FindAsync(hash, Token));
        Assert.Empty(await waves.FindAsync("../../CONFIG", Token));
        Assert.Empty(await waves.FindAsync("0123456789abcdef", Token));
        // Who can write to the store cannot put other snapshots under an approved hash.
        await test.Store.PutAsync("kloset-operator/forget/" + hash, new ReadOnlySequence<byte>(System.Text.Encoding.ASCII.GetBytes(ids[0].ToString())), Token);
        Assert.Empty(await waves.FindAsync(hash, Token));
    }

    [Fact]
    public void Nothing_that_is_needed_is_ever_marked_or_removed_and_nothing_before_its_grace_period() =>
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[-20, 40], Gen.Int[-21, 40], Gen.Int[-1, 30], Gen.Int[-21, 20]).Sample(
            (there, declared, deleted, needed, stored, marked, grace, retained) =>
            {
                var facts = new PackfileFacts(
                    Mac.Zero, there ? 100 : null, declared, deleted, needed && !deleted, Start.AddDays(-stored),
                    marked < -20 ? null : Start.AddDays(-marked), retained < -20 ? null : Start.AddDays(retained));
                foreach (var orphansStay in new[] { false, true })
                {
                    var fate = MaintenancePlanner.Decide(facts, Start, TimeSpan.FromDays(Math.Max(0, grace)), orphansStay);
                    if (fate is PackfileFate.Mark or PackfileFate.Remove or PackfileFate.Retained)
                        Assert.True(!facts.IsNeeded && (declared || !orphansStay));
                    if (fate == PackfileFate.Mark)
                        Assert.True(stored > Math.Max(0, grace) && facts.MarkedSince is null);
                    if (fate == PackfileFate.Remove)
                        Assert.True(marked > Math.Max(0, grace) && !(facts.RetainedUntil > Start));
                    if (fate == PackfileFate.Leftover)
                        Assert.True(deleted && there);
                    if (fate == PackfileFate.Settle)
                        Assert.True(deleted && !there && facts.MarkedSince is not null);
                }
            },
            iter: 20_000);

    private static byte[] Content(int seed) => TreeChanges.Noise(seed, 20_000);

    private async Task<SnapshotId> BackupAsync(TestRepository test, params (string Path, int Seed)[] files)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var changes = new List<TreeChange>();
        foreach (var (path, seed) in files)
            changes.Add(await writer.FileAsync(path, Content(seed)));
        return (await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of(changes), Token)).Id;
    }

    private static Task<MaintenanceReport> MaintainAsync(TestRepository test) => test.Repository.MaintainAsync(new MaintenanceOptions(), null, Token);

    private static int PackfilesOf(TestRepository test) => Directory.GetFiles(Path.Combine(test.Root, "packfiles"), "*", SearchOption.AllDirectories).Length;

    private static async Task AssertWholeAsync(TestRepository test, params SnapshotId[] snapshots)
    {
        await using var fresh = await test.ReopenAsync();
        Assert.Equal(snapshots.Order(), (await fresh.ListSnapshotsAsync(Token)).Select(header => header.Id).Order());
        var report = await fresh.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    /// <summary>A snapshot with the trees of a forgotten one, by a client that loaded its states before the maintenance.</summary>
    private static async Task<SnapshotId> CommitWithoutLookingAsync(TestRepository test, Repository stale, SnapshotId forgotten)
    {
        var header = await stale.ReadHeaderAsync(forgotten, Token);
        var id = new SnapshotId(test.Services.Random.NextMac());
        var writer = new MsgpackWriter(4096);
        HeaderCodec.Write(writer, header with { Id = id });
        using var stored = new PooledBuffer();
        stale.Codec.Encode(writer.Written, stored);
        using var builder = new PackfileBuilder(stale.Codec, test.Services.Random, 1 << 20);
        var offset = builder.Append(BlobType.Snapshot, id.Value, stored.Span);
        var now = Timestamp.From(test.Services.Time.GetUtcNow()).UnixNanoseconds;
        var content = builder.Seal(now, out var packfile);
        await test.Store.PutAsync(PackfileIndex.KeyOf(in packfile), content, Token);
        await StateWriter.PutAsync(stale, state =>
        {
            state.Location(new LocationEntry(BlobType.Snapshot, BlobTypes.Version, id.Value, packfile, offset, (uint)stored.Length, 0));
            state.Packfile(new PackfileEntry(packfile, id.Value, now));
        });
        return id;
    }

    private static async Task<Mac> LeaveOrphanAsync(TestRepository test)
    {
        using var builder = new PackfileBuilder(test.Repository.Codec, test.Services.Random, 1 << 20);
        builder.Append(BlobType.Chunk, test.Services.Random.NextMac(), new byte[100]);
        var content = builder.Seal(Timestamp.From(test.Services.Time.GetUtcNow()).UnixNanoseconds, out var id);
        await test.Store.PutAsync(PackfileIndex.KeyOf(in id), content, Token);
        return id;
    }

    /// <summary>Takes the store away when the first packfile is being removed.</summary>
    private sealed class Stopper(PausableStore store) : IProgress<MaintenanceProgress>
    {
        public void Report(MaintenanceProgress value) => store.IsAway |= value.Stage == "removing";
    }

    /// <summary>Does something right before the first lock is put.</summary>
    private sealed class LockingStore(IStore inner, Func<Task> before) : IStore
    {
        private bool _done;

        public string Location => inner.Location;

        public StoreCounters Counters => inner.Counters;

        public Task InitializeAsync(CancellationToken cancellationToken) => inner.InitializeAsync(cancellationToken);

        public IAsyncEnumerable<StoreItem> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

        public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken) => inner.OpenReadAsync(key, cancellationToken);

        public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) =>
            inner.ReadRangeAsync(key, offset, destination, cancellationToken);

        public async Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
        {
            if (!_done && key.StartsWith("locks/", StringComparison.Ordinal))
            {
                _done = true;
                await before();
            }

            await inner.PutAsync(key, content, cancellationToken);
        }

        public Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken) =>
            inner.PutIfAbsentAsync(key, content, cancellationToken);

        public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Sleeper(Action sleep) : IProgress<MaintenanceProgress>
    {
        private bool _slept;

        public void Report(MaintenanceProgress value)
        {
            if (!_slept)
                sleep();
            _slept = true;
        }
    }
}
