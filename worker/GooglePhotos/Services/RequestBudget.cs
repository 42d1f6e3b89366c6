namespace GooglePhotos.Services;

/// <summary>
/// Where it is written down what was taken of a quota per day, so that a process that begins anew, or one beside this, does not take it twice. What was
/// written is durable and seen by all who share the ledger.
/// </summary>
public interface IQuotaLedger
{
    /// <summary>Requests of a day that were taken by all.</summary>
    Task<long> TakenAsync(DateOnly day, CancellationToken cancellationToken);

    /// <summary>Writes down that some are taken, and says how many all have by then, these included.</summary>
    Task<long> TakeAsync(DateOnly day, long requests, CancellationToken cancellationToken);

    /// <summary>Gives back what this process took and did not use.</summary>
    Task ReturnAsync(DateOnly day, long requests, CancellationToken cancellationToken);
}

/// <summary>
/// How much of a quota per day may still be used. Counts begin anew at midnight in California. Google counts for itself; this stops before the wall, so
/// that other programs of the same project are not locked out, and so that a run can say when it goes on. Requests are taken from the ledger in portions
/// before they are sent: a process that is killed leaves at most one portion that nobody used, never a request that nobody counted.
/// </summary>
/// <param name="perDay">Requests in a day.</param>
/// <param name="ledger">Null for a budget that ends with the process.</param>
/// <param name="unit">What is counted, for people: "requests".</param>
public sealed class RequestBudget(string name, long perDay, TimeProvider time, IQuotaLedger? ledger = null, string unit = "requests") : IAsyncDisposable
{
    private readonly IQuotaLedger _ledger = ledger ?? new Memory();
    private readonly SemaphoreSlim _one = new(1);
    private readonly long _portion = Math.Max(1, perDay / 400);
    private DateOnly _day;
    private long _held;

    public long PerDay => perDay;

    /// <summary>Requests that may still be sent today.</summary>
    public async Task<long> LeftAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            Roll();
            return Math.Max(0, perDay - await _ledger.TakenAsync(_day, cancellationToken)) + _held;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <exception cref="GoogleServiceException">The budget of today is used up; <see cref="GoogleServiceException.ResumeAfter"/> says when the next one begins.</exception>
    public ValueTask TakeAsync(CancellationToken cancellationToken) => TakeAsync(1, cancellationToken);

    /// <param name="requests">Or whatever the budget counts.</param>
    /// <exception cref="GoogleServiceException">As above; then none of them is taken.</exception>
    public async ValueTask TakeAsync(long requests, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            Roll();
            while (_held < requests)
            {
                _held += await FetchAsync(cancellationToken);
            }

            _held -= requests;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Gives back what is left of the last portion.</summary>
    public async ValueTask DisposeAsync()
    {
        Roll();
        var (day, held) = (_day, _held);
        _held = 0;
        if (held > 0)
        {
            await _ledger.ReturnAsync(day, held, CancellationToken.None);
        }

        _one.Dispose();
    }

    private async Task<long> FetchAsync(CancellationToken cancellationToken)
    {
        var surplus = await _ledger.TakeAsync(_day, _portion, cancellationToken) - perDay;
        if (surplus <= 0)
        {
            return _portion;
        }

        // Two that come at the same moment may both give back more than they had to; never do both keep it.
        await _ledger.ReturnAsync(_day, Math.Min(surplus, _portion), cancellationToken);
        return surplus < _portion
            ? _portion - surplus
            : throw new GoogleServiceException(name, GoogleFailure.DayQuota, $"The daily budget of {perDay} {unit} to {name} is used up.")
            {
                ResumeAfter = QuotaDay.NextReset(time.GetUtcNow()),
            };
    }

    private void Roll()
    {
        var today = QuotaDay.DayOf(time.GetUtcNow());
        (_held, _day) = _day == today ? (_held, _day) : (0, today);
    }

    private sealed class Memory : IQuotaLedger
    {
        private (DateOnly Day, long Taken) _state;

        public Task<long> TakenAsync(DateOnly day, CancellationToken cancellationToken) => Task.FromResult(_state.Day == day ? _state.Taken : 0);

        public Task<long> TakeAsync(DateOnly day, long requests, CancellationToken cancellationToken)
        {
            _state = (day, (_state.Day == day ? _state.Taken : 0) + requests);
            return Task.FromResult(_state.Taken);
        }

        public Task ReturnAsync(DateOnly day, long requests, CancellationToken cancellationToken) => TakeAsync(day, -requests, cancellationToken);
    }
}
