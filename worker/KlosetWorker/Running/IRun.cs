using KlosetWorker.Contract;

namespace KlosetWorker.Running;

/// <summary>One kind of work that an order can ask for. What fails is thrown; <see cref="RunProcess"/> turns it into a result.</summary>
internal interface IRun
{
    Task<RunEnd> ExecuteAsync();
}

/// <summary>What a run says at its end: the result for the operator, and how the process ends.</summary>
internal sealed record RunEnd(RunResult Result, ExitCode ExitCode);
