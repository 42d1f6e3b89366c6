using GooglePhotos.Credentials;
using GooglePhotos.Services;
using Kloset.Repositories;
using Kloset.Storage;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Restoring.GoogleLibrary;
using Microsoft.Extensions.Time.Testing;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>What processes leave each other in the repository: the day's quota, claims on an account, the journal, sealed objects.</summary>
public sealed class SharedStateTests : IAsyncLifetime
{
    private readonly TestHost _host = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 20, 0, 0, TimeSpan.Zero));
    private Repository _repository = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private SealedObjects Objects => new(_repository);

    public async ValueTask InitializeAsync()
    {
        _host.Set("KLOSET_REPOSITORY", "fs:" + _host.Repository);
        (await _host.RunAsync("create", "--plaintext")).Exits(0);
        _repository = await Repository.OpenAsync(new FileSystemStore(_host.Repository), null, EngineServices.System with { Time = _time }, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _repository.DisposeAsync();
        _host.Dispose();
    }

    private static AuthorizedUserFile SignIn(string client) => (AuthorizedUserFile)GoogleCredentialFile.Parse(
        $$"""{"type":"authorized_user","client_id":"{{client}}","client_secret":"s","refresh_token":"t"}""");

    private RequestBudget Budget(long perDay, string client = "123-a.apps.googleusercontent.com") =>
        new("Google Photos", perDay, _time, new QuotaLedger(Objects, SignIn(client), QuotaLedger.LibraryRequests));

    private static async Task<int> SpendAsync(RequestBudget budget, int most = int.MaxValue)
    {
        var spent = 0;
        try
        {
            for (; spent < most; spent++)
            {
                await budget.TakeAsync(Ct);
            }
        }
        catch (GoogleServiceException used) when (used.Failure == GoogleFailure.DayQuota)
        {
        }

        return spent;
    }

    [Fact]
    public async Task A_restarted_job_has_only_what_is_left_of_the_day_and_all_of_it_after_midnight_in_California()
    {
        await using (var first = Budget(1_000))
        {
            Assert.Equal(400, await SpendAsync(first, 400));
        }

        await using var second = Budget(1_000);
        Assert.Equal(600, await second.LeftAsync(Ct));
        Assert.Equal(600, await SpendAsync(second));
        _time.SetUtcNow(new DateTimeOffset(2026, 11, 24, 8, 0, 0, TimeSpan.Zero));
        Assert.Equal(1_000, await second.LeftAsync(Ct));
        Assert.Equal(1_000, await SpendAsync(second));
    }

    [Fact]
    public async Task A_killed_process_costs_its_last_portion_and_never_lends_what_it_spent()
    {
        var left = 1_000L;
        for (var life = 0; life < 10; life++)
        {
            var killed = Budget(1_000); // never disposed of, as after SIGKILL
            Assert.Equal(31, await SpendAsync(killed, 31));
            var now = await Budget(1_000).LeftAsync(Ct);
            Assert.InRange(now, left - 31 - 2, left - 31);
            left = now;
        }
    }

    [Fact]
    public async Task Clients_of_one_project_share_its_quota_and_those_of_another_do_not()
    {
        await using (var one = Budget(500, "123-a.apps.googleusercontent.com"))
        {
            await SpendAsync(one, 200);
        }

        await using var sibling = Budget(500, "123-b.apps.googleusercontent.com");
        await using var stranger = Budget(500, "124-a.apps.googleusercontent.com");
        await using var nameless = Budget(500, "client-of-tests");
        Assert.Equal((300, 500, 500), (await sibling.LeftAsync(Ct), await stranger.LeftAsync(Ct), await nameless.LeftAsync(Ct)));
    }

    [Fact]
    public async Task Two_processes_at_once_never_send_more_than_the_day_has()
    {
        await using var one = Budget(2_000);
        await using var other = Budget(2_000);
        var spent = await Task.WhenAll(SpendAsync(one), SpendAsync(other));
        Assert.InRange(spent.Sum(), 1_990, 2_000);
    }

    [Fact]
    public async Task A_window_of_bytes_is_taken_whole_or_not_at_all()
    {
        await using var budget = Budget(100);
        await budget.TakeAsync(32, Ct);
        await budget.TakeAsync(32, Ct);
        await budget.TakeAsync(32, Ct);
        Assert.Equal(GoogleFailure.DayQuota, (await Assert.ThrowsAsync<GoogleServiceException>(async () => await budget.TakeAsync(32, Ct))).Failure);
        Assert.Equal(4, await budget.LeftAsync(Ct));
        await budget.TakeAsync(4, Ct);
        Assert.Equal(0, await Budget(100).LeftAsync(Ct));
    }

    [Fact]
    public async Task Yesterday_s_portions_are_swept_away()
    {
        await using (var first = Budget(1_000))
        {
            await SpendAsync(first, 100);
        }

        var before = (await Objects.ListAsync("quota/", Ct)).Count;
        _time.Advance(TimeSpan.FromDays(2));
        await using (var later = Budget(1_000))
        {
            await SpendAsync(later, 1);
        }

        Assert.True(before > 10);
        Assert.Single(await Objects.ListAsync("quota/", Ct));
    }

    [Fact]
    public async Task One_restore_at_a_time_claims_an_account_whatever_way_its_name_is_written()
    {
        await using var first = await AccountClaim.TakeAsync(Objects, _time, "Alice@example.com", "one", Ct);
        var refused = await Assert.ThrowsAsync<WorkerException>(() => AccountClaim.TakeAsync(Objects, _time, "alice@example.com ", "two", Ct));
        Assert.Equal(("GoogleConcurrentWrites", _time.GetUtcNow().AddMinutes(15)), (refused.Error.Code, refused.ResumeAfter));

        // The one that was refused leaves nothing that would keep the first from renewing; a second process of the first is let in.
        _time.Advance(TimeSpan.FromMinutes(10));
        await first.RenewAsync(Ct);
        await using var again = await AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "one", Ct);
        await using var other = await AccountClaim.TakeAsync(Objects, _time, "bob@example.com", "two", Ct);
    }

    [Fact]
    public async Task A_process_that_gives_way_to_its_twin_leaves_the_account_claimed()
    {
        await using var first = await AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "one", Ct);
        var twin = await AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "one", Ct);

        await twin.DisposeAsync();

        await Assert.ThrowsAsync<WorkerException>(() => AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "two", Ct));
    }

    [Fact]
    public async Task A_claim_that_ran_out_is_free_and_its_late_holder_gives_way()
    {
        await using var slow = await AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "slow", Ct);
        _time.Advance(TimeSpan.FromMinutes(16));
        await using var next = await AccountClaim.TakeAsync(Objects, _time, "alice@example.com", "next", Ct);

        var late = await Assert.ThrowsAsync<WorkerException>(() => slow.RenewAsync(Ct));

        Assert.Equal("GoogleConcurrentWrites", late.Error.Code);
        _time.Advance(TimeSpan.FromMinutes(10));
        await next.RenewAsync(Ct);
    }

    [Fact]
    public async Task Of_many_that_claim_at_the_same_moment_at_most_one_has_the_account()
    {
        for (var round = 0; round < 10; round++)
        {
            var account = $"{round}@example.com";
            var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
            {
                try
                {
                    return await AccountClaim.TakeAsync(Objects, _time, account, $"restore-{number}", Ct);
                }
                catch (WorkerException refused) when (refused.Error.Code == "GoogleConcurrentWrites")
                {
                    return null;
                }
            })));
            Assert.InRange(claims.Count(claim => claim is not null), 0, 1);

            // Whoever gave way left nothing behind.
            await (claims.FirstOrDefault(claim => claim is not null)?.DisposeAsync() ?? ValueTask.CompletedTask);
            await using var free = await AccountClaim.TakeAsync(Objects, _time, account, "later", Ct);
        }
    }

    [Fact]
    public async Task The_journal_gives_back_what_was_written_also_after_it_was_rewritten_as_one()
    {
        var journal = await RestoreJournal.OpenAsync(Objects, "r", Ct);
        await journal.AppendAsync([new() { Header = new("plan", 3, "snapshot", "alice@example.com", "12.57"), Before = [RestoreJournal.Short("old")] }], Ct);
        for (var number = 0; number < 40; number++)
        {
            await journal.AppendAsync([new() { Item = new($"k{number % 20}", "sha", Uncorrected: number < 20 ? "no" : null) }, new() { Album = new("A", null, ["x"], Added: number) }], Ct);
        }

        Assert.Equal(41, (await Objects.ListAsync("restore/r/journal/", Ct)).Count);
        for (var opening = 0; opening < 3; opening++)
        {
            journal = await RestoreJournal.OpenAsync(Objects, "r", Ct);
            Assert.Equal((1, 20, 39), ((await Objects.ListAsync("restore/r/journal/", Ct)).Count, journal.Items.Count, journal.Album("A")!.Added));
            Assert.Equal("alice@example.com", journal.Header!.Target);
            Assert.True(journal.KnowsBefore);
            Assert.True(journal.WasThereBefore("old"));
            Assert.False(journal.WasThereBefore("new"));
            Assert.All(journal.Items, item => Assert.Null(item.Uncorrected));
        }

        Assert.Null((await RestoreJournal.OpenAsync(Objects, "another", Ct)).Header);
    }

    [Fact]
    public async Task A_twin_that_writes_into_the_same_journal_is_noticed_before_its_next_step()
    {
        var one = await RestoreJournal.OpenAsync(Objects, "r", Ct);
        var twin = await RestoreJournal.OpenAsync(Objects, "r", Ct);
        await one.AppendAsync([new() { Item = new("k", "sha") }], Ct);
        Assert.Equal("RepositoryLocked", (await Assert.ThrowsAsync<WorkerException>(() => twin.AppendAsync([new() { Item = new("k", "sha") }], Ct))).Error.Code);
    }

    [Fact]
    public async Task A_sealed_object_is_nothing_under_another_name_or_with_a_changed_byte()
    {
        await Objects.PutAsync("a/one", "text"u8.ToArray(), Ct);
        Assert.Equal("text"u8.ToArray(), await Objects.FindAsync("a/one", Ct));
        Assert.Null(await Objects.FindAsync("a/two", Ct));
        Assert.False(await Objects.PutIfAbsentAsync("a/one", "other"u8.ToArray(), Ct));
        Assert.Equal("text"u8.ToArray(), await Objects.FindAsync("a/one", Ct));

        var file = Directory.EnumerateFiles(_host.Repository, "one", SearchOption.AllDirectories).Single();
        File.Copy(file, Path.Combine(Path.GetDirectoryName(file)!, "two"));
        Assert.Equal(RepositoryFailure.Damaged, (await Assert.ThrowsAsync<RepositoryException>(() => Objects.FindAsync("a/two", Ct))).Failure);

        await Objects.DeleteAsync("a/one", Ct);
        await Objects.DeleteAsync("a/one", Ct);
        Assert.Equal(["a/two"], await Objects.ListAsync("a/", Ct));
    }

    [Fact]
    public async Task A_sealed_object_in_an_encrypted_repository_shows_nothing_and_takes_no_changed_byte()
    {
        var folder = _host.At("secret");
        var creation = new RepositoryCreation { Passphrase = "correct horse battery staple"u8.ToArray(), KeyDerivation = new Kloset.Encryption.Pbkdf2Parameters(default, 10) };
        await using var repository = await Repository.CreateAsync(new FileSystemStore(folder), creation, EngineServices.System with { Time = _time }, Ct);
        var objects = new SealedObjects(repository);
        await objects.PutAsync("a/one", System.Text.Encoding.UTF8.GetBytes("alice@example.com " + new string('x', 200)), Ct);
        var file = Directory.EnumerateFiles(folder, "one", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file, Ct);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("alice"u8));
        for (var at = 0; at < bytes.Length; at += 7)
        {
            bytes[at] ^= 1;
            await File.WriteAllBytesAsync(file, bytes, Ct);
            Assert.Equal(RepositoryFailure.Damaged, (await Assert.ThrowsAsync<RepositoryException>(() => objects.FindAsync("a/one", Ct))).Failure);
            bytes[at] ^= 1;
        }
    }
}
