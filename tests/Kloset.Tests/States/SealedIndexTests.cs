using Kloset.Checking;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Tests.Writing;

namespace Kloset.Tests.States;

/// <summary>A sealed index stands for the states that it covers, and can always be done without.</summary>
public sealed class SealedIndexTests
{
    private const int States = SealedIndex.DefaultMinNewStates;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("a passphrase")]
    public async Task Readers_load_it_instead_of_the_states_and_see_the_same(string? passphrase)
    {
        await using var test = await FilledAsync(passphrase);
        var report = await SealAsync(test);
        Assert.Equal(States, report!.States);
        var expected = await ReadAsync(test);
        Damage(test, "states", all: true);
        await using var reader = await test.ReopenAsync();
        await reader.RefreshAsync(Token);
        Assert.Empty(reader.StateProblems);
        Assert.Equal(expected, RepositoryIndexTests.Describe(reader.Index));
        Assert.Equal(States, (await reader.ListSnapshotsAsync(Token)).Count);
        if (passphrase is not null)
        {
            var ids = test.Repository.Index.VisibleBlobs().Select(b => b.Id.ToString()).Take(20).ToList();
            foreach (var file in Files(test, "kloset-operator"))
            {
                var hex = Convert.ToHexStringLower(await File.ReadAllBytesAsync(file, Token));
                Assert.DoesNotContain(ids, id => hex.Contains(id, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task States_that_came_later_are_read_beside_it_and_the_next_one_replaces_it()
    {
        await using var test = await FilledAsync("a passphrase");
        await SealAsync(test);
        var first = Files(test, "kloset-operator");
        await CommitAsync(test, 100);
        Assert.Null(await SealAsync(test));
        await using (var reader = await test.ReopenAsync())
        {
            Assert.Equal(States + 1, (await reader.ListSnapshotsAsync(Token)).Count);
            Assert.Equal(1, reader.Index.UncoveredStates);
            // A deletion that comes later counts.
            await test.Repository.ForgetAsync([(await reader.ListSnapshotsAsync(Token))[0].Id], Token);
            await reader.RefreshAsync(Token);
            Assert.Equal(States, (await reader.ListSnapshotsAsync(Token)).Count);
        }

        Assert.NotNull(await SealAsync(test, minNewStates: 1));
        Assert.Empty(first.Intersect(Files(test, "kloset-operator")));
        await using var last = await test.ReopenAsync();
        Assert.Equal(States, (await last.ListSnapshotsAsync(Token)).Count);
        Assert.Equal(0, last.Index.UncoveredStates);
    }

    [Fact]
    public async Task What_is_damaged_cut_or_stale_is_passed_over_and_named_by_a_full_check()
    {
        await using var test = await FilledAsync("a passphrase");
        var expected = await ReadAsync(test);
        await SealAsync(test);
        foreach (var file in Files(test, "kloset-operator"))
        {
            var whole = await File.ReadAllBytesAsync(file, Token);
            foreach (var damaged in (byte[][])[whole[..^1], whole[..(whole.Length / 2)], [], Flip(whole, whole.Length / 3), Flip(whole, 9)])
            {
                await File.WriteAllBytesAsync(file, damaged, Token);
                await using var reader = await test.ReopenAsync();
                await reader.RefreshAsync(Token);
                Assert.Equal(States, reader.Index.UncoveredStates);
                Assert.Equal(expected, RepositoryIndexTests.Describe(reader.Index));
                var check = await reader.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token);
                Assert.True(check.IsClean);
                Assert.Contains(check.Findings, finding => finding.Kind == CheckFindingKind.Warning && finding.Object.StartsWith("kloset-operator/index/", StringComparison.Ordinal));
            }

            File.Delete(file);
            await using (var reader = await test.ReopenAsync())
            {
                await reader.RefreshAsync(Token);
                Assert.Equal(expected, RepositoryIndexTests.Describe(reader.Index));
            }

            await File.WriteAllBytesAsync(file, whole, Token);
        }

        // It covers a state that is not there: this is an older copy of the repository.
        File.Delete(Files(test, "states")[0]);
        await using var older = await test.ReopenAsync();
        Assert.Equal(States - 1, (await older.ListSnapshotsAsync(Token)).Count);
    }

    [Fact]
    public async Task One_of_another_repository_does_not_count()
    {
        await using var test = await FilledAsync(null);
        await using var other = await FilledAsync(null);
        var expected = await ReadAsync(test);
        await SealAsync(other);
        Golden.Fixture.CopyTree(Path.Combine(other.Root, "kloset-operator"), Path.Combine(test.Root, "kloset-operator"));
        await using var reader = await test.ReopenAsync();
        Assert.Equal(States, (await reader.ListSnapshotsAsync(Token)).Count);
        Assert.Equal(States, reader.Index.UncoveredStates);
        Assert.Equal(expected, RepositoryIndexTests.Describe(reader.Index));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void What_is_taken_in_is_what_was_given_out(int seed)
    {
        var folder = Directory.CreateTempSubdirectory("kloset-test-");
        try
        {
            var states = RepositoryIndexTests.RandomStates(new Random(seed), count: 30, locations: 90);
            using var original = new RepositoryIndex(() => folder.FullName, placesInMemory: 200);
            using var whole = new RepositoryIndex();
            foreach (var (id, content) in states)
                whole.Apply(in id, content);
            foreach (var (id, content) in states.Take(20))
                original.Apply(in id, content);
            // What a session holds is nobody else's business.
            var session = original.BeginSession();
            Assert.True(original.TryClaim(session, BlobType.Chunk, RepositoryIndexTests.NextMac(new Random(99)), out _));
            using var copy = new RepositoryIndex(() => folder.FullName, placesInMemory: 200);
            using (var export = original.Export())
            {
                using var import = copy.BeginImport(export.Tables with { Pieces = [new SealedPiece(Mac.Zero, 10_000)] });
                var records = new BlobSlot[37];
                while (export.Read(records) is > 0 and var count)
                    import.Add(records.AsSpan(0, count));
                Assert.True(import.Finish());
            }

            Assert.Equal(RepositoryIndexTests.Describe(original), RepositoryIndexTests.Describe(copy));
            Assert.Equal(original.LostStates(), copy.LostStates());
            foreach (var (id, content) in states.Skip(20).Reverse())
                copy.Apply(in id, content);
            Assert.Equal(RepositoryIndexTests.Describe(whole), RepositoryIndexTests.Describe(copy));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>As a client does that knows nothing yet.</summary>
    private static async Task<SealedIndexReport?> SealAsync(TestRepository test, int minNewStates = SealedIndex.DefaultMinNewStates)
    {
        await using var repository = await test.ReopenAsync();
        return await SealedIndex.WriteAsync(repository, Token, minNewStates);
    }

    private static async Task<string> ReadAsync(TestRepository test)
    {
        await using var repository = await test.ReopenAsync();
        await repository.RefreshAsync(Token);
        return RepositoryIndexTests.Describe(repository.Index);
    }

    private static async Task<TestRepository> FilledAsync(string? passphrase)
    {
        var test = await TestRepository.CreateAsync(passphrase);
        for (var i = 0; i < States; i++)
            await CommitAsync(test, i);
        return test;
    }

    private static async Task<SnapshotHeader> CommitAsync(TestRepository test, int number)
    {
        await using var writer = await test.Repository.BeginWriteAsync(test.Options, Token);
        var file = await writer.FileAsync($"/file-{number}", TreeChanges.Noise(number, 3000));
        return await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token);
    }

    private static List<string> Files(TestRepository test, string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(test.Root, folder), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static void Damage(TestRepository test, string folder, bool all)
    {
        foreach (var file in Files(test, folder).Take(all ? int.MaxValue : 1))
            File.WriteAllBytes(file, Flip(File.ReadAllBytes(file), 40));
    }

    private static byte[] Flip(byte[] bytes, int position)
    {
        var copy = bytes.ToArray();
        copy[position] ^= 4;
        return copy;
    }
}
