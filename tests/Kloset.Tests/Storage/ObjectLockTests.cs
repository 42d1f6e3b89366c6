using System.Text.Json;
using System.Text.Json.Nodes;
using Kloset.Checking;
using Kloset.Maintenance;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.Storage;
using Kloset.Storage.S3;
using Kloset.Tests.Writing;
using Kloset.Writing;

namespace Kloset.Tests.Storage;

/// <summary>On the real server: what is locked stays, whoever deletes it, and what is no longer needed goes when its lock has ended.</summary>
[Collection(S3ServerCollection.Name)]
public sealed class ObjectLockTests(S3ServerFixture fixture)
{
    private const int Days = 8;

    private static readonly ObjectLockPolicy Policy = new(ObjectLockMode.Governance, Days);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ObjectLockMode.Governance)]
    [InlineData(ObjectLockMode.Compliance)]
    public async Task CONFIG_packfiles_and_states_are_locked_and_locks_and_what_the_operator_keeps_are_free(ObjectLockMode mode)
    {
        var options = await OptionsAsync() with { ObjectLock = new ObjectLockPolicy(mode, Days) };
        await using var store = new S3Store(options);
        await store.ObjectLock!.ProbeAsync(Token);
        await using var repository = await CreateAsync(store);
        await BackupAsync(repository, "/a", 1);
        await store.PutAsync("kloset-operator/owner", new([1]), Token);
        var least = DateTimeOffset.UtcNow.AddDays(Days);
        var keys = await store.ListAsync("", Token).Select(item => item.Key).ToListAsync(Token);
        Assert.Contains("CONFIG", keys);
        foreach (var key in keys)
        {
            var until = await store.ObjectLock.RetainedUntilAsync(key, Token);
            Assert.Equal(ObjectLockPolicy.Covers(key), until is not null);
            Assert.True(until is null || until > least, $"{key} is locked until {until}");
            if (ObjectLockPolicy.Covers(key))
                Assert.Equal(StoreFailure.AccessDenied, (await Assert.ThrowsAsync<StoreException>(() => store.ObjectLock.PurgeAsync(key, Token))).Failure);
        }

        Assert.Contains(keys, key => key.StartsWith("states/", StringComparison.Ordinal));
        Assert.Empty(await store.ListAsync("locks/", Token).ToListAsync(Token));
    }

    [Fact]
    public async Task A_bucket_that_locks_nothing_is_refused_when_asked()
    {
        var server = fixture.ServerOrSkip();
        await using var store = new S3Store(await OptionsAsync() with { Bucket = await server.CreateBucketAsync(Token), ObjectLock = Policy });
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.ObjectLock!.ProbeAsync(Token));
        Assert.Equal(StoreFailure.Invalid, failure.Failure);
        Assert.Contains("does not lock objects", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Locks_are_prolonged_before_they_fall_below_what_is_promised_and_not_touched_before_that()
    {
        var time = new ShiftedTime();
        await using var store = new S3Store(await OptionsAsync() with { ObjectLock = Policy, Time = time });
        await using var repository = await CreateAsync(store, time);
        await BackupAsync(repository, "/a", 1);
        Assert.True(await repository.ExtendObjectLocksAsync(Token) > 3);
        Assert.Equal(0, await repository.ExtendObjectLocksAsync(Token));
        time.Ahead = TimeSpan.FromDays(1);
        Assert.Equal(0, await repository.ExtendObjectLocksAsync(Token));
        time.Ahead = Policy.Slack + TimeSpan.FromDays(1);
        await BackupAsync(repository, "/b", 2);
        Assert.True(await repository.ExtendObjectLocksAsync(Token) > 5);
        await foreach (var item in store.ListAsync("packfiles/", Token))
            Assert.True(await store.ObjectLock!.RetainedUntilAsync(item.Key, Token) >= time.GetUtcNow().AddDays(Days));
        // Nobody without the key can say that it was done, and a lost record only means work.
        await store.PutAsync("kloset-operator/object-lock", new("{\"mode\":\"Governance\",\"until\":\"2099-01-01T00:00:00Z\"}00000000000000000000000000000000"u8.ToArray()), Token);
        Assert.True(await repository.ExtendObjectLocksAsync(Token) > 5);
    }

    [Fact]
    public async Task A_maintenance_waits_for_the_lock_and_then_deletes_every_version()
    {
        // A lock of seconds: the server's own clock cannot be moved.
        var time = new ShiftedTime();
        var options = await OptionsAsync();
        await using var unlocked = new S3Store(options);
        await using var store = new S3Store(options with { ObjectLock = Policy, Time = time });
        Mac doomed;
        SnapshotId kept;
        await using (var repository = await CreateAsync(unlocked, time))
        {
            var forgotten = await BackupAsync(repository, "/a", 1);
            kept = await BackupAsync(repository, "/b", 2);
            await repository.ForgetAsync([forgotten], Token);
            doomed = (await MarkAsync(repository)).Single();
        }

        var key = PackfileIndex.KeyOf(in doomed);
        await unlocked.PutAsync(key, new(TreeChanges.Noise(1, 100)), Token); // a second version
        await store.ObjectLock!.ExtendAsync(key, _ => true, DateTimeOffset.UtcNow.AddSeconds(20), Token);
        await using (var repository = await OpenAsync(store, time))
        {
            // Marked long enough ago, and locked still.
            var waiting = await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
            Assert.Equal((1, 0), (waiting.Retained.Packfiles, waiting.Removed.Packfiles));
            Assert.NotNull(waiting.NextRemoval);
            Assert.True(waiting.Extended > 0);
            while (await store.ObjectLock.RetainedUntilAsync(key, Token) > DateTimeOffset.UtcNow.AddSeconds(-2))
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token);
            var removing = await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
            Assert.Equal((0, 1), (removing.Retained.Packfiles, removing.Removed.Packfiles));
        }

        await foreach (var version in S3Versions.ListAsync(unlocked, "packfiles/", Token))
            Assert.NotEqual(key, version.Key);
        await using var fresh = await OpenAsync(unlocked, TimeProvider.System);
        Assert.Equal(kept, Assert.Single(await fresh.ListSnapshotsAsync(Token)).Id);
        Assert.True((await fresh.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
    }

    [Fact]
    public async Task Whatever_was_deleted_or_overwritten_since_a_repository_opens_as_it_was_at_a_time()
    {
        var options = await OptionsAsync();
        await using var store = new S3Store(options with { ObjectLock = Policy });
        SnapshotId id;
        await using (var repository = await CreateAsync(store))
            id = await BackupAsync(repository, "/a", 1);
        await Task.Delay(TimeSpan.FromSeconds(2.1), TimeProvider.System, Token);
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);

        // Somebody with the credentials of a backup, and more: deletes what can be deleted, and overwrites the rest.
        foreach (var item in await store.ListAsync("", Token).ToListAsync(Token))
        {
            if (item.Key == "CONFIG" || item.Key.StartsWith("states/", StringComparison.Ordinal))
                await store.PutAsync(item.Key, new(TreeChanges.Noise(3, 400)), Token);
            else
                await store.DeleteAsync(item.Key, Token);
        }

        await Assert.ThrowsAsync<RepositoryException>(() => OpenAsync(store, TimeProvider.System));
        await using var then = new S3Store(options with { AsOf = before });
        await using var past = await OpenAsync(then, TimeProvider.System);
        Assert.Equal(id, Assert.Single(await past.ListSnapshotsAsync(Token)).Id);
        var snapshot = await past.OpenSnapshotAsync(id, Token);
        Assert.Equal(TreeChanges.Noise(1, 50_000), await TreeChanges.ReadAsync(snapshot, (await snapshot.FindAsync(EntryPath.Parse("/a"), Token))!));
        Assert.True((await past.CheckAsync(new CheckOptions { Level = CheckLevel.Full }, null, Token)).IsClean);
        Assert.Equal(StoreFailure.AccessDenied, (await Assert.ThrowsAsync<StoreException>(() => past.BeginWriteAsync(new WriterOptions(), Token))).Failure);
        await using var tooEarly = new S3Store(options with { AsOf = before.AddDays(-1) });
        await Assert.ThrowsAsync<RepositoryException>(() => OpenAsync(tooEarly, TimeProvider.System));
    }

    [Fact]
    public async Task The_documented_policies_are_enough_for_a_backup_and_for_maintenance_and_a_backup_cannot_delete_a_backup()
    {
        var server = fixture.ServerOrSkip();
        Assert.SkipUnless(server.IsOurs, "users can be made on a server of ours only");
        var bucket = await server.CreateLockingBucketAsync(Token);
        await server.CreateUserAsync(bucket + "-backup", bucket + "bk", "backup-secret", Token);
        await server.CreateUserAsync(bucket + "-admin", bucket + "ad", "admin-secret", Token);
        await server.SetBucketPolicyAsync(bucket, PolicyFromDocs(bucket), Token);
        var options = await OptionsAsync() with { Bucket = bucket, Prefix = "family/", ObjectLock = Policy, MaxRetries = 1 };
        await using var backup = new S3Store(options with { Credentials = new S3Credentials(bucket + "bk", "backup-secret") });
        await using var admin = new S3Store(options with { Credentials = new S3Credentials(bucket + "ad", "admin-secret") });

        await backup.ObjectLock!.ProbeAsync(Token);
        await using var repository = await CreateAsync(backup);
        var first = await BackupAsync(repository, "/a", 1);
        var second = await BackupAsync(repository, "/b", 2);
        await repository.ForgetAsync([first], Token);
        Assert.True(await repository.ExtendObjectLocksAsync(Token) > 3);
        Assert.Empty(await backup.ListAsync("locks/", Token).ToListAsync(Token));
        Assert.Equal("alice", await new RepositoryOwner(backup, TimeProvider.System).ClaimAsync("alice", Token));
        foreach (var item in await backup.ListAsync("", Token).Where(item => ObjectLockPolicy.Covers(item.Key)).ToListAsync(Token))
        {
            Assert.Equal(StoreFailure.AccessDenied, (await Assert.ThrowsAsync<StoreException>(() => backup.DeleteAsync(item.Key, Token))).Failure);
            Assert.Equal(StoreFailure.AccessDenied, (await Assert.ThrowsAsync<StoreException>(() => backup.ObjectLock.PurgeAsync(item.Key, Token))).Failure);
        }

        // Outside of the prefix there is nothing to be had.
        await using var elsewhere = new S3Store(options with { Prefix = "other/", Credentials = new S3Credentials(bucket + "bk", "backup-secret") });
        Assert.Equal(StoreFailure.AccessDenied, (await Assert.ThrowsAsync<StoreException>(() => elsewhere.PutAsync("CONFIG", new([1]), Token))).Failure);

        var time = new ShiftedTime();
        await using var maintained = await OpenAsync(admin, time);
        var marked = await MarkAsync(maintained);
        Assert.Single(marked);
        var report = await maintained.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.Zero }, null, Token);
        Assert.Equal(1, report.Retained.Packfiles);
        Assert.Equal(second, Assert.Single(await maintained.ListSnapshotsAsync(Token)).Id);

        // Bypassing is not among the rights of maintenance either.
        Assert.Equal(
            StoreFailure.AccessDenied,
            (await Assert.ThrowsAsync<StoreException>(() => admin.ObjectLock!.PurgeAsync(PackfileIndex.KeyOf(marked[0]), Token))).Failure);
    }

    /// <summary>The two policies of docs/tasks/immutability.md as one policy of the bucket, each for its user.</summary>
    private static string PolicyFromDocs(string bucket)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("not in a checkout");
        var page = File.ReadAllText(Path.Combine(folder.FullName, "docs", "tasks", "immutability.md"));
        var policies = page.Split("```json").Skip(1).Select(part => JsonNode.Parse(part.Split("```")[0])!).ToArray();
        Assert.Equal(2, policies.Length);
        var statements = new JsonArray();
        foreach (var (policy, user) in policies.Zip(["backup", "admin"]))
        {
            foreach (var statement in policy["Statement"]!.AsArray())
            {
                var copy = statement!.DeepClone();
                copy["Principal"] = new JsonObject { ["AWS"] = $"arn:aws:iam:::user/{bucket}-{user}" };
                statements.Add(copy);
            }
        }

        return new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = statements }.ToJsonString(new JsonSerializerOptions())
            .Replace("arn:aws:s3:::photos", $"arn:aws:s3:::{bucket}", StringComparison.Ordinal);
    }

    /// <summary>Marks what is unneeded, without waiting for a grace period.</summary>
    private static async Task<IReadOnlyList<Mac>> MarkAsync(Repository repository)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
        var report = await repository.MaintainAsync(new MaintenanceOptions { GracePeriod = TimeSpan.FromMilliseconds(1) }, null, Token);
        Assert.Equal(1, report.Marked.Packfiles);
        return [.. repository.Index.Packfiles().Where(packfile => packfile.ColouredSince is not null).Select(packfile => packfile.Packfile.Id)];
    }

    private static Task<Repository> CreateAsync(IStore store, TimeProvider? time = null) =>
        Repository.CreateAsync(store, new RepositoryCreation(), EngineServices.System with { Time = time ?? TimeProvider.System, Parallelism = 2 }, Token);

    private static Task<Repository> OpenAsync(IStore store, TimeProvider time) =>
        Repository.OpenAsync(store, null, EngineServices.System with { Time = time, Parallelism = 2 }, Token);

    private static async Task<SnapshotId> BackupAsync(Repository repository, string path, int seed)
    {
        await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
        var file = await writer.FileAsync(path, TreeChanges.Noise(seed, 50_000));
        return (await writer.CommitAsync(TestRepository.Draft, null, TreeChanges.Of([file]), Token)).Id;
    }

    private async Task<S3Options> OptionsAsync()
    {
        var server = fixture.ServerOrSkip();
        return new S3Options
        {
            Endpoint = server.Endpoint,
            Bucket = await server.CreateLockingBucketAsync(Token),
            Credentials = new S3Credentials(server.AccessKey, server.SecretKey),
        };
    }

    /// <summary>The real time, moved: the server's own clock decides about its locks, ours about grace periods.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
    }
}
