using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kloset;
using Kloset.Encryption;
using Kloset.Maintenance;
using Kloset.Repositories;
using Kloset.Retention;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;
using KlosetWorker.Catalog;

namespace Fuzzing;

/// <summary>What lies under `kloset-operator/` and `/.kloset/`: our own files, which anybody who can write to the store can replace.</summary>
public sealed class OwnFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kloset-fuzz-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sealed_indexes(bool encrypted)
    {
        var kind = encrypted ? " (encrypted)" : " (compressed)";
        var id = Guid.NewGuid();
        using var codec = new BlobCodec(new byte[32], "BLAKE3", encrypted ? null : "LZ4", encrypted ? new StreamCipher(new byte[32], new StreamCipherParameters(), RandomSource.System.Fill) : null);
        var records = Enumerable.Range(0, 4).Select(i => new BlobSlot(AMac((byte)(i + 1)), i % 2, 100, BlobSlot.Pack(i * 100, BlobType.Chunk))).ToArray();
        using var piece = SealedIndexFormat.Seal(codec, SealedIndexFormat.Part.Piece, MemoryMarshal.AsBytes(records.AsSpan()), out var tag);
        using var tables = new PooledBuffer();
        SealedIndexFormat.Write(tables, id, new SealedTables
        {
            States = [AMac(1), AMac(2)],
            Parents = [AMac(1)],
            NewestState = AMac(2),
            NewestTime = 5,
            Packfiles = [new SealedPackfile(AMac(7), AMac(1), 4, 400, 1, 0), new SealedPackfile(AMac(8), AMac(2), 5, 400, 1, 1)],
            Colours = [new SealedColour(AMac(8), 5, 5, 4, 1)],
            Deletions = [new SealedDeletion(AMac(3), AMac(7), 9)],
            Snapshots = [new SealedSnapshot(AMac(2), 0)],
            Pieces = [new SealedPiece(tag, records.Length)],
        });
        using var head = SealedIndexFormat.Seal(codec, SealedIndexFormat.Part.Head, tables.Span, out _);
        // Behind the tag, and behind the compression: an index that is taken in must be one that can be asked.
        Fuzz.Parser("heads of sealed indexes" + kind, [head.ToArray()], bytes => Open(SealedIndexFormat.Part.Head, Tagged(codec, bytes)), typeof(MalformedException));
        Fuzz.Parser("pieces of sealed indexes" + kind, [piece.ToArray()], bytes => Open(SealedIndexFormat.Part.Piece, Tagged(codec, bytes)), typeof(MalformedException));
        if (!encrypted)
            Fuzz.Parser("tables of sealed indexes", [tables.ToArray()], Take, typeof(MalformedException));

        void Open(SealedIndexFormat.Part part, byte[] bytes)
        {
            using var payload = new PooledBuffer();
            SealedIndexFormat.Open(codec, part, bytes, payload, out _);
            if (part == SealedIndexFormat.Part.Head)
                Take(payload.ToArray());
        }

        void Take(byte[] payload)
        {
            using var index = new RepositoryIndex(() => _folder);
            using (var import = index.BeginImport(SealedIndexFormat.Read(payload, id)))
            {
                import.Add(records);
                import.Finish();
            }

            index.Snapshots();
            index.MentionedPackfiles();
            index.LostStates();
            for (byte blob = 1; blob < 6; blob++)
                index.TryFind(BlobType.Chunk, AMac(blob), out _);
        }
    }

    [Fact]
    public async Task Owners_pins_and_waves()
    {
        var store = new FileSystemStore(_folder);
        var snapshot = new SnapshotId(AMac(4));
        Fuzz.Parser(
            "owners", ["""{"owner":"cluster/photos/family","since":"2026-11-01T00:00:00+00:00"}"""u8.ToArray()],
            bytes =>
            {
                Put("kloset-operator/owner", bytes);
                Assert.NotNull(Now(new RepositoryOwner(store, TimeProvider.System).ReadAsync(Token)));
            });
        var hash = await new ForgetWaves(store).ProposeAsync([snapshot], Token);
        Fuzz.Parser(
            "waves of forgetting", [Encoding.ASCII.GetBytes(snapshot.ToString())],
            bytes =>
            {
                Put("kloset-operator/forget/" + hash, bytes);
                // Nothing but what the hash stands for.
                Assert.Subset(new HashSet<SnapshotId> { snapshot }, Now(new ForgetWaves(store).FindAsync(hash, Token)).ToHashSet());
            });
        Fuzz.Parser(
            "names of pins", [Encoding.Latin1.GetBytes($"{snapshot}/restore-1"), Encoding.Latin1.GetBytes($"{snapshot}/alice")],
            bytes =>
            {
                // As a name of a file, as far as it can be one.
                var name = Encoding.Latin1.GetString(bytes).Replace('\0', '0').TrimStart('/');
                var place = Path.GetFullPath(Path.Combine(_folder, "kloset-operator", "pins", name));
                if (name.Length is 0 or > 200 || !place.StartsWith(Path.Combine(_folder, "kloset-operator", "pins") + "/", StringComparison.Ordinal) || place.EndsWith('/'))
                    return;
                Directory.CreateDirectory(Path.GetDirectoryName(place)!);
                File.WriteAllBytes(place, []);
                Now(new SnapshotPins(store).ListAsync(Token));
                Directory.Delete(Path.Combine(_folder, "kloset-operator", "pins"), recursive: true);
            },
            typeof(IOException));

        void Put(string key, byte[] bytes)
        {
            var path = Path.Combine(_folder, key);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
    }

    [Fact]
    public void Catalogs_and_manifests()
    {
        var item = new CatalogItem
        {
            Id = "url:https://photos.google.com/photo/AF1Qip1",
            Rank = "exact",
            Taken = new DateTimeOffset(2023, 6, 9, 9, 9, 9, TimeSpan.Zero),
            Place = new CatalogPlace(47.5, 8.5, 400),
            Albums = [new CatalogMembership("Iceland", 3)],
            Files = [new CatalogFile { Role = "original", Paths = ["/Google Photos/Photos from 2023/a.jpg"], Size = 9, Sha256 = "00", Sha1 = "00", Crc32 = "00000000", Object = AMac(1).ToString() }],
        };
        Fuzz.Parser(
            "lines of catalogs", [JsonSerializer.SerializeToUtf8Bytes(item, CatalogJson.Readable.CatalogItem)],
            bytes => CatalogReader.Parse(bytes, EntryPath.Parse("/.kloset/catalog/2023.ndjson")), typeof(RepositoryException));
        Fuzz.Parser(
            "sightings", [JsonSerializer.SerializeToUtf8Bytes(new Sighting(item.Id, "20260901T120000Z", new DateTimeOffset(2026, 9, 1, 12, 0, 0, TimeSpan.Zero)), CatalogJson.Readable.Sighting)],
            bytes => CatalogReader.ParseSighting(bytes, EntryPath.Parse("/.kloset/sightings.ndjson")), typeof(RepositoryException));
        Fuzz.Parser(
            "manifests", [JsonSerializer.SerializeToUtf8Bytes(new Manifest { Account = "alice", Counts = new(1, 1, 9, 1, 0) }, CatalogJson.Indented.Manifest)],
            bytes => JsonSerializer.Deserialize(bytes, CatalogJson.Readable.Manifest), typeof(JsonException));
    }

    /// <summary>
    /// The fuzzer's loop measures its own thread and so takes what ends at once. A parser begins on that thread; where it goes on
    /// elsewhere it is waited for, and what it allocates there is not counted.
    /// </summary>
    private static T Now<T>(Task<T> task) => Task.Run(() => task).GetAwaiter().GetResult();

    private static byte[] Tagged(BlobCodec codec, byte[] resource)
    {
        if (resource.Length <= 48)
            return resource;
        var tagged = resource.ToArray();
        codec.ComputeMac(tagged.AsSpan(0, tagged.Length - 32)).CopyTo(tagged.AsSpan(tagged.Length - 32));
        return tagged;
    }

    private static Mac AMac(byte value) => new([.. Enumerable.Repeat(value, Mac.Size)]);
}
