using System.Threading.Channels;
using Kloset.Snapshots;
using Kloset.Writing;

namespace KlosetWorker.Takeout;

/// <summary>
/// A snapshot that is being written while its changes still come in, so that they never pile up in memory. Tags and context are known
/// only at its end; the engine reads them last, when it writes the header.
/// </summary>
internal sealed class OpenCommit : IAsyncDisposable
{
    private readonly Channel<TreeChange> _changes = Channel.CreateBounded<TreeChange>(new BoundedChannelOptions(1024) { SingleReader = true });
    private readonly List<string> _tags = [];
    private readonly List<KeyValuePair<string, string>> _context = [];
    private readonly CancellationTokenSource _abandoned = new();
    private readonly Task<SnapshotHeader> _commit;

    public OpenCommit(RepositoryWriter writer, SnapshotDraft draft, Snapshot? basis)
    {
        _commit = CommitAsync(writer, draft with { Tags = _tags, Context = _context }, basis);
    }

    public async ValueTask WriteAsync(TreeChange change, CancellationToken cancellationToken)
    {
        try
        {
            await _changes.Writer.WriteAsync(change, cancellationToken);
        }
        catch (ChannelClosedException)
        {
            await _commit; // says why nobody takes changes any more
            throw;
        }
    }

    public async Task<SnapshotHeader> CompleteAsync(IEnumerable<string> tags, IEnumerable<KeyValuePair<string, string>> context)
    {
        _tags.AddRange(tags);
        _context.AddRange(context);
        _changes.Writer.TryComplete();
        return await _commit;
    }

    private async Task<SnapshotHeader> CommitAsync(RepositoryWriter writer, SnapshotDraft draft, Snapshot? basis)
    {
        try
        {
            return await writer.CommitAsync(draft, basis, _changes.Reader.ReadAllAsync(_abandoned.Token), _abandoned.Token);
        }
        finally
        {
            _changes.Writer.TryComplete();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_commit.IsCompleted)
        {
            await _abandoned.CancelAsync();
        }

        await ((Task)_commit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _abandoned.Dispose();
    }
}
