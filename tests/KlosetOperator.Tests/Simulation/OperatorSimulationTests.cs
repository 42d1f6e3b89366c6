namespace KlosetOperator.Tests.Simulation;

/// <summary>
/// The whole operator in one thread with everything going wrong that can: it dies at any call, watches lose, double and swap events, answers
/// get lost, clocks jump, two lead at once, nodes die and workers do as they like. One seed is one life; thousands with KLOSET_TEST_LONG=1, a
/// portion with KLOSET_SIMULATION_SEED (the first) and KLOSET_SIMULATION_SEEDS (how many).
/// </summary>
public sealed class OperatorSimulationTests
{
    private static readonly int Seeds = Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") == "1" ? 5000 : 60;

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : null;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1_000_000)]
    public async Task Whatever_happens_it_converges_and_lies_to_nobody(int leaders, int firstSeed)
    {
        var first = Number("KLOSET_SIMULATION_SEED") ?? firstSeed;
        var count = Number("KLOSET_SIMULATION_SEEDS") ?? (Number("KLOSET_SIMULATION_SEED") is null ? Seeds / leaders : 1);
        for (var seed = first; seed < first + count; seed++)
        {
            try
            {
                await using var world = new SimulatedWorld(seed, leaders);
                await world.LiveAsync(steps: 400);
                await world.SettleAsync();
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                throw new InvalidOperationException($"KLOSET_SIMULATION_SEED={seed} with {leaders} leader(s): {failure.Message}", failure);
            }
        }
    }
}
