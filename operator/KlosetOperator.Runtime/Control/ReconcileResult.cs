namespace KlosetOperator.Runtime.Control;

/// <summary>What a reconciliation came to. Closed: <see cref="Done"/>, <see cref="After"/>, <see cref="Retry"/>, <see cref="Terminal"/>.</summary>
#pragma warning disable CA1034 // the cases of a closed hierarchy live inside it
public abstract record ReconcileResult
{
    private ReconcileResult()
    {
    }

    /// <summary>The world is as it should be; called again when something changes.</summary>
    public sealed record Done : ReconcileResult
    {
        public static readonly Done Instance = new();
    }

    /// <summary>Well, and called again no later than after <paramref name="Delay"/>, or earlier when something changes.</summary>
    public sealed record After(TimeSpan Delay) : ReconcileResult;

    /// <summary>Failed; called again after the item's back-off. An exception thrown by the controller is the same.</summary>
    public sealed record Retry(Exception Error) : ReconcileResult;

    /// <summary>Failed for good; called again only when something changes.</summary>
    public sealed record Terminal(Exception Error) : ReconcileResult;
}
#pragma warning restore CA1034
