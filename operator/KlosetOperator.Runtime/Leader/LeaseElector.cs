using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Leader;

/// <summary>
/// Elects one leader by a Lease, as client-go does. Others' clocks are never compared with ours: a lease has expired
/// when we have not seen it change for its duration. A holder that cannot renew within the deadline has lost, even in
/// the middle of a call: the call is cancelled.
/// </summary>
internal sealed partial class LeaseElector : ILeadership
{
    private const double Jitter = 1.2;

    private readonly IApiClient<V1Lease> _leases;
    private readonly NamespacedName _key;
    private readonly string _identity;
    private readonly LeaseElectionOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;

    // Written by the one loop that runs, read by probes and metrics.
    private V1Lease? _observed;
    private long _observedAt;
    private long _renewedAt;
    private volatile bool _isLeader;

    public LeaseElector(
        IApiClient<V1Lease> leases,
        NamespacedName key,
        string identity,
        LeaseElectionOptions options,
        TimeProvider time,
        Random random,
        RuntimeMetrics metrics,
        ILogger<LeaseElector> logger)
    {
        if (options.LeaseDuration <= options.RenewDeadline || options.RenewDeadline <= options.RetryPeriod * Jitter || options.RetryPeriod <= TimeSpan.Zero)
        {
            throw new ArgumentException(
                "Lease election needs leaseDuration > renewDeadline > 1.2 · retryPeriod > 0, or two processes could lead at once.", nameof(options));
        }

        _leases = leases;
        _key = key;
        _identity = identity;
        _options = options;
        _time = time;
        _random = random;
        _logger = logger;
        metrics.RegisterLeader(key.Name, () => _isLeader);
    }

    public bool IsLeader => _isLeader;

    public string? Holder => Volatile.Read(ref _observed)?.Spec?.HolderIdentity is { Length: > 0 } holder ? holder : null;

    /// <summary>False when this process believes to lead on a lease that is overdue: the loop that should have noticed is stuck.</summary>
    public bool IsHealthy => !_isLeader || _time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < _options.LeaseDuration + _options.RenewDeadline;

    /// <summary>An identity that no other process has, not even an earlier one of the same name.</summary>
    public static string UniqueIdentity(string name, Random random)
    {
        Span<byte> suffix = stackalloc byte[8];
        random.NextBytes(suffix);
        return $"{name}_{Convert.ToHexStringLower(suffix)}";
    }

