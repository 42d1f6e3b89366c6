using System.Runtime.InteropServices;

namespace Kloset.States;

/// <summary>A parsed state, held until it can be applied as a whole: a damaged one must not be applied in part.</summary>
internal sealed class StateContent : IStateVisitor
{
    /// <summary>Blocks are short-lived, and below the size from which the collector keeps them apart.</summary>
    private const int BlockSize = 512;

    public StateTrailer Trailer { get; set; }

    public Mac Parent { get; set; }

    /// <summary>Locations are somebody else's business.</summary>
    public bool SkipsLocations { get; init; }

    /// <summary>In blocks, because a state may name millions.</summary>
    public List<List<LocationEntry>> Locations { get; } = [];

    public List<ColouredEntry> Coloured { get; } = [];

    public List<PackfileEntry> Packfiles { get; } = [];

    public List<DeleteEntry> Deletes { get; } = [];

    void IStateVisitor.Location(in LocationEntry entry)
    {
        if (SkipsLocations)
            return;
        if (Locations.Count == 0 || Locations[^1].Count == BlockSize)
            Locations.Add(new List<LocationEntry>(Locations.Count == 0 ? 64 : BlockSize));
        Locations[^1].Add(entry);
    }

    void IStateVisitor.Coloured(in ColouredEntry entry) => Coloured.Add(entry);

    void IStateVisitor.Packfile(in PackfileEntry entry) => Packfiles.Add(entry);

    void IStateVisitor.Delete(in DeleteEntry entry) => Deletes.Add(entry);
}

internal static class ListSpans
{
    /// <summary>The list's items in place; do not change the list meanwhile.</summary>
    public static ReadOnlySpan<T> AsReadOnlySpan<T>(this List<T> list) => CollectionsMarshal.AsSpan(list);
}
