using Kloset.Locks;
using Kloset.Repositories;
using Kloset.Tests.Writing;
using Microsoft.Extensions.Time.Testing;

namespace Kloset.Tests.Locks;

public sealed class RepositoryLockTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shared_locks_go_together_and_an_exclusive_one_goes_with_none()
    {
        await using var test = await TestRepository.CreateAsync("secret", new FakeTimeProvider(Start));
        await using (await SharedAsync(test))
        {
            await using (await SharedAsync(test))
                Assert.Equal(2, (await test.Repository.ListLocksAsync(Token)).Count);
            var refused = await Assert.ThrowsAsync<RepositoryException>(() => ExclusiveAsync(test));
            Assert.Equal(RepositoryFailure.Locked, refused.Failure);
            Assert.Contains("test-host", refused.Message, StringComparison.Ordinal);
            // The one that failed left nothing behind.
            Assert.Single(await test.Repository.ListLocksAsync(Token));
        }

        await using (await ExclusiveAsync(test))
        {
            Assert.True(Assert.Single(await test.Repository.ListLocksAsync(Token)).Exclusive);
            Assert.Equal(RepositoryFailure.Locked, (await Assert.ThrowsAsync<RepositoryException>(() => SharedAsync(test))).Failure);
            Assert.Equal(RepositoryFailure.Locked, (await Assert.ThrowsAsync<RepositoryException>(() => ExclusiveAsync(test))).Failure);
            Assert.Single(await test.Repository.ListLocksAsync(Token));
        }

        Assert.Empty(await test.Repository.ListLocksAsync(Token));
    }

    [Fact]
    public async Task A_lock_of_ten_minutes_counts_as_gone_and_is_cleaned_up()
    {
        var time = new FakeTimeProvider(Start);
        await using var test = await TestRepository.CreateAsync(time: time);
        var leftover = await LeaveLockAsync(test, exclusive: true);
        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<RepositoryException>(() => SharedAsync(test));
        time.Advance(TimeSpan.FromMilliseconds(1));
        await using var taken = await SharedAsync(test);
        Assert.Equal(taken.Id, Assert.Single(await test.Repository.ListLocksAsync(Token)).Id);
        Assert.NotEqual(leftover, taken.Id);
    }

    [Fact]
    public async Task A_held_lock_is_refreshed_before_it_gets_old()
    {
        var time = new FakeTimeProvider(Start);
        await using var test = await TestRepository.CreateAsync(time: time);
        await using var taken = await SharedAsync(test);
        for (var minute = 0; minute < 60; minute++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await WaitUntilAsync(async () => time.GetUtcNow() - taken.LastWritten < TimeSpan.FromMinutes(5)
                && (await test.Repository.ListLocksAsync(Token))[0].Timestamp == Timestamp.From(taken.LastWritten));
            Assert.False(taken.HasLapsed);
        }
    }

    [Fact]
    public async Task An_unreadable_lock_is_reported_and_stops_writers_until_it_is_old()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var test = await TestRepository.CreateAsync(time: time);
        await File.WriteAllBytesAsync(Path.Combine(test.Root, "locks", new string('a', 64)), [], Token);
        await File.WriteAllBytesAsync(Path.Combine(test.Root, "locks", "tmp.123"), [], Token);
        var found = Assert.Single(await test.Repository.ListLocksAsync(Token));
        Assert.NotNull(found.Unreadable);
        Assert.Equal(RepositoryFailure.Locked, (await Assert.ThrowsAsync<RepositoryException>(() => SharedAsync(test))).Failure);
        time.Advance(TimeSpan.FromMinutes(11));
        await using var taken = await SharedAsync(test);
        Assert.Single(await test.Repository.ListLocksAsync(Token));
    }

    private static Task<RepositoryLock> SharedAsync(TestRepository test) => test.Repository.LockSharedAsync(Token);

    private static Task<RepositoryLock> ExclusiveAsync(TestRepository test) => test.Repository.LockExclusiveAsync(Token);

    private static async Task<Mac> LeaveLockAsync(TestRepository test, bool exclusive)
    {
        var id = test.Services.Random.NextMac();
        using var resource = LockCodec.Seal(
            test.Repository.Codec, new LockRecord(LockRecord.CurrentVersion, Timestamp.From(test.Services.Time.GetUtcNow()), "gone", exclusive));
        await test.Store.PutAsync(LockCodec.KeyOf(in id), new System.Buffers.ReadOnlySequence<byte>(resource.Memory), Token);
        return id;
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> condition)
    {
        for (var attempt = 0; attempt < 500; attempt++)
        {
            if (await condition())
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Token);
        }

        Assert.Fail("The lock was not refreshed.");
    }
}
