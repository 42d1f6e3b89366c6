using System.IO.Compression;
using System.Text;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;

namespace GooglePhotos.Tests.Takeout;

/// <summary>The same malice as in zips, block by block: what tar can be made to say.</summary>
public sealed class HostileTgzTests
{
    private const string Year = "Takeout/Google Photos/Photos from 2023/";

    private static readonly byte[] Good = Encoding.ASCII.GetBytes(new string('g', 3000));

    [Theory]
    [InlineData("../../x.jpg", "x.jpg")]
    [InlineData("/etc/passwd.jpg", "etc/passwd.jpg")]
    [InlineData("..\\..\\windows\\x.jpg", "windows/x.jpg")]
    [InlineData("Takeout/a\u001b[31m\u0007.jpg", "Takeout/a_[31m_.jpg")]
    public async Task A_name_that_leaves_its_place_is_kept_under_a_harmless_one_and_named(string name, string harmless)
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Entry(Encoding.UTF8.GetBytes(name), Good)]);

        Assert.Contains(contents.Keys, k => k == harmless || k == "./" + harmless);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.UnsafeName);
        Assert.All(export.Findings, f => Assert.DoesNotContain(f.Message, char.IsControl));
    }

    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('6')]
    public async Task Links_devices_and_pipes_are_not_followed_and_not_kept(char type)
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Entry(Encoding.UTF8.GetBytes(Year + "link.jpg"), [], (byte)type, target: "/etc/passwd"));

        Assert.DoesNotContain(Year + "link.jpg", contents.Keys);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.NotAFile);
    }

    [Fact]
    public async Task A_bomb_ends_its_part_and_what_came_before_is_kept()
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(
            [.. Header(Encoding.UTF8.GetBytes(Year + "bomb.jpg"), 300 << 20)], zerosAfter: 300 << 20);

        Assert.Equal([Year + "good.jpg"], contents.Keys);
        Assert.Contains(export.Findings, f => f.LosesData && f.Message.Contains("unpack", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Attributes_that_would_fill_the_memory_are_refused()
    {
        long before = GC.GetTotalAllocatedBytes();

        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Header("./PaxHeaders/x"u8.ToArray(), 1 << 30, (byte)'x')], zerosAfter: 8 << 20);

        Assert.Equal([Year + "good.jpg"], contents.Keys);
        Assert.Contains(export.Findings, f => f.LosesData && f.Message.Contains("attributes", StringComparison.Ordinal));
        Assert.True(GC.GetTotalAllocatedBytes() - before < 256 << 20, "hundreds of megabytes for a header");
    }

    [Theory]
    [InlineData(3_000_000L)]
    [InlineData(1L << 40)]
    public async Task A_size_beyond_the_end_is_named_and_what_came_before_is_kept(long claimed)
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Header(Encoding.UTF8.GetBytes(Year + "long.jpg"), claimed), .. Padded(Good)], last: false);

        Assert.Equal([Year + "good.jpg"], contents.Keys);
        Assert.Contains(export.Findings, f => f.LosesData);
    }

    [Fact]
    public async Task A_size_that_is_too_small_ends_the_part_at_the_bytes_that_are_no_header()
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Header(Encoding.UTF8.GetBytes(Year + "short.jpg"), 10), .. Padded(Good)]);

        Assert.Contains(Year + "good.jpg", contents.Keys);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.DamagedPart);
    }

    [Fact]
    public async Task A_name_that_comes_twice_is_read_once()
    {
        byte[] name = Encoding.UTF8.GetBytes(Year + "twice.jpg");
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Entry(name, Good), .. Entry(name, [1, 2, 3])]);

        Assert.Equal([Year + "good.jpg", Year + "last.jpg", Year + "twice.jpg"], contents.Keys.Order(StringComparer.Ordinal));
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.DuplicateName);
    }

    [Fact]
    public async Task Archives_inside_archives_and_names_of_other_code_pages_are_files_like_others()
    {
        byte[] inner = new RawZip().Add(new RawZip.Entry("inner.jpg", Good)).ToArray();
        byte[] name = [.. Encoding.UTF8.GetBytes(Year), (byte)'M', 0xFC, (byte)'n', (byte)'.', (byte)'j', (byte)'p', (byte)'g'];

        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync([.. Entry(Encoding.UTF8.GetBytes(Year + "nested.zip"), inner), .. Entry(name, Good)]);

        Assert.Equal(4, contents.Count);
        Assert.Contains(contents.Keys, k => k.StartsWith(Year + "M", StringComparison.Ordinal));
        Assert.DoesNotContain(export.Findings, f => f.LosesData);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Names_of_other_code_pages_stay_apart_however_they_are_written(bool asAttribute)
    {
        // "Mün", "Män" and "Mön" in Latin-1; and the sign that stands for what cannot be read, which is a name like any other.
        byte[][] names = [.. new byte[][] { [0xFC], [0xE4], [0xF6], [0xEF, 0xBF, 0xBD] }.Select(vowel => (byte[])[.. Encoding.UTF8.GetBytes(Year), (byte)'M', .. vowel, .. "n.jpg"u8])];

        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(
            [.. names.SelectMany((name, i) => asAttribute ? [.. Attribute("path", name), .. Entry("short"u8.ToArray(), [(byte)i, 1])] : Entry(name, [(byte)i, 1]))]);

        Assert.Equal(names.Select(Convert.ToHexString).Order(), export.Entries.Where(e => e.Name.StartsWith('M')).Select(e => Convert.ToHexString(EntryNames.Encode(e.Path))).Order());
        Assert.Equal(6, contents.Count);
        Assert.DoesNotContain(export.Findings, f => f.LosesData || f.Kind == FindingKind.DuplicateName);
    }

    [Fact]
    public async Task More_files_than_are_read_from_a_part_are_told_and_make_it_incomplete()
    {
        byte[] many = [.. Enumerable.Range(0, 30).SelectMany(i => Entry(Encoding.UTF8.GetBytes($"{Year}{i}.jpg"), []))];
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(many, limits: new ArchiveLimits { MaxEntriesPerPart = 20 });

        Assert.Equal(20, contents.Count);
        Assert.Contains(export.Findings, f => f is { Kind: FindingKind.ReaderLimit, LosesData: true });
    }

    private static byte[] Attribute(string key, byte[] value)
    {
        int length = key.Length + value.Length + 3;
        length += length + 2 > 99 ? 3 : 2;
        byte[] record = [.. Encoding.ASCII.GetBytes($"{length} {key}="), .. value, (byte)'\n'];
        return Entry("PaxHeaders/x"u8.ToArray(), record, (byte)'x');
    }

    private static async Task<(TakeoutExport, Dictionary<string, string>)> ReadAsync(byte[] middle, int zerosAfter = 0, bool last = true, ArchiveLimits? limits = null)
    {
        using TemporaryFolder folder = new();
        await using (GZipStream packed = new(File.Create(folder["takeout-20240712T112341Z-3-001.tgz"]), CompressionLevel.SmallestSize))
        {
            packed.Write(Entry(Encoding.UTF8.GetBytes(Year + "good.jpg"), Good));
            packed.Write(middle);
            byte[] zeros = new byte[1 << 20];
            for (int written = 0; written < zerosAfter; written += zeros.Length)
            {
                packed.Write(zeros);
            }

            if (last)
            {
                packed.Write(Entry(Encoding.UTF8.GetBytes(Year + "last.jpg"), Good));
                packed.Write(new byte[1024]);
            }
        }

        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, limits, ct);
        Dictionary<string, string> contents = await GeneratedLibraryTests.ReadAllAsync(export, ct);
        _ = export.Resolve();
        return (export, contents);
    }

    private static byte[] Entry(byte[] name, byte[] data, byte type = (byte)'0', string target = "") => [.. Header(name, data.Length, type, target), .. Padded(data)];

    private static byte[] Padded(byte[] data) => [.. data, .. new byte[(512 - (data.Length % 512)) % 512]];

    /// <summary>A ustar header with any name bytes and any claim about its size.</summary>
    private static byte[] Header(byte[] name, long size, byte type = (byte)'0', string target = "")
    {
        byte[] header = new byte[512];
        name.CopyTo(header, 0);
        "0000644\0"u8.CopyTo(header.AsSpan(100));
        "0000000\0"u8.CopyTo(header.AsSpan(108));
        "0000000\0"u8.CopyTo(header.AsSpan(116));
        if (size < 1L << 33)
        {
            Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0') + "\0").CopyTo(header, 124);
        }
        else
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(128), size);
            header[124] = 0x80;
        }

        "00000000000\0"u8.CopyTo(header.AsSpan(136));
        "        "u8.CopyTo(header.AsSpan(148));
        header[156] = type;
        Encoding.ASCII.GetBytes(target).CopyTo(header, 157);
        "ustar\u000000"u8.CopyTo(header.AsSpan(257));
        Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        return header;
    }
}
