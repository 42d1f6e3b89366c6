namespace Benchmarks;

/// <summary>A question about speed or cost, and the measurement that answers it.</summary>
internal interface IBenchmark
{
    /// <summary>What the command line calls it.</summary>
    string Name { get; }

    /// <summary>The question, as a sentence.</summary>
    string Question { get; }

    /// <summary>Measures and prints the answer; 0 when it could be measured.</summary>
    Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken);
}
