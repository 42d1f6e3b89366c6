using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Runtime.Tests.Support;

internal static class Pump
{
    /// <summary>
    /// Lets other threads run and, while they have nothing more to do, moves the clock on, until
    /// <paramref name="condition"/> holds. Returns how much time passed on the clock.
    /// </summary>
    public static async Task<TimeSpan> UntilAsync(this FakeTimeProvider time, Func<bool> condition, string what, TimeSpan? step = null, TimeSpan? atMost = null)
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
            time.Advance(step ?? TimeSpan.FromMilliseconds(200));
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
