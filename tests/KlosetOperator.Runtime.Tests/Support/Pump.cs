using System.Diagnostics;

namespace KlosetOperator.Runtime.Tests.Support;

/// <summary>
/// Tests that move the clock while others work, one after another: each tells by the thread pool's rest whether those
/// others are done, and beside a second such test that rest would hardly ever come.
/// </summary>
[CollectionDefinition(Name)]
public sealed class ClockworkGroup
{
    public const string Name = "clockwork";
}

internal static class Pump
{
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Lets other threads run and, while they have nothing more to do, moves the clock on to when the next of them wants
    /// to be woken, but not by more than <paramref name="step"/> at once, until <paramref name="condition"/> holds.
    /// Returns how much time passed on the clock.
    /// </summary>
    public static async Task<TimeSpan> UntilAsync(this TestClock time, Func<bool> condition, string what, TimeSpan? step = null, TimeSpan? atMost = null)
    {
        var start = time.GetUtcNow();
        var real = Stopwatch.StartNew();
        while (true)
        {
            // The clock moves only when the other threads seem to have nothing left to do; on a busy machine that takes longer.
            for (int idle = 0, tries = 0; idle < 3 && tries < 50; tries++)
            {
                if (condition())
                {
                    return time.GetUtcNow() - start;
                }

                await Task.Delay(1);
                idle = ThreadPool.PendingWorkItemCount == 0 ? idle + 1 : 0;
            }

            Assert.True(
                time.GetUtcNow() - start <= (atMost ?? TimeSpan.FromHours(1)) && real.Elapsed < TimeSpan.FromSeconds(120),
                $"Not after {time.GetUtcNow() - start} on the clock: {what}");
            var longest = step ?? LongestStep;
            time.Advance(time.UntilNextTimer is { } next && next < longest ? next : longest);
        }
    }

    /// <summary>Gives other threads the time to do what they can do without the clock moving.</summary>
    public static async Task SettleAsync()
    {
        for (var i = 0; i < 20; i++)
        {
            await Task.Delay(1);
        }
    }
}
