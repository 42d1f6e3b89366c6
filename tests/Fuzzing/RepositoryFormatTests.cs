using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Kloset;
using Kloset.Compression;
using Kloset.Configuration;
using Kloset.Encryption;
using Kloset.Locks;
using Kloset.Msgpack;
using Kloset.Packfiles;
using Kloset.Repositories;
using Kloset.Snapshots;
using Kloset.States;
using Kloset.Storage;

namespace Fuzzing;

public class RepositoryFormatTests
{
    private static readonly Type[] Refusals = [typeof(MalformedException), typeof(RepositoryException), typeof(FormatException)];

    [Fact]
    public void Entries() => Fuzz.Parser(
        [
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "IMG_1.jpg", ParentPath = EntryPath.Parse("/Google Photos"), Size = 10, Mode = 0x1A4, Object = AMac(1), ContentType = "image/jpeg", Entropy = 7.9, Chunks = 1, LinkCount = 1 })),
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "/", Mode = GoFileMode.Directory | 0x1C0 })),
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "link", SymlinkTarget = "../x", Mode = GoFileMode.Symlink, Tags = ["a"], ExtendedAttributes = ["user.x"] })),
        ],
        bytes => EntryCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Objects() => Fuzz.Parser(
        [Encode(writer => ObjectCodec.Write(writer, new ObjectRecord { ContentMac = AMac(2), ContentType = "image/heic", Entropy = 4, Chunks = [new ChunkRecord(AMac(3), 7, 1.5), new ChunkRecord(AMac(4), 9, 0)] }))],
        bytes => ObjectCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Errors_and_attributes()
    {
        Fuzz.Parser([Encode(writer => ObjectCodec.Write(writer, new EntryError(EntryPath.Parse("/a"), "gone")))], bytes => ObjectCodec.ReadError(bytes), Refusals);
        Fuzz.Parser([Encode(writer => ObjectCodec.Write(writer, new ExtendedAttribute(EntryPath.Parse("/a"), "user.x", 3, 0, AMac(5))))], bytes => ObjectCodec.ReadXattr(bytes), Refusals);
    }

    [Fact]
    public void Summaries() => Fuzz.Parser(
        [Encode(writer => SummaryCodec.Write(writer, new DirectorySummary(new SummaryCounters { Files = 3, Size = 99, MinModTime = -4, MaxEntropy = 7 }, new SummaryCounters())))],
        bytes => SummaryCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Tree_nodes()
    {
        Fuzz.Parser(
            [
                Encode(writer => TreeNodeCodec.Write(writer, new TreeNode(["/a"u8.ToArray(), "/b"u8.ToArray()], [], [AMac(1), AMac(2)], AMac(3)))),
                Encode(writer => TreeNodeCodec.Write(writer, new TreeNode(["/b"u8.ToArray()], [AMac(1), AMac(2)], [], null))),
            ],
            bytes => TreeNodeCodec.Read(bytes),
            Refusals);
        Fuzz.Parser([Encode(writer => TreeNodeCodec.WriteRoot(writer, AMac(9), 50))], bytes => TreeNodeCodec.ReadRoot(bytes), Refusals);
    }

    [Fact]
    public void Configurations() => Fuzz.Parser(
        [File.ReadAllBytes(Fixture("plain/repo/CONFIG")), File.ReadAllBytes(Fixture("encrypted/repo/CONFIG"))],
        bytes => ConfigurationCodec.Read(bytes),
        Refusals);

    [Fact]
    public void States()
    {
        var journal = new List<byte>(new byte[32]);
        foreach (var (kind, size) in new[] { (2, LocationEntry.Size), (3, ColouredEntry.Size), (4, PackfileEntry.Size), (6, DeleteEntry.Size) })
        {
            var entry = new byte[5 + size];
            entry[0] = (byte)kind;
            BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(1), size);
            entry[5] = kind == 6 ? (byte)3 : (byte)9;
            journal.AddRange(entry);
        }

        var trailer = new byte[29];
        trailer[0] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(1), StateParser.NewestVersion);
        journal.AddRange(trailer);
        Fuzz.Parser(
            [[.. journal]],
            bytes =>
            {
                using var parser = new StateParser(StateParser.NewestVersion, new IgnoringVisitor());
                parser.Write(bytes);
                parser.Finish();
            },
            Refusals);
    }

    [Fact]
    public void Compressed_streams()
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("the same words again, ", 200)));
        var lz4 = new ArrayBufferWriter<byte>();
        Lz4Frame.Compress(text, lz4);
        Fuzz.Parser([lz4.WrittenSpan.ToArray(), [0x04, 0x22, 0x4D, 0x18, 0x64, 0x70, 0xB9, 0, 0, 0, 0, 0x05, 0x5D, 0xCC, 0x02]],
            bytes => Lz4Frame.Decompress(bytes, new ArrayBufferWriter<byte>(), 1 << 20), [.. Refusals, typeof(InvalidDataException)]);
        var gzip = new ArrayBufferWriter<byte>();
        GzipMember.Compress(text, gzip);
        Fuzz.Parser([gzip.WrittenSpan.ToArray()], bytes => GzipMember.Decompress(bytes, new ArrayBufferWriter<byte>(), 1 << 20), [.. Refusals, typeof(InvalidDataException)]);
    }

    [Fact]
    public void Locations() => Fuzz.Parser(
        ["s3://host:7480/bucket/prefix"u8.ToArray(), "fs:/srv/photos"u8.ToArray(), "ptar:/x.ptar"u8.ToArray()],
        bytes => StoreLocation.Parse(Encoding.Latin1.GetString(bytes)),
        typeof(StoreException));

    [Fact]
    public void Headers() => Fuzz.Parser(
        [
            Encode(writer => HeaderCodec.Write(writer, new SnapshotHeader
            {
                Id = new SnapshotId(AMac(7)),
                Timestamp = new Timestamp(1_700_000_000, 5),
                Name = "a",
                Tags = ["x", "y"],
                Context = [new("Hostname", "h")],
                Classifications = [new SnapshotClassification("z", [new("c", 0.5)])],
                Sources = [new SnapshotSource { Type = "fs", Origin = "o", Indexes = [new SnapshotIndex("dirpack", "btree", AMac(1))] }],
            })),
        ],
        bytes => HeaderCodec.Read(bytes),
        Refusals);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Locks_states_and_packfiles_with_their_envelopes(bool encrypted)
    {
        // The tag is made right after each mutation: what is fuzzed is what lies behind it.
        using var codec = new BlobCodec(new byte[32], "BLAKE3", encrypted ? null : "LZ4", encrypted ? Cipher() : null);
        using var held = LockCodec.Seal(codec, new LockRecord(LockRecord.CurrentVersion, new Timestamp(1_700_000_000, 0), "host", true));
        Fuzz.Parser([held.ToArray()], bytes => LockCodec.Open(codec, Tagged(codec, bytes)), Refusals);

        var parent = AMac(1);
        using var journal = new StateBuilder(in parent);
        journal.Location(new LocationEntry(BlobType.Chunk, 0x10000, AMac(2), AMac(3), 77, 88, 0));
        journal.Packfile(new PackfileEntry(AMac(3), AMac(4), 5));
        journal.Trailer(new StateTrailer(StateParser.NewestVersion, 5, Guid.Empty));
        using var state = StateLoader.Seal(codec, journal.Journal);
        Fuzz.Parser([state.ToArray()], bytes => StateLoader.Parse(codec, Tagged(codec, bytes)), Refusals);

        using var builder = new PackfileBuilder(codec, RandomSource.System, 4096);
        using var blob = new PooledBuffer();
        codec.Encode("some content"u8, blob);
        builder.Append(BlobType.Chunk, AMac(5), blob.Span);
        // Padding is most of it, and nothing looks into it: the tail is what is read.
        var whole = builder.Seal(1_700_000_000_000_000_000, out _).ToArray();
        var tail = whole[^(32 + 4 + 600)..^32];
        Fuzz.Parser([tail], bytes => PackfileIndex.Read(codec, bytes, whole.Length - 32 - 16 - tail.Length, out _), Refusals);
        Fuzz.Parser([whole], bytes => PackfileIndex.ReadWhole(codec, Tagged(codec, bytes)), Refusals);
    }

    [Fact]
    public void Sealed_streams()
    {
        using var cipher = Cipher();
        using var stored = new PooledBuffer();
        cipher.Seal("something that nobody else may read"u8, stored);
        Fuzz.Parser([stored.ToArray()], bytes =>
        {
            using var clear = new PooledBuffer();
            cipher.TryOpen(bytes, clear);
        });
    }

    [Fact]
    public void Listings_of_directories()
    {
        var entry = Encode(writer => EntryCodec.Write(writer, new Entry { Name = "a", Mode = 0x1A4, Object = AMac(1) }));
        byte[] frame = [2, .. BitConverter.GetBytes(entry.Length + 32), .. entry, .. new byte[32]];
        Fuzz.Parser([frame, [.. frame, .. frame]], bytes => ReadAllAsync(bytes).GetAwaiter().GetResult(), Refusals);

        static async Task ReadAllAsync(byte[] bytes)
        {
            await foreach (var record in DirpackReader.ReadAsync(new MemoryStream(bytes), "listing", CancellationToken.None))
                BlobReader.Parse(BlobType.VfsEntry, record.EntryId, record.Entry.Span, EntryCodec.Read);
        }
    }

    [Fact]
    public async Task Archives_in_one_file()
    {
        var folder = Directory.CreateTempSubdirectory("kloset-fuzz-").FullName;
        try
        {
            var file = Path.Combine(folder, "x.ptar");
            byte[] configuration = File.ReadAllBytes(Fixture("plain/repo/CONFIG"));
            byte[] head = [.. "_PLATAR_"u8, 0, 0, 1, 0];
            byte[] table = new byte[48];
            BinaryPrimitives.WriteInt64LittleEndian(table, head.Length);
            BinaryPrimitives.WriteInt64LittleEndian(table.AsSpan(8), configuration.Length);
            BinaryPrimitives.WriteInt64LittleEndian(table.AsSpan(16), head.Length);
            BinaryPrimitives.WriteInt64LittleEndian(table.AsSpan(32), head.Length);
            byte[] archive = [.. head, .. configuration, .. table];
            var mutator = new Mutator(9);
            for (var number = 0; number < Fuzz.Inputs / 20; number++)
            {
                await File.WriteAllBytesAsync(file, number == 0 ? archive : mutator.Mutate([archive]), TestContext.Current.CancellationToken);
                try
                {
                    await using var store = PtarStore.Open(file);
                    await using var repository = await Repository.OpenAsync(store, null, EngineServices.System, TestContext.Current.CancellationToken);
                    await repository.RefreshAsync(TestContext.Current.CancellationToken);
                }
                catch (Exception exception) when (exception is StoreException or RepositoryException)
                {
                    // refused in its own words
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Positions_of_checks() => Fuzz.Parser(
        [Encoding.UTF8.GetBytes($$"""{"position":"{{AMac(4)}}","roundStarted":"2026-11-01T00:00:00Z","lastRound":"2026-11-02T00:00:00Z"}""")],
        bytes => Kloset.Checking.DataRotation.Parse(bytes));

    private static StreamCipher Cipher() => new(new byte[32], new StreamCipherParameters(), RandomSource.System.Fill);

    private static byte[] Tagged(BlobCodec codec, byte[] resource)
    {
        if (resource.Length <= 48)
            return resource;
        var tagged = resource.ToArray();
        codec.ComputeMac(tagged.AsSpan(0, tagged.Length - 32)).CopyTo(tagged.AsSpan(tagged.Length - 32));
        return tagged;
    }

    private static Mac AMac(byte value) => new([.. Enumerable.Repeat(value, Mac.Size)]);

    private static byte[] Encode(Action<MsgpackWriter> write)
    {
        var writer = new MsgpackWriter();
        write(writer);
        return writer.ToArray();
    }

    private static string Fixture(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "tests", "fixtures", "kloset")))
            {
                return Path.Combine(folder.FullName, "tests", "fixtures", "kloset", path);
            }
        }

        throw new InvalidOperationException("no tests/fixtures/kloset above " + AppContext.BaseDirectory);
    }

    private sealed class IgnoringVisitor : IStateVisitor
    {
        public void Location(in LocationEntry entry)
        {
        }

        public void Coloured(in ColouredEntry entry)
        {
        }

        public void Packfile(in PackfileEntry entry)
        {
        }

        public void Delete(in DeleteEntry entry)
        {
        }
    }
}
