using System.Text.Json.Serialization.Metadata;
using KlosetWorker.Catalog;
using KlosetWorker.Output;

namespace KlosetWorker.Tests;

/// <summary>What programs outside rely on is written down, member by member.</summary>
public sealed class ReferenceDocsTests
{
    public static TheoryData<string, JsonTypeInfo> Documented => new()
    {
        { "catalog.md", CatalogJson.Readable.CatalogItem },
        { "catalog.md", CatalogJson.Readable.CatalogFile },
        { "catalog.md", CatalogJson.Readable.CatalogSidecar },
        { "catalog.md", CatalogJson.Readable.CatalogPlace },
        { "catalog.md", CatalogJson.Readable.CatalogMembership },
        { "catalog.md", CatalogJson.Readable.Manifest },
        { "catalog.md", CatalogJson.Readable.ManifestCounts },
        { "catalog.md", CatalogJson.Readable.ManifestSet },
        { "catalog.md", CatalogJson.Readable.ManifestGap },
        { "catalog.md", CatalogJson.Readable.Sighting },
        { "cli.md", CliJson.Readable.ErrorDetails },
        { "cli.md", CliJson.Readable.CreateOutput },
        { "cli.md", CliJson.Readable.SnapshotOutput },
        { "cli.md", CliJson.Readable.EntryOutput },
        { "cli.md", CliJson.Readable.CheckOutput },
        { "cli.md", CliJson.Readable.CheckFindingOutput },
        { "cli.md", CliJson.Readable.InfoOutput },
        { "cli.md", CliJson.Readable.RestoreOutput },
        { "cli.md", CliJson.Readable.BackupOutput },
        { "cli.md", CliJson.Readable.FindItemOutput },
        { "cli.md", CliJson.Readable.ForgetOutput },
        { "cli.md", CliJson.Readable.ForgetLineageOutput },
        { "cli.md", CliJson.Readable.ForgetKeptOutput },
        { "cli.md", CliJson.Readable.MaintainOutput },
        { "cli.md", CliJson.Readable.PackfilesOutput },
        { "cli.md", CliJson.Readable.PinOutput },
        { "cli.md", CliJson.Readable.ExportOutput },
        { "cli.md", CliJson.Readable.DiffChangeOutput },
        { "cli.md", CliJson.Readable.RepairOutput },
        { "cli.md", CliJson.Readable.DuOutput },
        { "cli.md", CliJson.Readable.DuSnapshotOutput },
        { "cli.md", CliJson.Readable.DuFolderOutput },
        { "cli.md", CliJson.Readable.LineageOutput },
        { "cli.md", CliJson.Readable.LockOutput },
        { "cli.md", CliJson.Readable.DoctorOutput },
        { "cli.md", CliJson.Readable.DoctorLineOutput },
        { "cli.md", CliJson.Readable.RecoveryKitOutput },
    };

    [Theory]
    [MemberData(nameof(Documented))]
    public void Every_member_is_documented(string page, JsonTypeInfo type)
    {
        var text = File.ReadAllText(Checkout.Path($"docs/reference/{page}"));

        Assert.All(type.Properties, property => Assert.Contains($"`{property.Name}`", text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_catalog_line_has_its_members_in_the_documented_order() => Assert.Equal(
        ["id", "aliases", "taken", "zone", "takenFrom", "created", "title", "description", "place", "placeOfFile", "people", "favourite", "archived",
            "trashed", "albums", "mime", "camera", "width", "height", "durationSeconds", "origin", "rank", "revision", "files", "sidecars", "metadataFrom"],
        CatalogJson.Readable.CatalogItem.Properties.Select(property => property.Name));
}
