using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Evidence;
using Kloset.Checking;
using Kloset.Encryption;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Tests.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Checking;

/// <summary>
/// Single bits of a small repository are turned over, one at a time, in every kind of file: CONFIG, packfiles of data and of metadata (needed, coloured,
/// and named by no state), states of backups, removals and maintenance, and a lock. 510 flips, or 10,200 with KLOSET_TEST_LONG.
/// </summary>
public sealed class BitFlipTests(BitFlipTests.Tally tally) : IClassFixture<BitFlipTests.Tally>
{
    private const int Kinds = 3;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static int Flips => (EvidencePage.IsLong ? 10_200 : 510) / Kinds;

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_flipped_bit_is_reported_by_a_full_check_and_never_read_as_something_else(bool encrypted, bool compressed)
    {
        var passphrase = encrypted ? "secret"u8.ToArray() : (ReadOnlyMemory<byte>?)null;
        var services = new EngineServices(TimeProvider.System, RandomSource.System, "test-host") { Parallelism = 1 };
        var (whole, expected) = await MakeAsync(passphrase, compressed, services);
        foreach (var (path, digest) in await ReadAsync(whole, passphrase, services))
            expected[path] = digest;
        Assert.True(expected.Count > 5);
        var baseline = await FindingsAsync(whole, passphrase, services);
        Assert.NotNull(baseline);
        var kinds = whole.Items.GroupBy(item => item.Key.Split('/')[0]).OrderBy(group => group.Key, StringComparer.Ordinal).ToList();
        Assert.Equal(["CONFIG", "locks", "packfiles", "states"], kinds.Select(kind => kind.Key));
        var random = new Random(20261123);
        var silent = new ConcurrentBag<string>();
        var flipped = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var refused = 0;
        for (var flip = 0; flip < Flips; flip++)
        {
            // Most bytes are in packfiles; every kind gets its share.
            var kind = flip % 5 < 3 ? kinds[2] : kinds[flip % 4];
            var (key, original) = kind.OrderBy(item => item.Key, StringComparer.Ordinal).ElementAt(random.Next(kind.Count()));
            var at = flip % 2 == 0 ? random.Next(original.Length) : original.Length - 1 - random.Next(Math.Min(original.Length, 900));
            var damaged = original.ToArray();
            damaged[at] ^= (byte)(1 << random.Next(8));
            var where = $"{key} byte {at} of {original.Length} (flip {flip})";
            whole.Items[key] = damaged;
            using var hang = CancellationTokenSource.CreateLinkedTokenSource(Token);
            hang.CancelAfter(TimeSpan.FromMinutes(2));
            var found = await FindingsAsync(whole, passphrase, services).WaitAsync(hang.Token);
            flipped[kind.Key] = flipped.GetValueOrDefault(kind.Key) + 1;
            if (found is null)
                refused++;
            else if (found.IsSubsetOf(baseline))
                silent.Add(where);
            foreach (var (path, digest) in await ReadAsync(whole, passphrase, services).WaitAsync(hang.Token))
                Assert.True(expected[path] == digest, $"{where}: {path} was read as something else");
            whole.Items[key] = original;
        }

        Assert.Empty(silent);
        tally.Add((encrypted ? "encrypted" : "plaintext") + (compressed ? ", compressed" : ""), flipped, refused);
    }

    /// <summary>What all kinds together did; written down at the end of a long run.</summary>
    public sealed class Tally : IDisposable
    {
        private readonly List<string> _rows = [];
        private int _flips;
        private int _kinds;

