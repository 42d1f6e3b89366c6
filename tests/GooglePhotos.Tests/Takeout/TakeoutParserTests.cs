using System.Text;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Tests.Takeout;

public sealed class TakeoutParserTests
{
    private const string Whole = """
        {"title":"IMG_0186.HEIC","description":"","imageViews":"15",
         "creationTime":{"timestamp":"1695554428","formatted":"24 Sept 2023"},"photoTakenTime":{"timestamp":1686305987},
         "geoData":{"latitude":1.5,"longitude":-2.5,"altitude":NaN},"geoDataExif":{"latitude":0.0,"longitude":0.0,"altitude":0.0},
         "people":[{"name":"Susan"},{"name":""}],"favorited":true,"url":"https://photos.google.com/photo/AF1Qip",
         "googlePhotosOrigin":{"mobileUpload":{"deviceFolder":{"localFolderName":"Camera"},"deviceType":"IOS_PHONE"}},
         "sharedAlbumComments":[{"text":"nice","contentOwnerName":"Jo"}],"somethingNew":{"a":[1,2]}}
        """;

    [Theory]
    [InlineData(Whole)]
    [InlineData("\uFEFF" + Whole)]
    public void A_sidecar_is_read_whatever_google_adds_or_leaves_out(string json)
    {
        Sidecar sidecar = Assert.IsType<Sidecar>(Assert.IsType<TakeoutJson.OfMedia>(TakeoutJsonParser.Parse(Encoding.UTF8.GetBytes(json))).Sidecar);
        Assert.Equal("IMG_0186.HEIC", sidecar.Title);
        Assert.Equal(1686305987, sidecar.TakenSeconds);
        Assert.Equal(1695554428, sidecar.CreatedSeconds);
        Assert.Equal(new Place(1.5, -2.5), sidecar.Place);
        Assert.Null(sidecar.PlaceInFile);
        Assert.Equal(["Susan"], sidecar.People);
        Assert.True(sidecar.Favorited);
        Assert.False(sidecar.Trashed);
        Assert.Equal("mobileUpload:IOS_PHONE", sidecar.Origin);
        Assert.Equal("Camera", sidecar.DeviceFolder);
        Assert.Equal("nice", Assert.Single(sidecar.Comments).Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("not json")]
    [InlineData("{\"title\":\"\\ud83d")]
    public void What_is_not_json_is_said_to_be_unreadable(string json) =>
        Assert.IsType<TakeoutJson.Unreadable>(TakeoutJsonParser.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_title_cut_inside_an_emoji_is_read() => Assert.Equal(
        "smile \ud83d",
        Assert.IsType<TakeoutJson.OfMedia>(TakeoutJsonParser.Parse("""{"title":"smile \ud83d","photoTakenTime":{"timestamp":"1"}}"""u8.ToArray())).Sidecar.Title);

    [Fact]
    public void Album_texts_and_places_keep_their_order()
    {
        AlbumMetadata album = Assert.IsType<TakeoutJson.OfAlbum>(TakeoutJsonParser.Parse("""
            {"title":"Iceland","description":"d","date":{"timestamp":"5"},"enrichments":[{"narrativeEnrichment":{"text":"first"}},
             {"locationEnrichment":{"location":[{"name":"Vík","latitudeE7":634186000,"longitudeE7":-190060000}]}}]}
            """u8.ToArray())).Album;
        Assert.Equal("first", album.Enrichments[0].Text);
        Assert.Equal(63.4186, album.Enrichments[1].Places[0].Latitude!.Value, 4);
    }

    [Fact]
    public void No_bytes_make_the_sidecar_parser_throw()
    {
        Random random = new(23);
        byte[] seed = Encoding.UTF8.GetBytes(Whole);
        for (int round = 0; round < 4_000; round++)
        {
            byte[] bytes = [.. seed];
            for (int i = 0; i < 1 + random.Next(6); i++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            Assert.NotNull(TakeoutJsonParser.Parse(bytes.AsMemory(0, random.Next(bytes.Length + 1))));
        }
    }

    [Fact]
    public void The_index_is_read_in_pieces_of_any_size()
    {
        byte[] page = Encoding.UTF8.GetBytes("""
            <html><script>var x = "<div class='extracted-file-name'>no</div>";</script><div class="job-id hidden">6f96</div>
            <h1 class="header_title">Archiv für jürg.müller+photos@exämple.example.org</h1>
            <div class="extracted-folder-name">Photos from 2020</div>
            <div class="file-leaf"><div class="extracted-file-name"> Tom &amp; Jerry é.jpg</div><div class="failure-message"></div></div>
            <div class="file-leaf"><div class="extracted-file-name"> bad.mp4 </div><div class="failure-message">Konnte nicht</div></div>
            """);
        for (int step = 1; step < 40; step += 3)
        {
            ExportIndexParser parser = new();
            for (int at = 0; at < page.Length; at += step)
            {
                parser.Feed(page.AsSpan(at, Math.Min(step, page.Length - at)));
            }

            Assert.Equal("jürg.müller+photos@exämple.example.org", parser.Index.AccountEmail);
            Assert.Equal("6f96", parser.Index.JobId);
            Assert.Equal([("Photos from 2020", "Tom & Jerry é.jpg"), ("Photos from 2020", "bad.mp4")], parser.Index.Files);
            Assert.Equal([("Photos from 2020", "bad.mp4")], parser.Index.Failed);
        }
    }

    [Fact]
    public void A_page_without_end_costs_no_memory_and_no_time()
    {
        ExportIndexParser parser = new();
        byte[] chunk = Encoding.ASCII.GetBytes(new string('<', 1 << 16));
        for (int i = 0; i < 64; i++)
        {
            parser.Feed(chunk);
        }

        byte[] text = Encoding.ASCII.GetBytes("<div class=\"extracted-file-name\">" + new string('x', 1 << 16));
        for (int i = 0; i < 64; i++)
        {
            parser.Feed(text);
        }

        Assert.False(parser.Index.IsIndex);
    }
}