    /// <summary>Tries until the lease is ours.</summary>
    public async Task AcquireAsync(CancellationToken cancellationToken)
    {
        LogWaiting(_key, _identity);
        while (true)
        {
            if (await TryAsync(_options.RenewDeadline, cancellationToken).ConfigureAwait(false))
            {
                _isLeader = true;
                LogAcquired(_key, _identity);
                return;
            }

            // Jitter, so that waiting replicas do not ask in step.
            await Task.Delay(_options.RetryPeriod * (1 + ((Jitter - 1) * _random.NextDouble())), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Keeps the lease. Returns when it is lost; throws when cancelled, and then the lease is still ours to release.</summary>
    public async Task HoldAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(_options.RetryPeriod, _time, cancellationToken).ConfigureAwait(false);
            while (true)
            {
                // What is left of the deadline bounds the try; a hanging server cannot keep us in office.
                var left = _options.RenewDeadline - _time.GetElapsedTime(_renewedAt);
                if (left <= TimeSpan.Zero || (await TryAsync(left, cancellationToken).ConfigureAwait(false) is var renewed && !renewed && IsHeldByOther()))
                {
                    _isLeader = false;
                    LogLost(_key, Holder ?? "nobody");
                    return;
                }

                if (_time.GetElapsedTime(_renewedAt) < _options.RetryPeriod)
                {
                    break;
                }

                var pause = _options.RenewDeadline - _time.GetElapsedTime(_renewedAt);
                pause = pause < _options.RetryPeriod ? pause : _options.RetryPeriod;
                await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Gives the lease up, so that another replica need not wait for it to expire. Never throws for the server's answers.</summary>
    public async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        if (!_isLeader || _observed is not { } held)
        {
            return;
        }

        _isLeader = false;
        try
        {
            try
            {
                await _leases.ReplaceAsync(Released(held), cancellationToken).ConfigureAwait(false);
            }
            catch (ApiException error) when (error.IsConflict)
            {
                // A renewal that was under way when we were stopped may have arrived after all.
                if (await _leases.GetAsync(_key, cancellationToken).ConfigureAwait(false) is not { } current || current.Spec?.HolderIdentity != _identity)
                {
                    return;
                }

                await _leases.ReplaceAsync(Released(current), cancellationToken).ConfigureAwait(false);
            }

            LogReleased(_key);
        }
        catch (ApiException error)
        {
            LogReleaseFailed(_key, error.Message);
        }
    }

    private V1Lease Released(V1Lease held)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        return held with
        {
            Spec = new V1LeaseSpec
            {
                HolderIdentity = "",
                LeaseDurationSeconds = 1,
                LeaseTransitions = held.Spec?.LeaseTransitions,
                AcquireTime = now,
                RenewTime = now,
            },
        };
    }

    private bool IsHeldByOther() => Holder is { } holder && holder != _identity;

    /// <summary>One try to get or renew the lease, given up after <paramref name="limit"/>.</summary>
    private async Task<bool> TryAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var limiter = new CancellationTokenSource(limit, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limiter.Token);
        var started = _time.GetTimestamp();
        try
        {
            if (!await TryAcquireOrRenewAsync(both.Token).ConfigureAwait(false))
            {
                return false;
            }

            // From when the request went out: the lease cannot have been renewed later than that in anybody's eyes.
            Volatile.Write(ref _renewedAt, started);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            LogTryFailed(_key, "no answer in time");
            return false;
        }
        catch (ApiException error)
        {
            LogTryFailed(_key, error.Message);
            return false;
        }
    }

    private async Task<bool> TryAcquireOrRenewAsync(CancellationToken cancellationToken)
    {
        // While we hold it, what we wrote last is most likely still there: save the read.
        if (_isLeader && _observed is { } mine && mine.Spec?.HolderIdentity == _identity)
        {
            try
            {
                Observe(await _leases.ReplaceAsync(With(mine, transitions: mine.Spec.LeaseTransitions, mine.Spec.AcquireTime), cancellationToken).ConfigureAwait(false));
                return true;
            }
            catch (ApiException error) when (error.IsConflict || error.IsNotFound)
            {
                // Somebody touched it: look.
            }
        }

        var current = await _leases.GetAsync(_key, cancellationToken).ConfigureAwait(false);
        if (current is null)
        {
            var fresh = new V1Lease { Metadata = new V1ObjectMeta { Name = _key.Name, NamespaceProperty = _key.Namespace } };
            Observe(await _leases.CreateAsync(With(fresh, transitions: 0, acquired: null), cancellationToken).ConfigureAwait(false));
            return true;
        }

        if (_observed is null || !SameRecord(_observed, current))
        {
            Observe(current);
        }

        var holder = current.Spec?.HolderIdentity ?? "";
        var isOurs = holder == _identity;
        if (!isOurs && holder.Length > 0 && _time.GetElapsedTime(_observedAt) < TimeSpan.FromSeconds(current.Spec?.LeaseDurationSeconds ?? 0))
        {
            return false;
        }

        var transitions = (current.Spec?.LeaseTransitions ?? 0) + (isOurs ? 0 : 1);
        Observe(await _leases.ReplaceAsync(With(current, transitions, isOurs ? current.Spec?.AcquireTime : null), cancellationToken).ConfigureAwait(false));
        return true;
    }

    private V1Lease With(V1Lease lease, int? transitions, DateTime? acquired)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        return lease with
        {
            Spec = new V1LeaseSpec
            {
                HolderIdentity = _identity,
                LeaseDurationSeconds = (int)Math.Ceiling(_options.LeaseDuration.TotalSeconds),
                AcquireTime = acquired ?? now,
                RenewTime = now,
                LeaseTransitions = transitions ?? 0,
            },
        };
    }

    private void Observe(V1Lease lease)
    {
        Volatile.Write(ref _observed, lease);
        _observedAt = _time.GetTimestamp();
    }

    private static bool SameRecord(V1Lease left, V1Lease right) => left.Metadata.Uid == right.Metadata.Uid && left.Spec == right.Spec;
}
