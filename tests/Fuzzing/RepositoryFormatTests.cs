using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Kloset;
using Kloset.Compression;
using Kloset.Configuration;
using Kloset.Msgpack;
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
