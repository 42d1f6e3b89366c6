namespace GooglePhotos.Services;

/// <summary>
/// How much of a quota per day may still be used. Counts begin anew at midnight in California. Google counts for itself; this stops before the wall, so
/// that other programs of the same project are not locked out, and so that a run can say when it goes on.
/// </summary>
/// <param name="perDay">Requests in a day.</param>
public sealed class RequestBudget(string name, long perDay, TimeProvider time)
{
    private readonly Lock _gate = new();
    private DateOnly _day;
    private long _used;

    public long PerDay => perDay;

    public (DateOnly Day, long Used) State
    {
        get
        {
            lock (_gate)
            {
                Roll();
                return (_day, _used);
            }
        }
    }

    /// <summary>Goes on where an earlier run stopped; a state of another day counts for nothing.</summary>
    public void Restore(DateOnly day, long used)
    {
        lock (_gate)
        {
            Roll();
            _used = day == _day ? Math.Max(_used, used) : _used;
        }
    }

    /// <exception cref="GoogleServiceException">The budget of today is used up; <see cref="GoogleServiceException.ResumeAfter"/> says when the next one begins.</exception>
    public void Take(long requests = 1)
    {
        lock (_gate)
        {
            Roll();
            if (_used + requests > perDay)
            {
                throw new GoogleServiceException(name, GoogleFailure.DayQuota, $"The daily budget of {perDay} requests to {name} is used up.")
                {
                    ResumeAfter = QuotaDay.NextReset(time.GetUtcNow()),
                };
            }

            _used += requests;
        }
    }

    private void Roll()
    {
        var today = QuotaDay.DayOf(time.GetUtcNow());
        (_used, _day) = _day == today ? (_used, _day) : (0, today);
    }
}
