namespace KlosetOperator.Runtime.Cache;

/// <summary>All informers of an operator: started together, waited for together.</summary>
internal sealed class InformerGroup(IReadOnlyList<IRunningInformer> informers, TimeProvider time)
{
    private readonly List<Task> _running = [];

    public bool HasSynced => informers.All(static informer => informer.Synced.IsCompletedSuccessfully);

    public void Start(CancellationToken cancellationToken) =>
        _running.AddRange(informers.Select(informer => Task.Run(() => informer.RunAsync(cancellationToken), CancellationToken.None)));

    /// <summary>Completes when all caches are filled.</summary>
    /// <exception cref="TimeoutException">One was not in time; says which and why.</exception>
    public async Task WaitForSyncAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            // An informer that dies before it synced must not be waited for.
            var ended = Task.WhenAny(_running);
            var synced = Task.WhenAll(informers.Select(static informer => informer.Synced));
            if (await Task.WhenAny(synced, ended).WaitAsync(timeout, time, cancellationToken).ConfigureAwait(false) != synced && _running.Count > 0)
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
    public async Task StoppedAsync()
    {
        try
        {
            await Task.WhenAll(_running).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // That is how they stop.
        }
    }
}
