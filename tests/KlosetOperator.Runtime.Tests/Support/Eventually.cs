using System.Diagnostics;

namespace KlosetOperator.Runtime.Tests.Support;

internal static class Eventually
{
    /// <summary>Waits, in real time, until something holds that another thread or process brings about.</summary>
    public static async Task Holds(Func<bool> condition, string what, int seconds = 30)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(seconds), $"Not within {seconds} s: {what}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    public static async Task Holds(Func<Task<bool>> condition, string what, int seconds = 30)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(seconds), $"Not within {seconds} s: {what}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
