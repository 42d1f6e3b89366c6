using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace DevCluster.Pods;

internal readonly record struct LogLine(DateTimeOffset Time, string Text);

/// <summary>What containers wrote, by pod and container.</summary>
internal sealed class PodLogs
{
    private readonly ConcurrentDictionary<(string PodUid, string Container), ContainerLog> _logs = new();

    public ContainerLog? Find(string podUid, string container) => _logs.GetValueOrDefault((podUid, container));

    public ContainerLog Start(string podUid, string container) => _logs[(podUid, container)] = new ContainerLog();

    public void Remove(string podUid)
    {
        foreach (var key in _logs.Keys.Where(key => key.PodUid == podUid).ToArray())
        {
            if (_logs.TryRemove(key, out var log))
            {
                log.End();
            }
        }
    }
}

/// <summary>Lines of one container; readers can follow until it ends.</summary>
internal sealed class ContainerLog
{
    /// <summary>A node rotates logs at 10 MiB; so many lines are enough here.</summary>
    private const int MostLines = 100_000;

    private readonly Lock _gate = new();
    private readonly List<LogLine> _lines = [];
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _dropped;
    private bool _ended;

    public void Append(DateTimeOffset time, string text)
    {
        lock (_gate)
        {
            _lines.Add(new LogLine(time, text));
            if (_lines.Count > MostLines)
            {
                _lines.RemoveRange(0, MostLines / 10);
                _dropped += MostLines / 10;
            }

            Wake();
        }
    }

    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            Wake();
        }
    }

    public string Tail(int lines, int bytes)
    {
        lock (_gate)
        {
            var text = string.Join('\n', _lines.TakeLast(lines).Select(line => line.Text));
            return text.Length <= bytes ? text : text[^bytes..];
        }
    }

    public async IAsyncEnumerable<LogLine> ReadAsync(int? tail, DateTimeOffset? since, bool follow, [EnumeratorCancellation] CancellationToken ct)
    {
        long next;
        lock (_gate)
        {
            next = _dropped + (tail is { } lines ? Math.Max(0, _lines.Count - lines) : 0);
        }

        while (true)
        {
            LogLine[] batch;
            Task grown;
            bool ended;
            lock (_gate)
            {
                var from = (int)Math.Max(0, next - _dropped);
                batch = [.. _lines.Skip(from)];
                next = _dropped + _lines.Count;
                grown = _grown.Task;
                ended = _ended;
            }

            foreach (var line in batch)
            {
                if (since is null || line.Time >= since)
                {
                    yield return line;
                }
            }

            if (!follow || ended)
            {
                yield break;
            }

            await grown.WaitAsync(ct);
        }
    }

    private void Wake()
    {
        _grown.TrySetResult();
        _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
