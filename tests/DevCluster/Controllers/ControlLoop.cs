using System.Threading.Channels;
using DevCluster.Storage;

namespace DevCluster.Controllers;

/// <summary>Looks at changes of the store and brings the rest of the cluster in line.</summary>
internal interface IClusterController
{
    void OnChange(Change change);
}

/// <summary>
/// One thread of control for all controllers: changes come in the order of their revisions, and what is due later comes back through
/// the same queue. So controllers need no locks among each other.
/// </summary>
internal sealed class ControlLoop(TimeProvider time)
{
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });

    public void Post(Action action) => _work.Writer.TryWrite(action);

    public void PostAfter(TimeSpan delay, Action action)
    {
        if (delay <= TimeSpan.Zero)
        {
            Post(action);
            return;
        }

        ITimer? timer = null;
        timer = time.CreateTimer(_ =>
        {
            timer?.Dispose();
            Post(action);
        }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(delay, Timeout.InfiniteTimeSpan);
    }

    public async Task RunAsync(ChannelReader<Change> changes, IReadOnlyList<IClusterController> controllers, CancellationToken ct)
    {
        var pump = Task.Run(async () =>
        {
            await foreach (var change in changes.ReadAllAsync(ct))
            {
                Post(() =>
                {
                    foreach (var controller in controllers)
                    {
                        controller.OnChange(change);
                    }
                });
            }
        }, ct);
        try
        {
            await foreach (var action in _work.Reader.ReadAllAsync(ct))
            {
                try
                {
                    action();
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // A controller that stumbles over one object must not end the cluster; the next change of the object calls it again.
                    await Console.Error.WriteLineAsync($"DevCluster: {e}");
                }
            }

            await pump;
        }
        catch (OperationCanceledException)
        {
            // The cluster stops.
        }
    }
}
