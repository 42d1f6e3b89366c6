using System.Security.Cryptography;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Inspection;
using GooglePhotos.Takeout.Library;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;
using TakeoutGenerator;

namespace GooglePhotos.Tests.Takeout;

/// <summary>Whole exports, made up by the generator, against the truth that it wrote beside them.</summary>
public sealed class GeneratedLibraryTests
{
    private static readonly DateTimeOffset Made = new(2026, 9, 21, 10, 11, 12, TimeSpan.Zero);

    [Theory]
    [InlineData("en", ArchiveFormat.Zip)]
    [InlineData("de", ArchiveFormat.Zip)]
    [InlineData("ja", ArchiveFormat.Zip)]
    [InlineData("de", ArchiveFormat.Tgz)]
    [InlineData("ja", ArchiveFormat.Folder)]
    public async Task Every_pair_item_album_and_byte_is_as_generated(string language, ArchiveFormat format)
    {
        using TemporaryFolder folder = new();
        ExportManifest truth = Generate(folder, language, format, 400);
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutListing listing = await TakeoutListing.ReadAsync(storage, ct);
        TakeoutSet set = Assert.Single(listing.Sets);
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, null, ct);
        Dictionary<string, Sidecar> sidecars = new(StringComparer.Ordinal);
        Dictionary<string, string> digests = await ReadAllAsync(export, ct, sidecars);
        TakeoutLibrary library = export.Resolve();

        Assert.Empty(export.Findings);
        Assert.Equal(
            truth.Pairs.OrderBy(p => p.Media, StringComparer.Ordinal),
            export.Entries.Where(e => library.Pairing.Verdicts[e.Id].Kind == FileKind.Media)
                .Select(e => (e.Path, library.Pairing.Verdicts[e.Id].Sidecar is >= 0 and int s ? export.Entries[s].Path : "none"))
                .OrderBy(p => p.Path, StringComparer.Ordinal));
        foreach (ExportedFile file in truth.Items.SelectMany(i => i.Folders).SelectMany(f => f.Media))
        {
            Assert.Equal(file.Sha256, digests[file.Path]);
        }