        internal void Add(string repository, SortedDictionary<string, int> flipped, int refused)
        {
            _kinds++;
            _flips += flipped.Values.Sum();
            _rows.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"| {repository} | {string.Join(" | ", new[] { "CONFIG", "packfiles", "states", "locks" }.Select(kind => flipped.GetValueOrDefault(kind).ToString("N0", CultureInfo.InvariantCulture)))} | {refused:N0} |"));
        }

        public void Dispose()
        {
            if (_kinds < Kinds)
                return;
            EvidencePage.Write("flips", "Bits turned over", "KLOSET_TEST_LONG=1, BitFlipTests", string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {_flips:N0} single bits of small repositories with needed, marked and undeclared packfiles, states of backups, removals and maintenance, and a lock. Each flip was reported by
                `check --full` or made the repository refuse to open; everything that could still be read, of every snapshot, was read and was what it had been; nothing crashed or hung.

                | repository | CONFIG | packfiles | states | locks | of these refused at once |
                |---|---|---|---|---|---|
                {string.Join('\n', _rows.Order(StringComparer.Ordinal))}
                """));
        }
    }

    /// <summary>Also what the removed snapshot held: when the state that removed it is damaged, it can be seen again.</summary>
    private static async Task<(MemoryStore Store, Dictionary<string, string> Removed)> MakeAsync(ReadOnlyMemory<byte>? passphrase, bool compressed, EngineServices services)
    {
        var store = new MemoryStore();
        var creation = new RepositoryCreation { Passphrase = passphrase, KeyDerivation = passphrase is null ? null : new Pbkdf2Parameters(default, 10), Packfile = new(0, 0, 1 << 20) };
        await using var repository = await Repository.CreateAsync(store, compressed ? creation : creation with { Compression = null }, services, Token);
        var gone = await CommitAsync(repository, "/gone.bin", 3);
        await CommitAsync(repository, "/one.bin", 1);
        var removed = await ReadAsync(store, passphrase, services);
        await repository.ForgetAsync([gone], Token);
        await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token); // marks, and leaves a state of maintenance
        await CommitAsync(repository, "/two.bin", 2);
        var states = store.Items.Keys.ToHashSet();
        await CommitAsync(repository, "/orphan.bin", 4);
        foreach (var key in store.Items.Keys.Where(k => k.StartsWith("states/", StringComparison.Ordinal) && !states.Contains(k)))
            store.Items.TryRemove(key, out _);
        await using (await repository.LockSharedAsync(Token))
        {
            foreach (var (key, bytes) in store.Items.Where(i => i.Key.StartsWith("locks/", StringComparison.Ordinal)).ToList())
                store.Items["locks/" + new string('a', 64)] = bytes;
        }

        return (store, removed);
    }

    private static async Task<SnapshotId> CommitAsync(Repository repository, string path, int seed)
    {
        await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
        return (await writer.CommitAsync(
            TestRepository.Draft, null,
            TreeChanges.Of([await writer.FileAsync(path, TreeChanges.Noise(seed, 3000)), await writer.FileAsync("/d/text", "the same in all"u8.ToArray()), await writer.FileAsync("/d/empty", []), new PutError(EntryPath.Parse("/lost"), "lost")]),
            Token)).Id;
    }

    /// <summary>What a full check says; null: the repository is refused at once.</summary>
    private static async Task<HashSet<(CheckFindingKind, string)>?> FindingsAsync(MemoryStore store, ReadOnlyMemory<byte>? passphrase, EngineServices services)
    {
        try
        {
            await using var repository = await Repository.OpenAsync(store, passphrase, services, Token);
            var report = await repository.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
            return [.. report.Findings.Select(f => (f.Kind, f.Object))];
        }
        catch (RepositoryException)
        {
            return null;
        }
    }

    /// <summary>Everything that can be read, by snapshot and path; what is refused is left out.</summary>
    private static async Task<Dictionary<string, string>> ReadAsync(MemoryStore store, ReadOnlyMemory<byte>? passphrase, EngineServices services)
    {
        var contents = new Dictionary<string, string>();
        try
        {
            await using var repository = await Repository.OpenAsync(store, passphrase, services, Token);
            await repository.RefreshAsync(Token);
            foreach (var id in repository.Index.Snapshots())
            {
                try
                {
                    var snapshot = await repository.OpenSnapshotAsync(id, Token);
                    await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
                    {
                        contents[$"{id}:{entry.Path} as"] = $"{entry.Kind} {entry.Mode} {entry.Size}";
                        if (entry.Kind != EntryKind.File)
                            continue;
                        try
                        {
                            contents[$"{id}:{entry.Path}"] = Convert.ToHexString(SHA256.HashData(await TreeChanges.ReadAsync(snapshot, entry)));
                        }
                        catch (Exception exception) when (exception is RepositoryException or StoreException)
                        {
                            // Said, not read as something else.
                        }
                    }
                }
                catch (Exception exception) when (exception is RepositoryException or StoreException)
                {
                    // The same of a tree or a header.
                }
            }
        }
        catch (Exception exception) when (exception is RepositoryException or StoreException)
        {
            // The same of CONFIG.
        }

        return contents;
    }
}
