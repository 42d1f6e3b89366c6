using GooglePhotos.Takeout.Pairing;

namespace GooglePhotos.Tests.Takeout;

public sealed class PairingVectorTests
{
    public static TheoryData<string> Ids => [.. PairingVector.Visible.Select(v => v.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_known_example_is_paired_as_expected(string id)
    {
        PairingVector vector = PairingVector.Visible.Single(v => v.Id == id);
        Verify(vector, TakeoutPairing.Pair(vector.ToPairingFiles()));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_order_of_files_and_parts_does_not_matter(string id)
    {
        PairingVector vector = PairingVector.Visible.Single(v => v.Id == id);
        Random random = new(4711);
        PairingFile[] files = [.. vector.ToPairingFiles()];
        for (int round = 0; round < 30; round++)
        {
            random.Shuffle(files);
            Verify(vector, TakeoutPairing.Pair(files));
        }
    }

    [Fact]
    public void All_examples_in_one_export_do_not_disturb_each_other()
    {
        List<PairingFile> all = [];
        List<(PairingVector Vector, string Prefix)> parts = [];
        foreach (PairingVector vector in PairingVector.Visible.Where(v => v.Files.All(f => f.Path.Contains('/', StringComparison.Ordinal))))
        {
            foreach (PairingFile file in vector.ToPairingFiles())
            {
                all.Add(new PairingFile { Folder = vector.Id + "/" + file.Folder, Name = file.Name, Size = file.Size, Json = file.Json });
            }

            parts.Add((vector, vector.Id + "/"));
        }

        PairingResult result = TakeoutPairing.Pair(all);
        Dictionary<string, string?> pairs = Pairs(result);
        foreach ((PairingVector vector, string prefix) in parts)
        {
            foreach ((string media, string? json) in vector.Expect.Pairs)
            {
                Assert.Equal(json is null ? null : prefix + json, pairs[prefix + media]);
            }
        }
    }

    internal static void Verify(PairingVector vector, PairingResult result)
    {
        Dictionary<string, string?> pairs = Pairs(result);
        Assert.Equal(vector.Expect.Pairs.OrderBy(p => p.Key, StringComparer.Ordinal), pairs.OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.Equal(vector.Expect.UnpairedJson, Paths(result, v => v.Kind == FileKind.Sidecar && !v.Used));
        Assert.Equal(vector.Expect.Ignored, Paths(result, v => v.Kind == FileKind.Ignored));
        if (vector.Expect.Groups is { } groups)
        {
            Assert.Equal(groups, Groups(result));
        }

        if (vector.Expect.Albums is { } albums)
        {
            Assert.Equal(albums, result.Albums.Select(a => PairingVector.DescribeAlbum(
                a.Folder, a.Metadata < 0 ? null : result.Files[a.Metadata].Path, a.Title)).Order(StringComparer.Ordinal));
        }
    }

    private static Dictionary<string, string?> Pairs(PairingResult result) => result.Files
        .Select((file, i) => (file, verdict: result.Verdicts[i]))
        .Where(x => x.verdict.Kind == FileKind.Media)
        .ToDictionary(x => x.file.Path, x => x.verdict.Sidecar < 0 ? null : result.Files[x.verdict.Sidecar].Path);

    private static List<string> Paths(PairingResult result, Func<FileVerdict, bool> which) =>
        [.. result.Files.Where((_, i) => which(result.Verdicts[i])).Select(f => f.Path).Order(StringComparer.Ordinal)];

    private static List<string> Groups(PairingResult result) =>
        [.. result.Files.Select((file, i) => (file, i, verdict: result.Verdicts[i]))
            .Where(x => x.verdict.Kind == FileKind.Media && x.verdict.Primary != x.i)
            .GroupBy(x => x.verdict.Primary)
            .Select(g => PairingVector.DescribeGroup(result.Files[g.Key].Path, g.Select(x => (x.file.Path, x.verdict.Role switch
            {
                FileRole.Edited => "edited",
                FileRole.LiveVideo => "live-video",
                FileRole.MotionVideo => "motion-video",
                _ => "original",
            })))).Order(StringComparer.Ordinal)];
}

/// <summary>What the model says where the known examples are silent: our own traps.</summary>
public sealed class PairingTrapTests
{
    private const string Long46 = "An evening at the old harbour with all of us, ";
    private const string Long47 = Long46 + "p";

    public static TheoryData<string, string[], string[]> Traps => new()
    {
        // name = file, name|title = sidecar; expected: media -> sidecar or -
        { "a clip's own sidecar wins", ["IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1.MP4", "IMG_1.MP4.json|IMG_1.MP4"], ["IMG_1.HEIC -> IMG_1.HEIC.json", "IMG_1.MP4 -> IMG_1.MP4.json"] },
        { "one clip and two pictures is nobody's clip", ["IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1.JPG", "IMG_1.JPG.json|IMG_1.JPG", "IMG_1.MP4"], ["IMG_1.HEIC -> IMG_1.HEIC.json", "IMG_1.JPG -> IMG_1.JPG.json", "IMG_1.MP4 -> -"] },
        { "an older motion photo has a clip without extension", ["MVIMG_1.jpg", "MVIMG_1.jpg.json|MVIMG_1.jpg", "MVIMG_1"], ["MVIMG_1.jpg -> MVIMG_1.jpg.json", "MVIMG_1 -> MVIMG_1.jpg.json"] },
        { "an edited picture in another format", ["IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1-edited.jpg"], ["IMG_1.HEIC -> IMG_1.HEIC.json", "IMG_1-edited.jpg -> IMG_1.HEIC.json"] },
        { "an edited picture that could be of two", ["IMG_1.HEIC.json|IMG_1.HEIC", "IMG_1.PNG.json|IMG_1.PNG", "IMG_1-edited.jpg"], ["IMG_1-edited.jpg -> -"] },
        { "a suffix cut to its hyphen", [$"{Long46}-.jpg", $"{Long46}.json|{Long46}.jpg"], [$"{Long46}-.jpg -> {Long46}.json"] },
        { "a cut name whose title is another's", [$"{Long47}.jpg", $"{Long46}.json|{Long46}quay.jpg"], [$"{Long47}.jpg -> -"] },
        { "sidecars collide where media do not", [$"{Long46}a.jpg", $"{Long46}b.jpg", $"{Long46}.json|{Long46}apple.jpg", $"{Long46}(1).json|{Long46}berry.jpg"], [$"{Long46}a.jpg -> {Long46}.json", $"{Long46}b.jpg -> {Long46}(1).json"] },
        { "one title, two extensions, one cut sidecar name", [$"{Long47}.jpg", $"{Long47}.png", $"{Long46}.json|{Long47}.png", $"{Long46}(1).json|{Long47}.jpg"], [$"{Long47}.jpg -> {Long46}(1).json", $"{Long47}.png -> {Long46}.json"] },
        { "a literal counter beside a plain name", ["IMG_1.jpg", "IMG_1.jpg.json|IMG_1.jpg", "IMG_1(1).jpg", "IMG_1(1).jpg.json|IMG_1(1).jpg"], ["IMG_1.jpg -> IMG_1.jpg.json", "IMG_1(1).jpg -> IMG_1(1).jpg.json"] },
        { "two names in one other case", ["img_1.jpg", "Img_1.jpg", "IMG_1.jpg.json|IMG_1.jpg"], ["img_1.jpg -> -", "Img_1.jpg -> -"] },
        { "jpeg in one export, jpg in the next", ["IMG_1.jpeg", "IMG_1.jpg.json|IMG_1.jpg"], ["IMG_1.jpeg -> IMG_1.jpg.json"] },
        { "another extension is another file", ["IMG_1.png", "IMG_1.jpg.json|IMG_1.jpg"], ["IMG_1.png -> -"] },
        { "a title with extension does not lend a name without", ["IMG_1.jpg", "IMG_1.json|IMG_1.jpg"], ["IMG_1.jpg -> -"] },
        { "a picture and a film share a bare name", ["X.jpg", "X.mov", "X.json|X"], ["X.jpg -> X.json", "X.mov -> X.json"] },
        { "two pictures share a bare name", ["X.jpg", "X.png", "X.json|X"], ["X.jpg -> -", "X.png -> -"] },
        { "a full suffix whatever its length", [$"{Long46}and more of it.jpg", $"{Long46}and more of it.jpg.supplemental-metadata.json|{Long46}and more of it.jpg"], [$"{Long46}and more of it.jpg -> {Long46}and more of it.jpg.supplemental-metadata.json"] },
        { "a counter inside a name of our own tree", [$"{Long46[..44]}(1).jpg", $"{Long46[..44]}(1).jpg.supplemental-metadata.json|{Long46[..44]}.jpg"], [$"{Long46[..44]}(1).jpg -> {Long46[..44]}(1).jpg.supplemental-metadata.json"] },
        { "the edited version and the clip beside it", ["IMG_1(1).HEIC", "IMG_1(1).HEIC.supplemental-metadata.json|IMG_1.HEIC", "IMG_1(1)-edited.HEIC", "IMG_1(1).MP4"], ["IMG_1(1).HEIC -> IMG_1(1).HEIC.supplemental-metadata.json", "IMG_1(1)-edited.HEIC -> IMG_1(1).HEIC.supplemental-metadata.json", "IMG_1(1).MP4 -> IMG_1(1).HEIC.supplemental-metadata.json"] },
        { "an own sidecar in other case beats the picture's", ["IMG_1.mov", "IMG_1.MOV.json|IMG_1.MOV", "IMG_1.HEIC", "IMG_1.HEIC.json|IMG_1.HEIC"], ["IMG_1.mov -> IMG_1.MOV.json", "IMG_1.HEIC -> IMG_1.HEIC.json"] },
    };

    [Theory]
    [MemberData(nameof(Traps))]
    public void A_trap_is_answered_rightly_or_not_at_all(string why, string[] files, string[] expected)
    {
        Random random = new(11);
        for (int round = 0; round < 10; round++)
        {
            random.Shuffle(files);
            PairingResult result = TakeoutPairing.Pair([.. files.Select(f => new PairingFile
            {
                Folder = "Takeout/Google Photos/Photos from 2020",
                Name = f.Split('|')[0],
                Json = f.Contains('|', StringComparison.Ordinal)
                    ? GooglePhotos.Takeout.Sidecars.TakeoutJsonParser.Parse(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new { title = f.Split('|')[1], photoTakenTime = new { timestamp = "1" } }))
                    : null,
            })]);
            string[] pairs = [.. result.Files.Select((f, i) => (f.Name, Verdict: result.Verdicts[i])).Where(x => x.Verdict.Kind == FileKind.Media)
                .Select(x => $"{x.Name} -> {(x.Verdict.Sidecar < 0 ? "-" : result.Files[x.Verdict.Sidecar].Name)}").Order(StringComparer.Ordinal)];
            Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(pairs), $"{why}: {string.Join("; ", pairs)}");
        }
    }

    [Fact]
    public void A_loose_film_and_a_small_one_that_differ_in_case_share_no_sidecar()
    {
        PairingResult result = Pair(
            ("", "IMG_2063-058.MOV", null, 58),
            ("P", "IMG_2063.mov", null, 1),
            ("P", "IMG_2063.MOV.supplemental-metadata.json", "IMG_2063.MOV", 1));
        Assert.All(result.Verdicts.Where(v => v.Kind == FileKind.Media), v => Assert.Equal(-1, v.Sidecar));
    }

    [Fact]
    public void A_loose_film_s_own_clock_decides_between_two_years()
    {
        PairingFile[] files =
        [
            new() { Folder = "", Name = "GH010015-045.MP4", PartNumber = 45, MediaTime = DateTimeOffset.FromUnixTimeSeconds(1625097650) },
            Sidecar("A/Photos from 2019", "GH010015.MP4", 1561939200),
            Sidecar("A/Photos from 2021", "GH010015.MP4", 1625097600),
        ];
        FileVerdict film = TakeoutPairing.Pair(files).Verdicts[0];
        Assert.Equal((2, PairReason.LooseByTime), (film.Sidecar, film.Reason));
    }

    [Fact]
    public void The_same_film_loose_twice_is_one_item_with_two_places()
    {
        PairingFile[] files =
        [
            new() { Folder = "", Name = "GH010015-045.MP4", PartNumber = 45, Size = 9 },
            new() { Folder = "", Name = "GH010015-046.MP4", PartNumber = 46, Size = 9 },
            Sidecar("A/Photos from 2019", "GH010015.MP4", 1561939200),
            Sidecar("A/Journey", "GH010015.MP4", 1561939200),
        ];
        FileVerdict[] verdicts = TakeoutPairing.Pair(files).Verdicts;
        Assert.Equal([2, 3], verdicts.Take(2).Select(v => v.Sidecar));
    }

    private static PairingFile Sidecar(string folder, string title, long taken) => new()
    {
        Folder = folder,
        Name = title + ".supplemental-metadata.json",
        Json = GooglePhotos.Takeout.Sidecars.TakeoutJsonParser.Parse(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new { title, photoTakenTime = new { timestamp = taken.ToString(System.Globalization.CultureInfo.InvariantCulture) } })),
    };

    private static PairingResult Pair(params (string Folder, string Name, string? Title, int Part)[] files) => TakeoutPairing.Pair([.. files.Select(f => new PairingFile
    {
        Folder = f.Folder,
        Name = f.Name,
        PartNumber = f.Part,
        Json = f.Title is null ? null : Sidecar(f.Folder, f.Title, 1).Json,
    })]);
}
