namespace KlosetOperator.Runtime.Cache;

/// <summary>All informers of an operator: started together, waited for together.</summary>
internal sealed class InformerGroup(IReadOnlyList<IRunningInformer> informers, TimeProvider time)
{
    private readonly List<Task> _running = [];

    public bool HasSynced => informers.All(static informer => informer.Synced.IsCompletedSuccessfully);

    /// <summary>Whether waiting longer may fill the caches.</summary>
    public bool MayHeal => informers.All(static informer => informer.MayHeal);

    public void Start(CancellationToken cancellationToken) =>
        _running.AddRange(informers.Select(informer => Task.Run(() => informer.RunAsync(cancellationToken), CancellationToken.None)));

    /// <summary>Completes when one of them has ended, which none does before it is cancelled: await what it gives.</summary>
    public Task<Task> Ended => _running.Count == 0 ? new TaskCompletionSource<Task>().Task : Task.WhenAny(_running);

    /// <summary>Completes when all caches are filled.</summary>
    /// <exception cref="TimeoutException">One was not in time; says which and why.</exception>
    public async Task WaitForSyncAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            // An informer that dies before it synced must not be waited for.
            var ended = Ended;
            var synced = Task.WhenAll(informers.Select(static informer => informer.Synced));
            if (await Task.WhenAny(synced, ended).WaitAsync(timeout, time, cancellationToken).ConfigureAwait(false) != synced)
            {
                await (await ended.ConfigureAwait(false)).ConfigureAwait(false);
            }

            await synced.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var waiting = informers.Where(static informer => !informer.Synced.IsCompleted).Select(static informer => informer.Describe());
            throw new TimeoutException($"After {timeout.TotalSeconds:0} s these could not be listed: {string.Join("; ", waiting)}");
        }
    }

    /// <summary>Completes when all have stopped after their token was cancelled.</summary>
    public async Task StoppedAsync() =>
        // Cancellation is how they stop, and one that failed was reported when it did.
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
