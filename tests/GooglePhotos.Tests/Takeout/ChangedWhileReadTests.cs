using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

/// <summary>Parts on a volume that somebody replaces or writes to while they are read.</summary>
public sealed class ChangedWhileReadTests
{
    [Theory]
    [InlineData(ArchiveFormat.Zip, "written")]
    [InlineData(ArchiveFormat.Zip, "longer")]
    [InlineData(ArchiveFormat.Zip, "shorter")]
    [InlineData(ArchiveFormat.Tgz, "written")]
    [InlineData(ArchiveFormat.Tgz, "shorter")]
    public async Task What_was_read_before_is_kept_and_the_change_is_named(ArchiveFormat format, string how)
    {
        using TemporaryFolder folder = new();
        Export.Write(
            TakeoutGenerator.Library.Generate(new LibraryOptions { Items = 120, MediaSize = 6_000, Seed = 5 }),
            new ExportOptions { Time = new(2026, 9, 21, 10, 11, 12, TimeSpan.Zero), Format = format, Parts = 2 },
            folder.Path);
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        Dictionary<string, string> whole = await GeneratedLibraryTests.ReadAllAsync(await TakeoutExport.OpenAsync(storage, set, null, ct), ct);
        TakeoutPart changing = set.Parts.First(part => !part.IsIndex && part.Format is PartFormat.Zip or PartFormat.Tgz);
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);

        Dictionary<string, string> read = new(StringComparer.Ordinal);
        bool changed = false;
        await foreach (TakeoutContent content in export.ReadAsync(ReadScope.Everything, ct))
        {
            if (!changed && content.Entry.Part == changing && !content.Entry.Name.EndsWith(".json", StringComparison.Ordinal) && read.Count > 40)
            {
                changed = true;
                Change(folder[changing.Path], how);
            }

            try
            {
                await using Stream stream = await content.OpenAsync(ct);
                read.Add(content.Entry.Path, Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(stream, ct)));
            }
            catch (TakeoutDamageException)
            {
            }
        }

        Assert.True(changed);
        Assert.All(read, entry => Assert.Equal(whole[entry.Key], entry.Value));
        Assert.InRange(read.Count, 41, whole.Count - 1);
        TakeoutFinding finding = Assert.Single(export.Findings, f => f is { Kind: FindingKind.ChangedPart, Path: null });
        Assert.Equal(changing.Path, finding.Part);
        Assert.True(finding.LosesData);
        Assert.Contains("changed while it was read", finding.Message, StringComparison.Ordinal);
        Assert.Contains(read.Keys, path => export.Entries.Single(entry => entry.Path == path).Part != changing);
        Assert.Equal(CompletenessState.Incomplete, SetCompleteness.Judge(export, set.LastChanged.AddDays(2)).State);
    }

    [Fact]
    public async Task A_part_that_is_replaced_by_another_file_of_its_name_is_read_to_its_end_as_it_was()
    {
        using TemporaryFolder folder = new();
        GeneratedLibraryTests.Generate(folder, "en", ArchiveFormat.Tgz, 60, parts: 1);
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutSet set = (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single();
        Dictionary<string, string> whole = await GeneratedLibraryTests.ReadAllAsync(await TakeoutExport.OpenAsync(storage, set, null, ct), ct);
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);
        int read = 0;
        await foreach (TakeoutContent content in export.ReadAsync(ReadScope.Everything, ct))
        {
            if (read++ == 10)
            {
                string path = folder[content.Entry.Part.Path];
                File.WriteAllBytes(path + ".new", [1, 2, 3]);
                File.Move(path + ".new", path, overwrite: true);
            }

            await using Stream stream = await content.OpenAsync(ct);
            await stream.CopyToAsync(Stream.Null, ct);
        }

        Assert.Equal(whole.Count, read);
        Assert.Empty(export.Findings);
    }

    private static void Change(string path, string how)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        switch (how)
        {
            case "longer":
                file.Position = file.Length;
                file.Write([1, 2, 3]);
                break;
            case "shorter":
                file.SetLength(file.Length / 2);
                break;
            default:
                file.Position = file.Length * 9 / 10;
                file.Write([1, 2, 3]);
                break;
        }
    }
}
