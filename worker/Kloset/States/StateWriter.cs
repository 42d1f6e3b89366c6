using Kloset.Repositories;

namespace Kloset.States;

/// <summary>Puts a state of deletions and marks, and takes it into the index at once.</summary>
internal static class StateWriter
{
    public static async Task<Mac> PutAsync(Repository repository, Action<StateBuilder> fill)
    {
        using var builder = new StateBuilder(repository.Index.NewestState);
        fill(builder);
        // Of a mark and its removal the later state counts: ours must be later than what it answers to, whatever the clocks say.
        var now = Timestamp.From(repository.Services.Time.GetUtcNow()).UnixNanoseconds;
        builder.Trailer(new StateTrailer(StateParser.NewestVersion, Math.Max(now, repository.Index.NewestTime + 1), repository.Id));
        using var resource = StateLoader.Seal(repository.Codec, builder.Journal);
        var id = repository.Codec.ComputeMac(resource.Span);
        // Not cancelled half-way: whether a state is there must be known.
        await repository.Store.PutAsync(StateLoader.KeyOf(in id), StateLoader.Sequence(resource), CancellationToken.None);
        repository.Index.Apply(in id, StateLoader.Parse(repository.Codec, resource.Span));
        return id;
    }
}
