using System.Globalization;
using Evidence;
using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Maintenance;

/// <summary>
/// Processes that die at any request: what was committed is whole, and the next run goes on once the dead one's lock is old. 50 deaths in a normal
/// run, 1,000 with KLOSET_TEST_LONG=1.
/// </summary>
public sealed class KillTests(KillTests.Tally tally) : IClassFixture<KillTests.Tally>
{
    private const int DeathsEach = 25;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds { get; } =
        [.. Enumerable.Range(1, EvidencePage.IsLong ? 1000 / DeathsEach : 2)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whenever_a_backup_a_forget_or_a_maintenance_dies_nothing_committed_is_lost_and_the_next_run_succeeds(int seed)
    {
        var life = await Life.BeginAsync(seed);
        await using var end = life;
        // Some are done before their time has come; they do not count.
        for (var round = 0; life.Deaths.Values.Sum() < DeathsEach; round++)
        {
            Assert.True(round < DeathsEach * 4, string.Join(", ", life.Deaths));
            await life.DieAsync();
            await life.RunOnAsync();
        }

        await life.SweepAsync();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}: {string.Join(", ", life.Deaths)}, {life.Removed} packfiles removed, {life.Committed} snapshots at the end");
        Assert.True(life.Removed > 0, "no maintenance removed anything: nothing was shown");
        tally.Add(life.Deaths, life.Removed, life.Checked);
    }

    /// <summary>What all seeds together did; written down as a long run goes on.</summary>
    public sealed class Tally
    {
        private readonly SortedDictionary<Work, int> _deaths = [];
        private int _seeds;
        private long _removed;
        private long _checked;

