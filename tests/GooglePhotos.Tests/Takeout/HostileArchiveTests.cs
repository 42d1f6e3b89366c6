using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Inspection;
using GooglePhotos.Takeout.Library;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

public sealed class HostileArchiveTests
{
    private const string Year = "Takeout/Google Photos/Photos from 2023/";
    private const string PartName = "takeout-20240712T112341Z-3-001.zip";

    private static readonly byte[] Good = Encoding.ASCII.GetBytes(new string('g', 3000));

    [Theory]
    [InlineData("../../x.jpg", "x.jpg")]
    [InlineData("/etc/passwd.jpg", "etc/passwd.jpg")]
    [InlineData("..\\..\\windows\\x.jpg", "windows/x.jpg")]
    [InlineData("Takeout/./a//b/../x.jpg", "Takeout/a/b/x.jpg")]
    [InlineData("Takeout/a\u0000b\u001b[31m.jpg", "Takeout/a_b_[31m.jpg")]
    public async Task A_name_that_leaves_its_place_is_kept_under_a_harmless_one_and_named(string name, string harmless)
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Zip(new RawZip.Entry(name, Good)));

        Assert.Contains(contents.Keys, k => k == harmless || k == "./" + harmless);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.UnsafeName);
        Assert.Contains(Year + "good.jpg", contents.Keys);
        Assert.All(export.Findings, f => Assert.DoesNotContain(f.Message, char.IsControl));
    }

    [Fact]
    public async Task Links_are_not_followed_and_not_kept()
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(
            Zip(new RawZip.Entry(Year + "link.jpg", Encoding.ASCII.GetBytes("/etc/passwd")) { UnixMode = 0xA1FF }));

        Assert.DoesNotContain(Year + "link.jpg", contents.Keys);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.NotAFile);
    }

    public static TheoryData<string, RawZip.Entry> Liars => new()
    {
        { "wrong checksum", new RawZip.Entry(Year + "bad.jpg", Good) { Crc = 1 } },
        { "says too little", new RawZip.Entry(Year + "bad.jpg", Good) { Size = 10, Deflate = true } },
        { "says too much", new RawZip.Entry(Year + "bad.jpg", Good) { Size = 3_000_000 } },
        { "encrypted", new RawZip.Entry(Year + "bad.jpg", Good) { Flags = 1 } },
        { "unknown method", new RawZip.Entry(Year + "bad.jpg", Good) { Method = 99 } },
        { "not deflated at all", new RawZip.Entry(Year + "bad.jpg", Good) { Method = 8 } },
        { "offset beyond the end", new RawZip.Entry(Year + "bad.jpg", Good) { Offset = 0x7FFFFFFF } },
        { "offset into another file", new RawZip.Entry(Year + "bad.jpg", Good) { Offset = 40 } },
    };

    [Theory]
    [MemberData(nameof(Liars), DisableDiscoveryEnumeration = true)]
    public async Task An_entry_that_lies_is_named_and_the_rest_is_kept(string why, RawZip.Entry liar)
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Zip(liar));

        Assert.DoesNotContain(Year + "bad.jpg", contents.Keys);
        Assert.Contains(Year + "good.jpg", contents.Keys);
        Assert.True(export.Findings.Any(f => f.LosesData && f.Path == Year + "bad.jpg"), why);
        Assert.Equal(CompletenessState.Incomplete, SetCompleteness.Judge(export, DateTimeOffset.UnixEpoch).State);
    }

    [Fact]
    public async Task A_bomb_is_not_unpacked()
    {
        byte[] zeros = new byte[80 << 20];
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Zip(new RawZip.Entry(Year + "bomb.jpg", zeros) { Deflate = true }));

        Assert.DoesNotContain(Year + "bomb.jpg", contents.Keys);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.TooLarge);
    }

    [Fact]
    public async Task A_name_that_comes_twice_is_read_once()
    {
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(
            Zip(new RawZip.Entry(Year + "twice.jpg", Good), new RawZip.Entry(Year + "twice.jpg", [1, 2, 3])));

        Assert.Single(contents.Keys, k => k == Year + "twice.jpg");
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.DuplicateName);
    }

    [Fact]
    public async Task Names_that_are_not_utf8_survive_the_way_through()
    {
        byte[] name = [.. Encoding.UTF8.GetBytes(Year), (byte)'M', 0xFC, (byte)'n', (byte)'.', (byte)'j', (byte)'p', (byte)'g'];
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Zip(new RawZip.Entry(name, Good)));

        TakeoutEntry entry = Assert.Single(export.Entries, e => e.Name.StartsWith('M'));
        Assert.Equal(name, EntryNames.Encode(entry.Path));
        Assert.Equal("M\\xFCn.jpg", EntryNames.Display(entry.Name));
        Assert.Contains(entry.Path, contents.Keys);
    }

    [Fact]
    public async Task Names_in_the_code_page_of_DOS_stay_apart_and_find_their_sidecars()
    {
        // CP437, which zips mean where they do not say UTF-8: "München" and "Männchen".
        byte[] Dos(params byte[] name) => [.. Encoding.UTF8.GetBytes(Year), .. name, .. ".jpg"u8];
        byte[] first = Dos((byte)'M', 0x81, (byte)'n');
        byte[] second = Dos((byte)'M', 0x84, (byte)'n');
        byte[] sidecar = Encoding.UTF8.GetBytes("{\"title\":\"M\u00fcn.jpg\",\"photoTakenTime\":{\"timestamp\":\"1577872800\"}}");

        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(
            Zip(new RawZip.Entry(first, Good), new RawZip.Entry(second, [1, 2, 3]), new RawZip.Entry([.. first, .. ".json"u8], sidecar)));

        Assert.Equal(2, export.Entries.Count(e => e.Name.StartsWith('M') && e.Name.EndsWith(".jpg", StringComparison.Ordinal)));
        Assert.Equal(["M\\x81n.jpg", "M\\x84n.jpg"], export.Entries.Where(e => e.Name.StartsWith('M') && !e.Name.EndsWith(".json", StringComparison.Ordinal)).Select(e => EntryNames.Display(e.Name)).Order(StringComparer.Ordinal));
        Assert.Equal(3, contents.Keys.Count(k => k.StartsWith(Year + "M", StringComparison.Ordinal)));
        TakeoutLibrary library = export.Resolve();
        TakeoutItem described = Assert.Single(library.Items, i => i.Sidecar is not null);
        Assert.Equal(first, EntryNames.Encode(export.Entries[described.Files[0].Entries[0]].Path));
        Assert.DoesNotContain(export.Findings, f => f.LosesData);
    }

    [Fact]
    public async Task Archives_inside_archives_are_files_like_others()
    {
        byte[] inner = new RawZip().Add(new RawZip.Entry("inner.jpg", Good)).ToArray();
        (TakeoutExport export, Dictionary<string, string> contents) = await ReadAsync(Zip(new RawZip.Entry(Year + "nested.zip", inner)));

        Assert.Contains(Year + "nested.zip", contents.Keys);
        Assert.DoesNotContain(contents.Keys, k => k.Contains("inner", StringComparison.Ordinal));
        Assert.Empty(export.Findings);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.999)]
    public async Task What_a_cut_zip_still_holds_is_kept(double share)
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "en", ArchiveFormat.Zip, 60, parts: 1);
        string path = Directory.GetFiles(folder.Path, "*-3-001.zip").Single();
        (_, Dictionary<string, string> whole) = await ReadFolderAsync(folder);
        using (FileStream file = new(path, FileMode.Open))
        {
            file.SetLength((long)(file.Length * share));
        }

        (TakeoutExport export, Dictionary<string, string> cut) = await ReadFolderAsync(folder);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.DamagedPart);
        Assert.All(cut, c => Assert.Equal(whole[c.Key], c.Value));
        Assert.InRange(cut.Count, (int)(whole.Count * share * 0.5), whole.Count);
    }

    [Fact]
    public async Task What_a_cut_tgz_still_holds_is_kept()
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "en", ArchiveFormat.Tgz, 60, parts: 1);
        (_, Dictionary<string, string> whole) = await ReadFolderAsync(folder);
        string path = Directory.GetFiles(folder.Path, "*-3-001.tgz").Single();
        using (FileStream file = new(path, FileMode.Open))
        {
            file.SetLength(file.Length * 6 / 10);
        }

        (TakeoutExport export, Dictionary<string, string> cut) = await ReadFolderAsync(folder);
        Assert.Contains(export.Findings, f => f.LosesData);
        Assert.All(cut, c => Assert.Equal(whole[c.Key], c.Value));
        Assert.InRange(cut.Count, whole.Count / 4, whole.Count - 1);
    }

    [Fact]
    public async Task Links_and_climbing_names_in_a_tgz_are_named_too()
    {
        using TemporaryFolder folder = new();
        using (GZipStream packed = new(File.Create(folder["takeout-20240712T112341Z-3-001.tgz"]), CompressionLevel.Fastest))
        using (TarWriter tar = new(packed))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, Year + "link.jpg") { LinkName = "/etc/passwd" });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "../../../x.jpg") { DataStream = new MemoryStream(Good) });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, Year + "good.jpg") { DataStream = new MemoryStream(Good) });
        }

        (TakeoutExport export, Dictionary<string, string> contents) = await ReadFolderAsync(folder);
        Assert.Equal(["./x.jpg", Year + "good.jpg"], contents.Keys.Order(StringComparer.Ordinal));
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.NotAFile);
        Assert.Contains(export.Findings, f => f.Kind == FindingKind.UnsafeName);
    }

    [Fact]
    public async Task A_hundred_thousand_tiny_entries_take_seconds_and_little_memory()
    {
        RawZip zip = new();
        for (int i = 0; i < 100_000; i++)
        {
            zip.Add(new RawZip.Entry($"{Year}{i}.jpg", []));
        }

        using TemporaryFolder folder = new();
        folder.Write(PartName, zip.ToArray());
        Stopwatch watch = Stopwatch.StartNew();
        InspectReport report = await InspectorTests.InspectAsync(folder);
        Assert.Equal(100_000, report.Counts.Media);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
    }

    [Fact]
    public async Task More_files_than_are_read_from_a_part_are_told_and_make_it_incomplete()
    {
        using TemporaryFolder folder = new();
        folder.Write(PartName, Zip([.. Enumerable.Range(0, 30).Select(i => new RawZip.Entry($"{Year}{i}.jpg", []))]));
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutExport export = await TakeoutExport.OpenAsync(
            storage, (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single(), new ArchiveLimits { MaxEntriesPerPart = 20 }, ct);

        Assert.Equal(20, export.Entries.Count);
        TakeoutFinding limit = Assert.Single(export.Findings);
        Assert.True(limit is { Kind: FindingKind.ReaderLimit, LosesData: true });
        Assert.Contains("more than 20 files", limit.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_made_to_be_quadratic_is_not()
    {
        // One cut name for all: every sidecar is a candidate for every photo.
        RawZip zip = new();
        string stem = new('x', 47);
        for (int i = 0; i < 20_000; i++)
        {
            zip.Add(new RawZip.Entry($"{Year}{stem}({i}).jpg", []));
            zip.Add(new RawZip.Entry($"{Year}{stem[..46]}({i}).json", Encoding.UTF8.GetBytes($$$"""{"title":"{{{stem}}}{{{i % 7}}}.jpg","photoTakenTime":{"timestamp":"1"}}""")));
        }

        using TemporaryFolder folder = new();
        folder.Write(PartName, zip.ToArray());
        Stopwatch watch = Stopwatch.StartNew();
        InspectReport report = await InspectorTests.InspectAsync(folder);
        Assert.Equal(20_000, report.Counts.Paired);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
    }

    [Fact]
    public async Task Damaged_bytes_anywhere_never_throw_and_never_give_wrong_content()
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "de", ArchiveFormat.Zip, 12, parts: 1);
        string path = Directory.GetFiles(folder.Path, "*-3-001.zip").Single();
        byte[] bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        (_, Dictionary<string, string> whole) = await ReadFolderAsync(folder);
        HashSet<string> digests = [.. whole.Values];
        Random random = new(17);
        for (int round = 0; round < 60; round++)
        {
            byte[] broken = [.. bytes];
            for (int i = 0; i < 3; i++)
            {
                broken[random.Next(broken.Length)] ^= (byte)(1 << random.Next(8));
            }

            await File.WriteAllBytesAsync(path, broken, TestContext.Current.CancellationToken);
            (_, Dictionary<string, string> read) = await ReadFolderAsync(folder);
            Assert.All(read.Values, d => Assert.Contains(d, digests));
        }
    }

    [Fact]
    public async Task A_remote_part_is_read_once_and_in_windows()
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "en", ArchiveFormat.Zip, 400, parts: 2);
        RemoteStorage storage = new(new LocalTakeoutStorage(folder.Path));
        CancellationToken ct = TestContext.Current.CancellationToken;
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);
        Dictionary<string, string> remote = await GeneratedLibraryTests.ReadAllAsync(export, ct);

        (_, Dictionary<string, string> local) = await ReadFolderAsync(folder);
        Assert.Equal(local.OrderBy(x => x.Key, StringComparer.Ordinal), remote.OrderBy(x => x.Key, StringComparer.Ordinal));
        long size = set.Size;
        Assert.InRange(storage.BytesRead, size / 2, size + (size / 4) + (set.Parts.Count * 200_000));
        Assert.InRange(storage.Requests, 1, set.Parts.Count * 8);
        Assert.Equal(400, export.Resolve().Items.Count);
    }

    private static byte[] Zip(params RawZip.Entry[] entries)
    {
        RawZip zip = new RawZip().Add(new RawZip.Entry(Year + "good.jpg", Good));
        foreach (RawZip.Entry entry in entries)
        {
            zip.Add(entry);
        }

        return zip.Add(new RawZip.Entry(Year + "last.jpg", Good)).ToArray();
    }

    private static async Task<(TakeoutExport, Dictionary<string, string>)> ReadAsync(byte[] zip)
    {
        using TemporaryFolder folder = new();
        folder.Write(PartName, zip);
        return await ReadFolderAsync(folder);
    }

    private static async Task<(TakeoutExport, Dictionary<string, string>)> ReadFolderAsync(TemporaryFolder folder)
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);
        Dictionary<string, string> contents = await GeneratedLibraryTests.ReadAllAsync(export, ct);
        _ = export.Resolve();
        return (export, contents);
    }

    private sealed class RemoteStorage(LocalTakeoutStorage inner) : ITakeoutStorage
    {
        public int Requests { get; private set; }

        public long BytesRead { get; private set; }

        public string Location => "remote";

        public bool SeeksAreCheap => false;

        public IAsyncEnumerable<StoredFile> ListAsync(CancellationToken ct) => inner.ListAsync(ct);

        public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct) => Task.FromResult(new RangeStream(file.Size, async (offset, destination, token) =>
        {
            Requests++;
            BytesRead += destination.Length;
            await using Stream stream = await inner.OpenReadAsync(file, token);
            stream.Position = offset;
            await stream.ReadExactlyAsync(destination, token);
        }));
    }
}
