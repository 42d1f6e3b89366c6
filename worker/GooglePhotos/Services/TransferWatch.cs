namespace GooglePhotos.Services;

/// <summary>Ends a transfer over which no byte has gone for a while; a whole film may take hours, a silent connection may not.</summary>
internal sealed class TransferWatch : IDisposable
{
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _silence;
    private readonly CancellationTokenSource _either;

    public TransferWatch(TimeProvider time, CancellationToken cancellationToken)
    {
        _silence = new(LongestSilence, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_silence.Token, cancellationToken);
    }

    public CancellationToken Token => _either.Token;

    public void Moved() => _silence.CancelAfter(LongestSilence);

    public void Dispose()
    {
        _either.Dispose();
        _silence.Dispose();
    }
}