        Assert.Equal(
            truth.Items.Select(i => (i.Url, i.Title, i.Description, i.Taken, i.Favorited)).OrderBy(i => i.Url, StringComparer.Ordinal),
            library.Items.Select(i => sidecars[export.Entries[i.SidecarEntry].Path]).Select(s => (s.Url!, s.Title, s.Description ?? "", s.TakenAt!.Value, s.Favorited))
                .OrderBy(i => i.Item1, StringComparer.Ordinal));
        Assert.Equal(
            truth.Items.ToDictionary(i => i.Url, i => string.Join(',', i.Folders.SelectMany(f => f.Media).Select(m => m.Role + m.Sha256).Distinct().Order(StringComparer.Ordinal))),
            library.Items.ToDictionary(i => i.Url!, i => string.Join(',', i.Files.Select(f => Role(f.Role) + digests[export.Entries[f.Entries[0]].Path]).Order(StringComparer.Ordinal))));
        Assert.Equal(
            truth.Albums.Select(a => (a.Title, a.Items)).Order(),
            library.Albums.Select(a => (a.Title, a.Items.Count)).Order());
        Assert.Equal(CompletenessState.Proven, SetCompleteness.Judge(export, Made).State);
        Assert.Equal("alice@example.com", export.Index!.AccountEmail);
    }

    [Fact]
    public async Task Sidecars_and_clocks_alone_are_enough_to_know_all_items()
    {
        using TemporaryFolder folder = new();
        Generate(folder, "en", ArchiveFormat.Zip, 400);
        CancellationToken ct = TestContext.Current.CancellationToken;
        LocalTakeoutStorage storage = new(folder.Path);
        TakeoutExport export = await TakeoutExport.OpenAsync(storage, (await TakeoutListing.ReadAsync(storage, ct)).Sets.Single(), null, ct);
        await export.ReadMetadataAsync(ct);
        Assert.Equal(400, export.Resolve().Items.Count);
    }

    [Fact]
    public async Task A_missing_part_is_named_and_what_it_held_is_counted()
    {
        using TemporaryFolder folder = new();
        Generate(folder, "en", ArchiveFormat.Zip, 60, parts: 3);
        File.Delete(folder["takeout-20260921T101112Z-3-002.zip"]);
        InspectReport report = await InspectorTests.InspectAsync(folder);

        InspectSet set = Assert.Single(report.Sets);
        Assert.Equal("incomplete", set.Completeness);
        Assert.Equal([2], set.MissingParts);
        Assert.NotEmpty(set.MissingFiles);
        Assert.Contains(report.Warnings, w => w.Kind == "missingPart" && w.Message.Contains("002", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_base_and_its_increments_are_told_apart()
    {
        using TemporaryFolder folder = new();
        TakeoutGenerator.Library library = TakeoutGenerator.Library.Generate(new LibraryOptions { Items = 200, MediaSize = 200 });
        DateTimeOffset? since = null;
        for (int i = 0; i < 3; i++)
        {
            Export.Write(library, new ExportOptions { Time = library.Options.Until, Since = since, SetNumber = 3 + i }, folder.Path);
            since = library.Options.Until;
            library = library.Later(library.Options.Until.AddDays(61), 20);
        }

        Export.Write(library, new ExportOptions { Time = library.Options.Until, SetNumber = 9, Loose = false }, folder.Path);
        InspectReport report = await InspectorTests.InspectAsync(folder);

        Assert.Equal(["full", "increment", "increment", "full"], report.Sets.Select(s => s.Class));
        Assert.All(report.Sets, s => Assert.Equal("proven", s.Completeness));
        Assert.Equal(260, report.LogicalItems);
    }

    [Fact]
    public async Task The_digest_of_a_listing_changes_with_every_change_and_with_nothing_else()
    {
        using TemporaryFolder folder = new();
        Generate(folder, "en", ArchiveFormat.Zip, 20);
        CancellationToken ct = TestContext.Current.CancellationToken;
        async Task<string> DigestAsync() => (await TakeoutListing.ReadAsync(new LocalTakeoutStorage(folder.Path), ct)).Digest;

        string first = await DigestAsync();
        Assert.Equal(first, await DigestAsync());
        File.SetLastWriteTimeUtc(folder["takeout-20260921T101112Z-001.zip"], new DateTime(2026, 9, 22, 0, 0, 0, DateTimeKind.Utc));
        string touched = await DigestAsync();
        Assert.NotEqual(first, touched);
        folder.Write("one-more.jpg", [1]);
        Assert.NotEqual(touched, await DigestAsync());
    }

    internal static ExportManifest Generate(TemporaryFolder folder, string language, ArchiveFormat format, int items, int parts = 3) => Export.Write(
        TakeoutGenerator.Library.Generate(new LibraryOptions { Items = items, MediaSize = 400, Seed = 5 }),
        new ExportOptions { Time = Made, Format = format, Parts = parts, Language = language },
        folder.Path);

    internal static async Task<Dictionary<string, string>> ReadAllAsync(TakeoutExport export, CancellationToken ct, Dictionary<string, Sidecar>? sidecars = null)
    {
        Dictionary<string, string> digests = new(StringComparer.Ordinal);
        await foreach (TakeoutContent content in export.ReadAsync(ReadScope.Everything, ct))
        {
            if (content.Sidecar is { } sidecar)
            {
                sidecars?.Add(content.Entry.Path, sidecar);
            }

            try
            {
                await using Stream stream = await content.OpenAsync(ct);
                Assert.True(digests.TryAdd(content.Entry.Path, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct))), content.Entry.Path + " was handed out twice");
            }
            catch (TakeoutDamageException)
            {
            }
        }

        return digests;
    }

    private static string Role(FileRole role) => role switch
    {
        FileRole.Original => "original",
        FileRole.Edited => "edited",
        _ => "live",
    };
}
