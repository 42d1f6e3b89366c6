using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace GooglePhotos.Takeout.Metadata;

/// <summary>
/// Runs parsers that recurse as deep as a file tells them to. A made-up picture can chain tens of thousands of directories, each one a
/// stack frame; on a pool thread that would end the process, on this thread's stack it ends in a result.
/// </summary>
internal static class DeepStack
{
    // 1 MiB of file holds at most some 60,000 chained directories of 18 bytes. Only what is touched becomes memory.
    private const int StackBytes = 128 << 20;

    private static readonly Lazy<BlockingCollection<Action>> Queue = new(Start);

    /// <summary>Runs the work there and waits; throws what it throws.</summary>
    internal static T Run<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim done = new();
        Queue.Value.Add(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
        return result;
    }

    private static BlockingCollection<Action> Start()
    {
        BlockingCollection<Action> queue = [];
        new Thread(() =>
        {
            foreach (Action work in queue.GetConsumingEnumerable())
            {
                work();
            }
        }, StackBytes)
        {
            IsBackground = true,
            Name = "media metadata",
        }.Start();
        return queue;
    }
}
