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
