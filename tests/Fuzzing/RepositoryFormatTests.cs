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
using Kloset.Writing;

namespace Fuzzing;

public class RepositoryFormatTests
{
    private static readonly Type[] Refusals = [typeof(MalformedException), typeof(RepositoryException), typeof(FormatException)];

    [Fact]
    public void Entries() => Fuzz.Parser(
        "entries",
        [
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "IMG_1.jpg", ParentPath = EntryPath.Parse("/Google Photos"), Size = 10, Mode = 0x1A4, Object = AMac(1), ContentType = "image/jpeg", Entropy = 7.9, Chunks = 1, LinkCount = 1 })),
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "/", Mode = GoFileMode.Directory | 0x1C0 })),
            Encode(writer => EntryCodec.Write(writer, new Entry { Name = "link", SymlinkTarget = "../x", Mode = GoFileMode.Symlink, Tags = ["a"], ExtendedAttributes = ["user.x"] })),
        ],
        bytes => EntryCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Objects() => Fuzz.Parser(
        "objects",
        [Encode(writer => ObjectCodec.Write(writer, new ObjectRecord { ContentMac = AMac(2), ContentType = "image/heic", Entropy = 4, Chunks = [new ChunkRecord(AMac(3), 7, 1.5), new ChunkRecord(AMac(4), 9, 0)] }))],
        bytes => ObjectCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Errors_and_attributes()
    {
        Fuzz.Parser("errors", [Encode(writer => ObjectCodec.Write(writer, new EntryError(EntryPath.Parse("/a"), "gone")))], bytes => ObjectCodec.ReadError(bytes), Refusals);
        Fuzz.Parser("extended attributes", [Encode(writer => ObjectCodec.Write(writer, new ExtendedAttribute(EntryPath.Parse("/a"), "user.x", 3, 0, AMac(5))))], bytes => ObjectCodec.ReadXattr(bytes), Refusals);
    }

    [Fact]
    public void Summaries() => Fuzz.Parser(
        "summaries",
        [Encode(writer => SummaryCodec.Write(writer, new DirectorySummary(new SummaryCounters { Files = 3, Size = 99, MinModTime = -4, MaxEntropy = 7 }, new SummaryCounters())))],
        bytes => SummaryCodec.Read(bytes),
        Refusals);

    [Fact]
    public void Tree_nodes()
    {
        Fuzz.Parser(
            "nodes of trees",
            [
                Encode(writer => TreeNodeCodec.Write(writer, new TreeNode(["/a"u8.ToArray(), "/b"u8.ToArray()], [], [AMac(1), AMac(2)], AMac(3)))),
                Encode(writer => TreeNodeCodec.Write(writer, new TreeNode(["/b"u8.ToArray()], [AMac(1), AMac(2)], [], null))),
            ],
            bytes => TreeNodeCodec.Read(bytes),
            Refusals);
        Fuzz.Parser("roots of trees", [Encode(writer => TreeNodeCodec.WriteRoot(writer, AMac(9), 50))], bytes => TreeNodeCodec.ReadRoot(bytes), Refusals);
    }

    [Fact]
    public void Configurations() => Fuzz.Parser(
        "CONFIG",
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
        Fuzz.Parser("states of version 1.1.0", [[.. journal]], bytes => Parse(StateParser.NewestVersion, bytes), Refusals);
        // Without a parent, and with deletions that are nothing known.
        Fuzz.Parser("states of version 1.0.0", [[.. journal.Skip(32)]], bytes => Parse(StateParser.FirstVersion, bytes), Refusals);

        static void Parse(uint version, byte[] bytes)
        {
            using var parser = new StateParser(version, new IgnoringVisitor());
            parser.Write(bytes);
            parser.Finish();
        }
    }

    [Fact]
    public void Compressed_streams()
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("the same words again, ", 200)));
        var lz4 = new ArrayBufferWriter<byte>();
        Lz4Frame.Compress(text, lz4);
        Fuzz.Parser(
            "LZ4 frames",
            [lz4.WrittenSpan.ToArray(), [0x04, 0x22, 0x4D, 0x18, 0x64, 0x70, 0xB9, 0, 0, 0, 0, 0x05, 0x5D, 0xCC, 0x02]],
            bytes => Lz4Frame.Decompress(bytes, new ArrayBufferWriter<byte>(), 1 << 20), [.. Refusals, typeof(InvalidDataException)]);
        var gzip = new ArrayBufferWriter<byte>();
        GzipMember.Compress(text, gzip);
        Fuzz.Parser("gzip members", [gzip.WrittenSpan.ToArray()], bytes => GzipMember.Decompress(bytes, new ArrayBufferWriter<byte>(), 1 << 20), [.. Refusals, typeof(InvalidDataException)]);
    }

    [Fact]
    public void Locations() => Fuzz.Parser(
        "store locations",
        ["s3://host:7480/bucket/prefix"u8.ToArray(), "fs:/srv/photos"u8.ToArray(), "ptar:/x.ptar"u8.ToArray()],
        bytes => StoreLocation.Parse(Encoding.Latin1.GetString(bytes)),
        typeof(StoreException));

    [Fact]
    public void Headers() => Fuzz.Parser(
        "snapshot headers",
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
        var kind = encrypted ? " (encrypted)" : " (compressed)";
        using var held = LockCodec.Seal(codec, new LockRecord(LockRecord.CurrentVersion, new Timestamp(1_700_000_000, 0), "host", true));
        Fuzz.Parser("locks" + kind, [held.ToArray()], bytes => LockCodec.Open(codec, Tagged(codec, bytes)), Refusals);

        var parent = AMac(1);
        using var journal = new StateBuilder(in parent);
        journal.Location(new LocationEntry(BlobType.Chunk, 0x10000, AMac(2), AMac(3), 77, 88, 0));
        journal.Packfile(new PackfileEntry(AMac(3), AMac(4), 5));
        journal.Trailer(new StateTrailer(StateParser.NewestVersion, 5, Guid.Empty));
        using var state = StateLoader.Seal(codec, journal.Journal);
        Fuzz.Parser("states" + kind, [state.ToArray()], bytes => StateLoader.Parse(codec, Tagged(codec, bytes)), Refusals);

        var payload = state.ToArray()[16..^32];
        Fuzz.Parser(
            "states from a file" + kind, [payload],
            bytes =>
            {
                using var parser = new StateParser(StateParser.NewestVersion, new IgnoringVisitor());
                codec.Decode(new MemoryStream(bytes), parser, 1 << 20);
                parser.Finish();
            },
            Refusals);

        using var builder = new PackfileBuilder(codec, RandomSource.System, 4096);
        using var blob = new PooledBuffer();
        codec.Encode("some content"u8, blob);
        builder.Append(BlobType.Chunk, AMac(5), blob.Span);
        // Padding is most of it, and nothing looks into it: the tail is what is read.
        var whole = builder.Seal(1_700_000_000_000_000_000, out _).ToArray();
        var tail = whole[^(32 + 4 + 600)..^32];
        Fuzz.Parser("ends of packfiles" + kind, [tail], bytes => PackfileIndex.Read(codec, bytes, whole.Length - 32 - 16 - tail.Length, out _), Refusals);
        Fuzz.Parser("packfiles" + kind, [whole], bytes => PackfileIndex.ReadWhole(codec, Tagged(codec, bytes)), Refusals);
    }

    [Fact]
    public void Sealed_streams()
    {
        using var cipher = Cipher();
        using var stored = new PooledBuffer();
        cipher.Seal("something that nobody else may read"u8, stored);
        Fuzz.Parser("sealed streams", [stored.ToArray()], bytes =>
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
        // Read from memory, it ends on this thread, whose allocations the fuzzer measures.
        Fuzz.Parser("listings of directories", [frame, [.. frame, .. frame]], bytes => ReadAllAsync(bytes).GetAwaiter().GetResult(), Refusals);

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
            var (archive, packfile) = await ArchiveAsync(folder);
            var file = Path.Combine(folder, "x.ptar");
            await File.WriteAllBytesAsync(file, archive, Token);
            Assert.Equal(3, await WalkAsync(file));
            var mutator = new Mutator(9);
            var begun = System.Diagnostics.Stopwatch.GetTimestamp();
            var (number, refused) = (0, 0L);
            for (; Fuzz.GoesOn(number, begun, cost: 20); number++)
            {
                // Half of them only where no tag is looked at: what lies in the packfile is then read as trees and entries.
                await File.WriteAllBytesAsync(
                    file, number % 2 == 0 ? mutator.Mutate([archive]) : [.. archive[..packfile.Start], .. Same(mutator, archive[packfile]), .. archive[packfile.End..]], Token);
                try
                {
                    await WalkAsync(file).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Token);
                }
                catch (Exception exception) when (exception is StoreException or RepositoryException)
                {
                    refused++; // in its own words
                }
            }

            Fuzz.Done("archives in one file (ptar), opened and walked", number, refused, System.Diagnostics.Stopwatch.GetElapsedTime(begun), 0);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        // A damaged part that is as long as before, so that the table of contents still points at the others.
        static byte[] Same(Mutator mutator, byte[] part)
        {
            var mutated = mutator.Mutate([part]);
            Array.Resize(ref mutated, part.Length);
            return mutated;
        }
    }

    private static async Task<int> WalkAsync(string file)
    {
        await using var store = PtarStore.Open(file);
        await using var repository = await Repository.OpenAsync(store, null, EngineServices.System, Token);
        var entries = 0;
        foreach (var header in await repository.ListSnapshotsAsync(Token))
        {
            var snapshot = await repository.OpenSnapshotAsync(header.Id, Token);
            await foreach (var entry in snapshot.WalkAsync(EntryPath.Root, Token))
                entries++;
        }

        return entries;
    }

    /// <summary>A snapshot of folders, whose blobs all lie in one packfile, as plakar would put it into one file.</summary>
    private static async Task<(byte[] Archive, Range Packfile)> ArchiveAsync(string folder)
    {
        var root = Path.Combine(folder, "repository");
        await using (var store = new FileSystemStore(root))
        await using (var repository = await Repository.CreateAsync(store, new RepositoryCreation(), EngineServices.System, Token))
        {
            await using var writer = await repository.BeginWriteAsync(new WriterOptions(), Token);
            await writer.CommitAsync(new SnapshotDraft { Type = "fs", Origin = "here" }, null, Folders(), Token);
        }

        byte[] Only(string part) => File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.Combine(root, part), "*", SearchOption.AllDirectories)));
        byte[][] parts = [File.ReadAllBytes(Path.Combine(root, "CONFIG")), Only("packfiles"), Only("states")];
        List<byte> archive = [.. "_PLATAR_"u8, 0, 0, 1, 0];
        var table = new byte[48];
        for (var part = 0; part < parts.Length; part++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(table.AsSpan(part * 16), archive.Count);
            BinaryPrimitives.WriteInt64LittleEndian(table.AsSpan((part * 16) + 8), parts[part].Length);
            archive.AddRange(parts[part]);
        }

        var start = 12 + parts[0].Length;
        return ([.. archive, .. table], new(start, start + parts[1].Length));

        static async IAsyncEnumerable<TreeChange> Folders()
        {
            await Task.Yield();
            yield return new PutDirectory(EntryPath.Parse("/a/b"), 0x1ED, default);
        }
    }

    [Fact]
    public void Positions_of_checks() => Fuzz.Parser(
        "positions of checks",
        [Encoding.UTF8.GetBytes($$"""{"position":"{{AMac(4)}}","roundStarted":"2026-11-01T00:00:00Z","lastRound":"2026-11-02T00:00:00Z"}""")],
        bytes => Kloset.Checking.DataRotation.Parse(bytes));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

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
