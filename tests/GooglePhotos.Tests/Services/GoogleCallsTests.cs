using System.Net;
using GooglePhotos.Library;
using GooglePhotos.Services;
using Microsoft.Extensions.Time.Testing;

namespace GooglePhotos.Tests.Services;

public sealed class GoogleCallsTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 20, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Noon) { AutoAdvanceAmount = TimeSpan.Zero };
    private readonly RecordedGoogle _google = new();
    private readonly List<TimeSpan> _waits = [];

    [Fact]
    public async Task A_server_error_is_repeated_after_growing_delays_and_never_more_often()
    {
        _google.Answer(HttpStatusCode.ServiceUnavailable, "").Answer(HttpStatusCode.InternalServerError, "").Answer(HttpStatusCode.OK, "{}");
        Assert.NotNull(await RunAsync());
        Assert.Equal(3, _google.Requests.Count);
        Assert.InRange(_waits[0].TotalSeconds, 1, 1.25);
        Assert.InRange(_waits[1].TotalSeconds, 2, 2.5);
    }

    [Fact]
    public async Task A_quota_per_minute_waits_half_a_minute_at_least()
    {
        _google.Answer(HttpStatusCode.TooManyRequests, """{"error":{"code":429,"message":"limit 'Read requests per minute per user'","status":"RESOURCE_EXHAUSTED"}}""")
            .Answer(HttpStatusCode.OK, "{}");
        await RunAsync();
        Assert.InRange(_waits.Single().TotalSeconds, 30, 37.5);
    }

    [Fact]
    public async Task What_Google_asks_to_wait_comes_first()
    {
        _google.Answer(HttpStatusCode.ServiceUnavailable, "", ("Retry-After", "45")).Answer(HttpStatusCode.OK, "{}");
        await RunAsync();
        Assert.InRange(_waits.Single().TotalSeconds, 45, 57);
    }

    [Fact]
    public async Task A_quota_per_day_is_not_waited_for_but_says_when_it_ends()
    {
        _google.Answer(HttpStatusCode.TooManyRequests, """{"error":{"code":429,"message":"limit 'All requests per day'","status":"RESOURCE_EXHAUSTED"}}""");
        var failure = await Assert.ThrowsAsync<GoogleServiceException>(RunAsync);
        Assert.Equal(GoogleFailure.DayQuota, failure.Failure);
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 8, 0, 0, TimeSpan.Zero), failure.ResumeAfter);
        Assert.Empty(_waits);
    }

    [Fact]
    public async Task A_trouble_that_stays_ends_in_a_pause()
    {
        for (var i = 0; i < 30; i++)
        {
            _google.Answer(HttpStatusCode.BadGateway, "");
        }

        var failure = await Assert.ThrowsAsync<GoogleServiceException>(RunAsync);
        Assert.Equal(GoogleFailure.ServerError, failure.Failure);
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMinutes(15), failure.ResumeAfter);
        Assert.InRange(_google.Requests.Count, 8, 16);
        Assert.True(_waits.Aggregate(TimeSpan.Zero, (sum, wait) => sum + wait) <= TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task An_addition_whose_answer_was_lost_is_not_sent_again()
    {
        _google.Break();
        var calls = Calls();
        var failure = await Assert.ThrowsAsync<GoogleServiceException>(
            () => calls.RunAsync(new PhotosLibraryService(_google.Initializer).MediaItems.BatchCreate(new()), TestContext.Current.CancellationToken, repeats: false));
        Assert.Equal(GoogleFailure.Network, failure.Failure);
        Assert.Contains("connection reset by peer", failure.Message, StringComparison.Ordinal);
        Assert.Single(_google.Requests);
    }

    [Fact]
    public async Task What_a_person_has_to_change_is_not_repeated()
    {
        _google.Answer(HttpStatusCode.Forbidden, """{"error":{"code":403,"message":"Request had insufficient authentication scopes.","status":"PERMISSION_DENIED"}}""");
        Assert.Equal(GoogleFailure.ScopeMissing, (await Assert.ThrowsAsync<GoogleServiceException>(RunAsync)).Failure);
        Assert.Single(_google.Requests);
    }

    [Fact]
    public async Task A_cut_answer_is_asked_for_again()
    {
        _google.Answer(HttpStatusCode.OK, """{"mediaItems":[{"id":"a""").Answer(HttpStatusCode.OK, """{"mediaItems":[{"id":"a"}]}""");
        Assert.Equal("a", (await RunAsync()).MediaItems!.Single().Id);
    }

    [Theory]
    [InlineData("2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z")]
    [InlineData("2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z")]
    [InlineData("2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z")]
    [InlineData("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z")]
    public void The_day_of_quotas_ends_at_midnight_in_California(string now, string reset) =>
        Assert.Equal(DateTimeOffset.Parse(reset, null), QuotaDay.NextReset(DateTimeOffset.Parse(now, null)));

    [Fact]
    public async Task A_budget_ends_with_the_time_at_which_the_next_one_begins()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var budget = new RequestBudget("Google Photos", 3, _time);
        for (var request = 0; request < 3; request++)
        {
            await budget.TakeAsync(ct);
        }

        var failure = await Assert.ThrowsAsync<GoogleServiceException>(async () => await budget.TakeAsync(ct));
        Assert.Equal((GoogleFailure.DayQuota, 0), (failure.Failure, await budget.LeftAsync(ct)));
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 8, 0, 0, TimeSpan.Zero), failure.ResumeAfter);
        _time.SetUtcNow(failure.ResumeAfter!.Value);
        Assert.Equal(3, await budget.LeftAsync(ct));
        await budget.TakeAsync(ct);
        Assert.Equal(2, await budget.LeftAsync(ct));
    }

    private GoogleCalls Calls() => new(_time, new Random(7))
    {
        // The delay's timer is made after this call, so time moves on from another thread.
        Waiting = (delay, cause) =>
        {
            _waits.Add(delay);
            _ = AdvanceSoonAsync(delay);
        },
    };

    private async Task AdvanceSoonAsync(TimeSpan delay)
    {
        await Task.Delay(20, TestContext.Current.CancellationToken);
        _time.Advance(delay);
    }

    private Task<GooglePhotos.Library.Data.ListMediaItemsResponse> RunAsync() =>
        Calls().RunAsync(new PhotosLibraryService(_google.Initializer).MediaItems.List(), TestContext.Current.CancellationToken);

    public void Dispose() => _google.Dispose();
}
