using System.Globalization;
using System.Security.Cryptography;
using Evidence;
using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Snapshots;
using Kloset.Tests.Storage;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Interop;

/// <summary>
/// Random histories of one repository that two programs share: each step is one program's, and a model says what every snapshot must hold. The seed
/// names the history.
/// </summary>
[Collection(S3ServerCollection.Name)]
public sealed class SharedHistoryTests(S3ServerFixture servers, SharedHistoryTests.Tally tally) : IClassFixture<SharedHistoryTests.Tally>
{
    private const string Origin = "/photos";

    private static readonly Dictionary<string, string> _tidy = new() { ["PLAKAR_LOCKLESS"] = "1", ["PLAKAR_GRACEPERIOD"] = "1s" };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>4 histories, one of each kind of place, or 50 with KLOSET_TEST_LONG.</summary>
    public static TheoryData<int> Seeds
    {
        get
        {
            var seeds = new TheoryData<int>();
            for (var seed = 0; seed < (EvidencePage.IsLong ? 50 : 4); seed++)
                seeds.Add(seed);
            return seeds;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Two_programs_on_one_repository_lose_nothing(int seed)
    {
        await using var history = await History.BeginAsync(servers, seed);
        await history.RunAsync(seed);
        tally.Add($"{(seed % 2 == 1 ? "bucket" : "folder")}, {(seed / 2 % 2 == 1 ? "encrypted" : "plaintext")}", history.Log, history.Live);
    }

    /// <summary>What all histories together did; written down as a long run goes on.</summary>
    public sealed class Tally
    {
        private static readonly string[] Steps =
            ["kloset backup", "plakar backup", "kloset forget", "plakar rm", "kloset maintain", "plakar maintenance", "kloset check", "plakar check"];

        private readonly SortedDictionary<string, Dictionary<string, int>> _places = new(StringComparer.Ordinal);
        private int _histories;

        internal void Add(string place, IReadOnlyList<string> log, int live)
        {
            _histories++;
            if (!_places.TryGetValue(place, out var counts))
                _places.Add(place, counts = []);
            foreach (var step in log)
            {
                if (Steps.FirstOrDefault(known => step.StartsWith(known, StringComparison.Ordinal)) is { } name)
                    counts[name] = counts.GetValueOrDefault(name) + 1;
            }

            counts["histories"] = counts.GetValueOrDefault("histories") + 1;
            counts["live"] = counts.GetValueOrDefault("live") + live;
            string[] columns = ["histories", .. Steps, "live"];
            EvidencePage.Write("histories", "Two programs on one repository", "KLOSET_TEST_LONG=1, SharedHistoryTests", string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {_histories} random histories of one repository that `kloset` and plakar 1.1.4 (with one cache that persists) share, in a folder and in a bucket of Ceph RGW. Either program makes the
                repository, backs up, removes snapshots, maintains with a grace period of a second, and checks, in an order that the seed gives. At the end both check all data, both list exactly
                the snapshots that must be there, ours reads every file of every snapshot and plakar restores one, and all bytes are compared. Nothing was lost; plakar printed no error and no
                warning, after our sweeps neither.

                | where | {string.Join(" | ", columns[..^1])} | snapshots at the end |
                |{string.Concat(Enumerable.Repeat("---|", columns.Length + 1))}
                {string.Join('\n', _places.Select(place => $"| {place.Key} | {string.Join(" | ", columns.Select(column => place.Value.GetValueOrDefault(column)))} |"))}
                """));
        }
    }

    private sealed class History : IAsyncDisposable
    {
        private readonly InteropPlace _place;
        private readonly Random _random;
        private readonly string _source;
        private readonly List<string> _log = [];

        /// <summary>What every live snapshot holds: path below its root, and the digest of its content.</summary>
        private readonly Dictionary<string, SortedDictionary<string, string>> _model = [];
        private string? _newestOfOurs;

        public IReadOnlyList<string> Log => _log;

        public int Live => _model.Count;

        private History(InteropPlace place, int seed)
        {
            _place = place;
            _random = new Random(seed);
            _source = Directory.CreateDirectory(Path.Combine(place.Folder, "source")).FullName;
        }

        public static async Task<History> BeginAsync(S3ServerFixture servers, int seed) =>
            new(await InteropPlace.NewAsync(servers, bucket: seed % 2 == 1, encrypted: seed / 2 % 2 == 1, Token), seed);

        public async Task RunAsync(int seed)
        {
            try
            {
                // Half of the encrypted ones and half of the others are plakar's own.
                if (seed % 3 == 2 && seed / 2 % 2 == 0)
                    _place.Plakar.Run("create", "-plaintext");
                else
                    await _place.CreateAsync(Token);
                Change();
                await OursAsync();
                Change();
                await TheirsAsync();
                // Both remove and both maintain in every history, twice, because marking and removing are two runs; the rest is chance.
                int[] steps = [4, 5, 6, 6, 7, 7, .. Enumerable.Range(0, 4).Select(_ => _random.Next(10))];
                _random.Shuffle(steps);
                foreach (var step in steps)
                {
                    Change();
                    await StepAsync(step);
                }

                await EndAsync();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"history {seed}: {string.Join(", ", _log)}", exception);
            }
        }

        public ValueTask DisposeAsync() => _place.DisposeAsync();

        private async Task StepAsync(int kind)
        {
            switch (kind)
            {
                case 0 or 1:
                    await OursAsync();
                    break;
                case 2 or 3:
                    await TheirsAsync();
                    break;
                case 4 when Victim() is { } id:
                    _log.Add("plakar rm " + id[..8]);
                    _place.Plakar.Run("rm", "-apply", id);
                    _model.Remove(id);
                    break;
                case 5 when Victim() is { } id:
                    _log.Add("kloset forget " + id[..8]);
                    Assert.Single(await _place.UseAsync(r => r.ForgetAsync([new SnapshotId(Mac.Parse(id))], Token), Token));
                    _model.Remove(id);
                    break;
                case 6:
                    // Marking and removing are a grace period apart; both happen over a history.
                    _log.Add("plakar maintenance");
                    await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
                    _place.Plakar.Run(["maintenance"], _tidy);
                    break;
                case 7:
                    await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, Token);
                    await MaintainAsync();
                    break;
                case 8:
                    _log.Add("plakar check");
                    _place.Plakar.Run("check");
                    break;
                default:
                    await CheckAsync(CheckLevel.Data);
                    break;
            }
        }

        /// <summary>Never the last one.</summary>
        private string? Victim() => _model.Count > 1 ? _model.Keys.Order(StringComparer.Ordinal).ElementAt(_random.Next(_model.Count)) : null;

        private void Change()
        {
            for (var change = 0; change < 6; change++)
            {
                var path = Path.Combine(_source, $"album {_random.Next(3)}", $"photo {_random.Next(12)}.jpg");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                if (_random.Next(4) == 0)
                    File.Delete(path);
                else
                    File.WriteAllBytes(path, TreeChanges.Noise(_random.Next(40), _random.Next(6) == 0 ? 1_500_000 : _random.Next(60_000)));
            }

            File.WriteAllText(Path.Combine(_source, "always.txt"), "there");
        }

        private static SortedDictionary<string, string> Describe(string root)
        {
            var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
                files.Add(Path.GetRelativePath(root, file), Digest(File.ReadAllBytes(file)));
            return files;
        }

        private static string Digest(byte[] bytes) => Convert.ToHexString(SHA256.HashData(bytes));

        private async Task OursAsync()
        {
            var wanted = Describe(_source);
            var id = await _place.UseAsync(
                async repository =>
                {
                    await using var writer = await repository.BeginWriteAsync(new WriterOptions { CacheDirectory = _place.Folder, SortBufferBytes = 4096 }, Token);
                    var basis = _newestOfOurs is { } newest && _model.ContainsKey(newest) ? await repository.OpenSnapshotAsync(new SnapshotId(Mac.Parse(newest)), Token) : null;
                    var changes = new List<TreeChange>();
                    foreach (var path in wanted.Keys)
                        changes.Add(await writer.FileAsync($"{Origin}/{path}", await File.ReadAllBytesAsync(Path.Combine(_source, path), Token)));
                    if (basis is not null)
                        changes.AddRange(_model[_newestOfOurs!].Keys.Where(path => !wanted.ContainsKey(path)).Select(path => new Remove(EntryPath.Parse($"{Origin}/{path}"))));
                    return (await writer.CommitAsync(TestRepository.Draft with { Directory = Origin }, basis, TreeChanges.Of(changes), Token)).Id.ToString();
                },
                Token);
            _log.Add("kloset backup " + id[..8]);
            _model.Add(id, wanted);
            _newestOfOurs = id;
        }

        private async Task TheirsAsync()
        {
            _place.Plakar.Run("backup", _source);
            var id = await _place.UseAsync(
                async repository => (await repository.ListSnapshotsAsync(Token)).Select(s => s.Id.ToString()).Single(id => !_model.ContainsKey(id)), Token);
            _log.Add("plakar backup " + id[..8]);
            _model.Add(id, Describe(_source));
        }

        private async Task MaintainAsync()
        {
            _log.Add("kloset maintain");
            await _place.UseAsync(
                async repository =>
                {
                    // plakar leaves its lock behind (it exits before it is removed); what it guarded has ended.
                    foreach (var held in await repository.ListLocksAsync(Token))
                        await repository.Store.DeleteAsync($"locks/{held.Id}", Token);
                    return await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.FromSeconds(1) }, null, Token);
                },
                Token);
        }

        private async Task CheckAsync(CheckLevel level)
        {
            _log.Add("kloset check");
            var report = await _place.UseAsync(repository => repository.CheckAsync(new CheckOptions { Level = level }, null, Token), Token);
            Assert.True(report.IsClean, string.Join('\n', report.Findings.Where(f => f.IsError)));
        }

        private async Task EndAsync()
        {
            _log.Add("end");
            await CheckAsync(CheckLevel.Full);
            _place.Plakar.Run("check");
            var listed = _place.Plakar.Run("ls");
            Assert.Equal(_model.Count, listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            Assert.All(_model.Keys, id => Assert.Contains(id[..8], listed, StringComparison.Ordinal));
            await _place.UseAsync(
                async repository =>
                {
                    Assert.Equal(_model.Keys.Order(StringComparer.Ordinal), (await repository.ListSnapshotsAsync(Token)).Select(s => s.Id.ToString()).Order(StringComparer.Ordinal));
                    foreach (var (id, wanted) in _model)
                    {
                        var snapshot = await repository.OpenSnapshotAsync(new SnapshotId(Mac.Parse(id)), Token);
                        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
                        var root = EntryPath.Parse(snapshot.Header.Source.Directory);
                        await foreach (var entry in snapshot.WalkAsync(root, Token))
                        {
                            if (entry.Kind == EntryKind.File)
                                found.Add(entry.Path.ToString()[(root.ToString().Length + 1)..], Digest(await TreeChanges.ReadAsync(snapshot, entry)));
                        }

                        Assert.Equal(wanted, found);
                    }

                    return 0;
                },
                Token);
            var (some, content) = _model.ElementAt(_random.Next(_model.Count));
            var target = Path.Combine(_place.Folder, "restored");
            _place.Plakar.Run("restore", "-to", target, some);
            Assert.Equal(content, Describe(target));
        }
    }
}
