using System.Net.Sockets;
using Google.Apis.Auth.OAuth2.Responses;

namespace GooglePhotos.Services;

/// <summary>How calls are paced and repeated. The delays are those that Google's guides ask for.</summary>
public sealed record GoogleCallOptions
{
    /// <summary>First delay after a 5xx or a broken connection; doubled with each try.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>First delay after a quota per minute.</summary>
    public TimeSpan FirstQuotaDelay { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(64);

    /// <summary>So long one call is repeated; a longer trouble is nothing to wait for with a process.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>After the patience, try again so much later.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Picking sessions end by themselves within a day; the first of too many may do so soon.</summary>
    public TimeSpan SessionPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The longest that a call with a small answer may take.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(100);
}

/// <summary>
/// The one place where calls to Google are repeated. What may pass is repeated after a growing delay, with jitter and Google's own Retry-After first; what
/// will not pass, or not soon, is thrown, with the time at which it makes sense to go on. Calls may run concurrently.
/// </summary>
/// <param name="jitter">Spreads the delays; a seeded one in tests.</param>
public sealed class GoogleCalls(TimeProvider time, Random jitter, GoogleCallOptions? options = null)
{
    private readonly GoogleCallOptions _options = options ?? new();

    /// <summary>Told before each wait, so that a waiting program does not look like one that hangs.</summary>
    public Action<TimeSpan, GoogleServiceException>? Waiting { get; init; }

    /// <summary>Calls that were sent, with those that were repeated.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    private long _sent;

    /// <param name="service">Whom the call goes to, for the message when there is no answer at all.</param>
    /// <param name="call">May be called several times. What it does must be safe to repeat; see <paramref name="repeats"/>.</param>
    /// <param name="repeats">Whether a call whose answer was lost may be sent again, which `batchCreate` and other additions must not be.</param>
    /// <param name="timeout">Of one attempt; null for <see cref="GoogleCallOptions.CallTimeout"/>. Transfers give none and watch over their bytes.</param>
    /// <exception cref="GoogleServiceException">The call failed for good, or for longer than waiting makes sense.</exception>
    public async Task<T> RunAsync<T>(string service, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken, bool repeats = true, TimeSpan? timeout = null)
    {
        var started = time.GetTimestamp();
        for (var attempt = 0; ; attempt++)
        {
            GoogleServiceException failure;
            try
            {
                return await OnceAsync(service, call, timeout ?? _options.CallTimeout, cancellationToken);
            }
            catch (GoogleServiceException exception)
            {
                failure = exception;
            }

            if (failure.Failure == GoogleFailure.DayQuota)
            {
                throw failure.Until(QuotaDay.NextReset(time.GetUtcNow()));
            }

            if (failure.Failure == GoogleFailure.TooManySessions)
            {
                throw failure.Until(time.GetUtcNow() + _options.SessionPause);
            }

            if (DelayOf(failure, attempt, repeats) is not { } delay)
            {
                throw failure;
            }

            if (time.GetElapsedTime(started) + delay > _options.Patience)
            {
                throw failure.Until(time.GetUtcNow() + (delay > _options.Pause ? delay : _options.Pause));
            }

            Waiting?.Invoke(delay, failure);
            await Task.Delay(delay, time, cancellationToken);
        }
    }

    /// <summary>A call with a small answer, as the services' requests are.</summary>
    public Task<T> RunAsync<T>(GoogleRequest<T> request, CancellationToken cancellationToken, bool repeats = true) =>
        RunAsync(((GoogleService)request.Service).DisplayName, request.ExecuteAsync, cancellationToken, repeats);

    private async Task<T> OnceAsync<T>(string service, Func<CancellationToken, Task<T>> call, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _sent);
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await call(either.Token);
        }
        catch (TokenResponseException refused)
        {
            throw GoogleErrors.Of(service, refused.StatusCode ?? 0, "", null);
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var words = exception is OperationCanceledException ? "nothing came for too long." : Innermost(exception);
            throw new GoogleServiceException(service, GoogleFailure.Network, GoogleSentences.Of(service, GoogleFailure.Network, words), exception);
        }
    }

    private TimeSpan? DelayOf(GoogleServiceException failure, int attempt, bool repeats)
    {
        var first = failure.Failure switch
        {
            GoogleFailure.MinuteQuota => _options.FirstQuotaDelay,
            GoogleFailure.RateLimited or GoogleFailure.ConcurrentWrites => _options.FirstDelay,
            GoogleFailure.ServerError or GoogleFailure.Network when repeats => _options.FirstDelay,
            _ => (TimeSpan?)null,
        };
        if (first is not { } begin)
        {
            return null;
        }

        var grown = begin * Math.Pow(2, Math.Min(attempt, 10));
        var bounded = grown < _options.LongestDelay ? grown : _options.LongestDelay;
        var asked = failure.RetryAfter is { } retryAfter && retryAfter > bounded ? retryAfter : bounded;
        lock (jitter)
        {
            // Never shorter than asked for: a quota that is asked too early counts the question.
            return asked * (1 + jitter.NextDouble() / 4);
        }
    }

    private static string Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception.Message;
    }
}

/// <summary>The day of Google's quotas, which ends at midnight in California.</summary>
public static class QuotaDay
{
    private static readonly TimeZoneInfo Pacific = FindPacific();

    public static DateTimeOffset NextReset(DateTimeOffset now) => StartOf(DayOf(now).AddDays(1));

    /// <summary>Names the day of quota that a time lies in.</summary>
    public static DateOnly DayOf(DateTimeOffset now) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, Pacific).DateTime);

    private static DateTimeOffset StartOf(DateOnly day)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        return new DateTimeOffset(midnight, Pacific.GetUtcOffset(midnight)).ToUniversalTime();
    }

    /// <summary>Images without time zones get a fixed offset: in summer the wait is then an hour too long, never too short.</summary>
    private static TimeZoneInfo FindPacific() => TimeZoneInfo.TryFindSystemTimeZoneById("America/Los_Angeles", out var zone)
        ? zone
        : TimeZoneInfo.CreateCustomTimeZone("Pacific", TimeSpan.FromHours(-8), "Pacific", "Pacific");
}
