using KlosetWorker.Contract;

namespace KlosetWorker.Diagnosis;

internal enum Verdict
{
    Well,

    /// <summary>Nobody has to do anything, but should know.</summary>
    Note,

    /// <summary>It works, and something ought to be done.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Wrong,

    /// <summary>Could not be looked at, because of something above.</summary>
    Skipped,
}

/// <param name="Subject">One or two words.</param>
/// <param name="Remedy">What to do; null when nothing is to be done.</param>
/// <param name="Error">The catalogue's entry when it is wrong: decides the exit code.</param>
internal sealed record Finding(string Subject, Verdict Verdict, string Message, string? Remedy = null, ErrorInfo? Error = null);
