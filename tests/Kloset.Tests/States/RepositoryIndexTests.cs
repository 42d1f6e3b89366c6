using System.Text;
using Kloset.States;

namespace Kloset.Tests.States;

/// <summary>An index that has to move to files says what one in memory says.</summary>
public sealed class RepositoryIndexTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kloset-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(1, 16)]
    [InlineData(2, 64)]
    [InlineData(3, 700)]
    public void Places_on_disk_and_in_memory_are_the_same(int seed, int placesInMemory)
    {
        var states = RandomStates(new Random(seed), count: 40, locations: 120);
        using var memory = new RepositoryIndex();
        using var disk = new RepositoryIndex(() => _folder.FullName, placesInMemory);
        foreach (var (id, content) in states)
        {
            memory.Apply(in id, content);
            disk.Apply(in id, content);
        }

        Assert.Equal(Describe(memory), Describe(disk));
        var known = 0;
        foreach (var entry in states.SelectMany(s => s.Content.Locations).SelectMany(block => block))
        {
            var expected = memory.TryFind(entry.Type, entry.Blob, out var location);
            Assert.Equal(expected, disk.TryFind(entry.Type, entry.Blob, out var found));
            Assert.Equal(location with { Ordinal = 0 }, found with { Ordinal = 0 });
            Assert.Equal(
                memory.FindAll(entry.Type, entry.Blob).Select(p => p.Location.Packfile).Order(),
                disk.FindAll(entry.Type, entry.Blob).Select(p => p.Location.Packfile).Order());
            known += expected ? 1 : 0;
        }

        Assert.InRange(known, 1000, states.Sum(s => s.Content.Locations.Sum(block => block.Count)) - 100);
    }

    [Fact]
    public void Blobs_keep_their_numbers_while_others_are_added()
    {
        var states = RandomStates(new Random(4), count: 30, locations: 100);
        using var index = new RepositoryIndex(() => _folder.FullName, placesInMemory: 128);
        foreach (var (id, content) in states.Take(20))
            index.Apply(in id, content);
        var count = index.SlotCount;
        var numbers = index.VisibleBlobs().DistinctBy(b => (b.Type, b.Id)).ToDictionary(b => (b.Type, b.Id), b => index.SlotOf(b.Type, b.Id));
        Assert.Equal(numbers.Count, numbers.Values.Distinct().Count());
        foreach (var (id, content) in states.Skip(20))
            index.Apply(in id, content);
        foreach (var ((type, id), number) in numbers)
        {
            Assert.InRange(number, 0, count - 1);
            Assert.Equal((type, id), (index.PlaceAt(number).Type, index.PlaceAt(number).Id));
        }

        var listed = index.PlacesByPackfile().Values.SelectMany(places => places).Select(index.PlaceAt)
            .Select(p => (p.Type, p.Id, p.Location.Packfile)).ToHashSet();
        Assert.Equal(index.VisibleBlobs().Select(b => (b.Type, b.Id, b.Location.Packfile)).ToHashSet(), listed);
    }

    [Fact]
    public void A_session_finds_what_it_claimed_after_the_index_moved_to_files()
    {
        var random = new Random(5);
        using var index = new RepositoryIndex(() => _folder.FullName, placesInMemory: 50);
        var session = index.BeginSession();
        var other = index.BeginSession();
        var abandoned = index.BeginSession();
        var packfile = index.OpenPackfile(session);
        var blobs = Enumerable.Range(0, 3000).Select(_ => NextMac(random)).ToList();
        Assert.True(index.TryClaim(abandoned, BlobType.Chunk, blobs[0], out _));
        index.EndSession(abandoned);
        var waiting = new Queue<(Mac Id, int Number)>();
        for (var i = 0; i < blobs.Count; i++)
        {
            Assert.True(index.TryClaim(session, BlobType.Chunk, blobs[i], out _));
            Assert.False(index.TryClaim(session, BlobType.Chunk, blobs[i], out _));
            waiting.Enqueue((blobs[i], i));
            if (waiting.Count > 7)
            {
                var (id, number) = waiting.Dequeue();
                index.Place(session, BlobType.Chunk, in id, packfile, number * 10, 10);
            }
        }

        while (waiting.TryDequeue(out var rest))
            index.Place(session, BlobType.Chunk, rest.Id, packfile, rest.Number * 10, 10);
        Assert.All(blobs, id => Assert.True(index.IsKnown(session, BlobType.Chunk, in id)));
        Assert.All(blobs, id => Assert.False(index.IsKnown(other, BlobType.Chunk, in id)));
        Assert.False(index.IsKnown(session, BlobType.Object, blobs[0]));
        index.MarkStored(packfile, NextMac(random));
        index.MarkDeclared([packfile], NextMac(random), 1);
        for (var i = 0; i < blobs.Count; i++)
        {
            Assert.True(index.TryFind(BlobType.Chunk, blobs[i], out var location));
            Assert.Equal(i * 10, location.Offset);
        }

        Assert.Equal(blobs.Count, index.VisibleBlobs().Count());
    }

    [Fact]
    public void Files_of_the_index_leave_no_names_behind()
    {
        using var index = new RepositoryIndex(() => _folder.FullName, placesInMemory: 16);
        foreach (var (id, content) in RandomStates(new Random(6), count: 10, locations: 100))
            index.Apply(in id, content);
        Assert.True(OperatingSystem.IsWindows() || !_folder.EnumerateFiles().Any());
    }

    /// <summary>States that share blobs, repeat one another's places, delete, colour, and name packfiles that nobody declares.</summary>
    internal static List<(Mac Id, StateContent Content)> RandomStates(Random random, int count, int locations)
    {
        var blobs = Enumerable.Range(0, count * locations / 2).Select(_ => NextMac(random)).ToList();
        var packfiles = Enumerable.Range(0, count * 2).Select(_ => NextMac(random)).ToList();
        var said = new List<LocationEntry>();
        var states = new List<(Mac, StateContent)>();
        for (var i = 0; i < count; i++)
        {
            var content = new StateContent { Trailer = new StateTrailer(StateParser.NewestVersion, 1000 + random.Next(500), Guid.Empty) };
            IStateVisitor visitor = content;
            for (var j = 0; j < locations; j++)
            {
                var type = random.Next(20) == 0 ? BlobType.Snapshot : random.Next(2) == 0 ? BlobType.Chunk : BlobType.Object;
                var entry = random.Next(10) == 0 && said.Count > 0
                    ? said[random.Next(said.Count)]
                    : new LocationEntry(type, BlobTypes.Version, blobs[random.Next(blobs.Count)], packfiles[random.Next(packfiles.Count)], 0, 0, 0);
                // A place that is said twice is the same one both times: it follows from what it names.
                entry = entry with { Offset = (entry.Blob.GetHashCode() & 0xFFFFFF) + (entry.Packfile.GetHashCode() & 0xFFFF), Length = (uint)(byte)entry.Blob.GetHashCode() };
                said.Add(entry);
                visitor.Location(in entry);
            }

            for (var j = 0; j < 3; j++)
                visitor.Packfile(new PackfileEntry(packfiles[random.Next(packfiles.Count)], NextMac(random), 7));
            if (random.Next(3) == 0)
                visitor.Delete(new DeleteEntry(StateEntryKind.Packfile, 0, Mac.Zero, packfiles[random.Next(packfiles.Count)]));
            if (random.Next(3) == 0)
                visitor.Coloured(new ColouredEntry(ColouredEntry.Packfile, packfiles[random.Next(packfiles.Count)], random.Next(900)));
            if (random.Next(3) == 0)
                visitor.Delete(new DeleteEntry(StateEntryKind.Coloured, ColouredEntry.Packfile, packfiles[random.Next(packfiles.Count)], Mac.Zero));
            var gone = said[random.Next(said.Count)];
            visitor.Delete(new DeleteEntry(StateEntryKind.Location, (byte)gone.Type, gone.Blob, gone.Packfile));
            states.Add((NextMac(random), content));
        }

        return states;
    }

    internal static string Describe(RepositoryIndex index)
    {
        var text = new StringBuilder();
        foreach (var snapshot in index.Snapshots().Order())
            text.Append("snapshot ").Append(snapshot).AppendLine();
        foreach (var (packfile, since) in index.Packfiles().OrderBy(p => p.Packfile.Id))
            text.Append("packfile ").Append(packfile.Id).Append(' ').Append(packfile.IsVisible).Append(' ').Append(since).Append(' ').Append(packfile.DataEnd).AppendLine();
        foreach (var (type, id, location) in index.VisibleBlobs().OrderBy(b => b.Id).ThenBy(b => b.Type).ThenBy(b => b.Location.Packfile))
            text.Append(type).Append(' ').Append(id).Append(' ').Append(location.Packfile).Append(' ').Append(location.Offset).Append(' ').Append(location.Length).AppendLine();
        return text.Append("newest ").Append(index.NewestState).Append(" of ").Append(index.StateCount).ToString();
    }

    internal static Mac NextMac(Random random)
    {
        var bytes = new byte[Mac.Size];
        random.NextBytes(bytes);
        return new Mac(bytes);
    }
}
