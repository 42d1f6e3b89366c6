using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Inspection;

namespace GooglePhotos.Tests.Takeout;

public sealed class InspectorTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (PairingVector vector in PairingVector.Visible)
            {
                foreach (string form in (ReadOnlySpan<string>)["folder", "zip", "tgz"])
                {
                    cases.Add(vector.Id, form);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Every_known_example_comes_out_of_folders_and_archives_as_expected(string id, string form)
    {
        PairingVector vector = PairingVector.Visible.Single(v => v.Id == id);
        using TemporaryFolder folder = new();
        Write(vector, folder, form);
        InspectReport report = await InspectAsync(folder);

        Assert.Equal(vector.Expect.Pairs.OrderBy(p => p.Key, StringComparer.Ordinal), report.Pairs.OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.Equal(vector.Expect.UnpairedJson, report.UnpairedJson);
        Assert.Equal(vector.Expect.Ignored, report.Ignored);
        if (vector.Expect.Groups is { } groups)
        {
            Assert.Equal(groups, report.Groups.Select(g => PairingVector.DescribeGroup(g.Primary, g.Members.Select(m => (m.Path, m.Role)))).Order(StringComparer.Ordinal));
        }

        if (vector.Expect.Albums is { } albums)
        {
            Assert.Equal(albums, report.Albums.Select(a => PairingVector.DescribeAlbum(a.Folder, a.Metadata, a.Title)).Order(StringComparer.Ordinal));
        }

        if (vector.Expect.LogicalItems is { } items)
        {
            Assert.Equal(items, report.LogicalItems);
        }
    }

    [Fact]
    public async Task The_report_is_one_json_object_with_names_as_they_are()
    {
        using TemporaryFolder folder = new();
        Write(PairingVector.Visible.Single(v => v.Id == "album-meta-ja"), folder, "folder");
        InspectReport report = await InspectAsync(folder);
        using MemoryStream json = new();
        await report.WriteAsync(json, TestContext.Current.CancellationToken);

        using JsonDocument document = JsonDocument.Parse(json.ToArray());
        JsonElement pair = document.RootElement.GetProperty("pairs").GetProperty("Takeout/Google フォト/旅行/IMG_1.jpg");
        Assert.Equal("Takeout/Google フォト/旅行/IMG_1.jpg.json", pair.GetString());
        Assert.Contains("旅行", Encoding.UTF8.GetString(json.ToArray()), StringComparison.Ordinal);
        Assert.Contains(report.Warnings, w => w.Kind == "unknownMedia" && w.Path == "Takeout/Google フォト/旅行/IMG_1.jpg");
    }

    internal static Task<InspectReport> InspectAsync(TemporaryFolder folder) =>
        TakeoutInspector.InspectAsync(new LocalTakeoutStorage(folder.Path), TimeProvider.System, ct: TestContext.Current.CancellationToken);

    internal static byte[] Content(PairingVector.VectorFile file)
    {
        if (file.Json is { } json)
        {
            return json;
        }

        byte[] bytes = new byte[file.Size];
        new Random((int)file.Size).NextBytes(bytes);
        return bytes;
    }

    internal static void Write(PairingVector vector, TemporaryFolder folder, string form)
    {
        if (form == "folder")
        {
            foreach (PairingVector.VectorFile file in vector.Files)
            {
                folder.Write(file.Path, Content(file));
            }

            return;
        }

        foreach (PairingVector.VectorFile loose in vector.Files.Where(f => !f.Path.Contains('/', StringComparison.Ordinal)))
        {
            folder.Write(loose.Path, Content(loose));
        }

        foreach (IGrouping<int, PairingVector.VectorFile> part in vector.Files.Where(f => f.Path.Contains('/', StringComparison.Ordinal))
            .Select((f, i) => (f, part: f.Part ?? (i % 3) + 1)).GroupBy(x => x.part, x => x.f))
        {
            using FileStream output = File.Create(folder[$"takeout-20240712T112341Z-3-{part.Key:D3}.{form}"]);
            if (form == "zip")
            {
                using ZipArchive zip = new(output, ZipArchiveMode.Create);
                foreach (PairingVector.VectorFile file in part)
                {
                    using Stream entry = zip.CreateEntry(file.Path).Open();
                    entry.Write(Content(file));
                }
            }
            else
            {
                using GZipStream packed = new(output, CompressionLevel.Fastest);
                using TarWriter tar = new(packed);
                foreach (PairingVector.VectorFile file in part)
                {
                    tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, file.Path) { DataStream = new MemoryStream(Content(file)) });
                }
            }
        }
    }
}