        internal void Add(IReadOnlyDictionary<Work, int> deaths, int removed, int verified)
        {
            foreach (var (work, count) in deaths)
                _deaths[work] = _deaths.GetValueOrDefault(work) + count;
            _seeds++;
            _removed += removed;
            _checked += verified;
            EvidencePage.Write("kills", "Deaths at any request", "KLOSET_TEST_LONG=1, KillTests", string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {_deaths.Values.Sum():N0} deaths in {_seeds} repositories (half of them encrypted), each at a random request to the store, the request done or not done, half a temporary
                file left behind or not: {string.Join(", ", _deaths.Select(death => $"{death.Value:N0} in a {death.Key.ToString().ToLowerInvariant()}"))}. Half of the backups put every blob into a packfile of its own; half of the
                maintenances gave no grace, the others seven days, which an injected clock let pass; at the end of each repository all but the newest snapshot was forgotten and swept. {_removed:N0} packfiles were removed on the way.

                After each death and after each run that followed it, the repository was opened anew, `check --full` read every byte, and every file of every snapshot that had been
                committed was read and compared with what was backed up: {_checked:N0} snapshots in all. Nothing was lost, and every next run succeeded once the dead one's lock was old.
                """));
        }
    }

    internal enum Work
    {
        Backup,
        Forget,
        Maintain,
    }

    /// <summary>One repository, and what must be in it.</summary>
    private sealed class Life(TestRepository test, FakeTimeProvider time, Random random) : IAsyncDisposable
    {
        private static readonly TimeSpan Grace = TimeSpan.FromDays(7);

        private readonly Dictionary<SnapshotId, SortedDictionary<string, byte[]>> _committed = [];
        private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);
        private int _typical = 20;

        public Dictionary<Work, int> Deaths { get; } = Enum.GetValues<Work>().ToDictionary(work => work, _ => 0);

        public int Committed => _committed.Count;

        public int Removed { get; private set; }

        /// <summary>Snapshots that were read and compared.</summary>
        public int Checked { get; private set; }

        public static async Task<Life> BeginAsync(int seed)
        {
            var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
            var test = await TestRepository.CreateAsync(seed % 2 == 0 ? "secret" : null, time);
            var life = new Life(test, time, new Random(seed));
            await life.BackupAsync(test.Store, oneBlobEach: false);
            return life;
        }

        /// <summary>Does something until it dies, and looks at what is left.</summary>
        public async Task DieAsync()
        {
            var work = (Work)random.Next(3);
            var store = new KillingStore(test.Store, test.Root, 1 + random.Next(_typical), random);
            try
            {
                await DoAsync(work, store);
            }
            catch (Exception exception) when (store.IsDead && exception is StoreException or RepositoryException or InvalidOperationException)
            {
                Deaths[work]++;
            }

            _typical = Math.Max(_typical, store.IsDead ? 0 : store.Requests);
            await VerifyAsync();
            // Until the dead one's lock is old; sometimes much longer, so that grace periods end.
            time.Advance(TimeSpan.FromMinutes(10) + (random.Next(3) == 0 ? TimeSpan.FromDays(random.Next(1, 9)) : TimeSpan.Zero));
        }

        /// <summary>The same again, and nobody dies.</summary>
        public async Task RunOnAsync()
        {
            await DoAsync((Work)random.Next(3), test.Store);
            await VerifyAsync();
        }

        /// <summary>At the end of a life, whatever chance did: most is forgotten, and swept once its grace periods are over.</summary>
        public async Task SweepAsync()
        {
            await BackupAsync(test.Store, oneBlobEach: true);
            await BackupAsync(test.Store, oneBlobEach: true);
            await using (var repository = await OpenAsync(test.Store))
            {
                var doomed = (await repository.ListSnapshotsAsync(Token)).SkipLast(1).Select(header => header.Id).ToList();
                await repository.ForgetAsync(doomed, Token);
                doomed.ForEach(id => _committed.Remove(id));
                for (var round = 0; round < 3; round++)
                {
                    time.Advance(Grace + TimeSpan.FromMinutes(1));
                    Removed += (await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = Grace }, null, Token)).Removed.Packfiles;
                    await VerifyAsync();
                }
            }
        }

        public ValueTask DisposeAsync() => test.DisposeAsync();

        private Task DoAsync(Work work, IStore store) => work switch
        {
            Work.Backup => BackupAsync(store, random.Next(2) == 0),
            Work.Forget => ForgetAsync(store),
            _ => MaintainAsync(store),
        };

        /// <param name="oneBlobEach">Every blob in a packfile of its own: what a maintenance overlooks is not saved by what lies beside it.</param>
        private async Task BackupAsync(IStore store, bool oneBlobEach)
        {
            var changes = new Dictionary<string, byte[]?>();
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                var path = $"/folder {random.Next(3)}/file {random.Next(12)}";
                changes[path] = random.Next(4) == 0 && _files.ContainsKey(path) ? null : TreeChanges.Noise(random.Next(), random.Next(4) == 0 ? 300_000 : random.Next(3000));
            }

            var files = new SortedDictionary<string, byte[]>(_files, StringComparer.Ordinal);
            foreach (var (path, content) in changes)
            {
                if (content is null)
                    files.Remove(path);
                else
                    files[path] = content;
            }

            await using var repository = await OpenAsync(store);
            await using var writer = await repository.BeginWriteAsync(oneBlobEach ? test.OneBlobEach : test.Options, Token);
            var newest = await repository.ListSnapshotsAsync(Token) is [.., var last] ? last : null;
            // Not every backup has what the last one had: the basis is what is there.
            var basis = newest is null ? null : await repository.OpenSnapshotAsync(newest.Id, Token);
            var held = newest is null ? [] : _committed[newest.Id];
            var tree = new List<TreeChange>();
            tree.AddRange(held.Keys.Where(path => !files.ContainsKey(path)).Select(path => new Remove(EntryPath.Parse(path))));
            foreach (var (path, content) in files.Where(file => !held.TryGetValue(file.Key, out var known) || !known.AsSpan().SequenceEqual(file.Value)))
            {
                tree.Add(await writer.FileAsync(path, content));
                if (random.Next(4) == 0)
                    await writer.CheckpointAsync(Token);
            }

            var before = _committed.Keys.ToHashSet();
            try
            {
                time.Advance(TimeSpan.FromSeconds(1));
                var header = await writer.CommitAsync(TestRepository.Draft, basis, TreeChanges.Of(tree), Token);
                _committed[header.Id] = files;
                Take(files);
            }
            catch (Exception exception) when (exception is StoreException or RepositoryException or InvalidOperationException)
            {
                // The state may have been stored although nobody was told.
                await using var fresh = await test.ReopenAsync();
                foreach (var header in await fresh.ListSnapshotsAsync(Token))
                {
                    if (before.Contains(header.Id))
                        continue;
                    _committed[header.Id] = files;
                    Take(files);
                }

                throw;
            }
        }

        private void Take(SortedDictionary<string, byte[]> files)
        {
            _files.Clear();
            foreach (var (path, content) in files)
                _files.Add(path, content);
        }

        private async Task ForgetAsync(IStore store)
        {
            var doomed = _committed.Keys.Order().Where(_ => random.Next(3) == 0).Take(Math.Max(0, _committed.Count - 2)).ToList();
            try
            {
                await using var repository = await OpenAsync(store);
                await repository.ForgetAsync(doomed, Token);
                doomed.ForEach(id => _committed.Remove(id));
            }
            catch (Exception exception) when (exception is StoreException or RepositoryException)
            {
                await using var fresh = await test.ReopenAsync();
                var listed = (await fresh.ListSnapshotsAsync(Token)).Select(header => header.Id).ToHashSet();
                doomed.Where(id => !listed.Contains(id)).ToList().ForEach(id => _committed.Remove(id));
                throw;
            }
        }

        private async Task MaintainAsync(IStore store)
        {
            await using var repository = await OpenAsync(store);
            Removed += (await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = random.Next(2) == 0 ? TimeSpan.Zero : Grace }, null, Token)).Removed.Packfiles;
        }

        private Task<Repository> OpenAsync(IStore store) => Repository.OpenAsync(store, test.Passphrase, test.Services, Token);

        /// <summary>The repository opens, every stored byte is right, and every snapshot that was committed holds what it held.</summary>
        private async Task VerifyAsync()
        {
            await using var repository = await test.ReopenAsync();
            var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
            Assert.True(report.IsClean, string.Join('\n', report.Findings));
            Assert.Equal(_committed.Keys.Order(), (await repository.ListSnapshotsAsync(Token)).Select(header => header.Id).Order());
            foreach (var (id, files) in _committed)
            {
                Checked++;
                var snapshot = await repository.OpenSnapshotAsync(id, Token);
                var entries = (await TreeChanges.WalkAsync(snapshot)).Values.Where(entry => entry.Kind == EntryKind.File).ToDictionary(entry => entry.Path.ToString());
                Assert.Equal(files.Keys, entries.Keys.Order(StringComparer.Ordinal));
                foreach (var (path, entry) in entries)
                    Assert.Equal(files[path], await TreeChanges.ReadAsync(snapshot, entry));
            }
        }
    }
}
