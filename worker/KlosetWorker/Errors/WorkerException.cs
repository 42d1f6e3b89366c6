using KlosetWorker.Contract;

namespace KlosetWorker.Errors;

/// <summary>An end other than well, in words of the catalogue. <see cref="Exception.Message"/> says what failed in this case, and why.</summary>
internal sealed class WorkerException(ErrorInfo error, string message, Exception? cause = null) : Exception(message, cause)
{
    public ErrorInfo Error { get; } = error;

    /// <summary>What to do in this case, when the catalogue's words can be more exact.</summary>
    public string? Remedy { get; init; }

    public DateTimeOffset? ResumeAfter { get; init; }
}
