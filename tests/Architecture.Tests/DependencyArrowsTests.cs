using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>The arrows of the house point one way; CONTRIBUTING.md draws them.</summary>
public partial class DependencyArrowsTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Kloset"] = [],
        ["GooglePhotos"] = [],
        ["KlosetWorker.Contract"] = [],
        ["KlosetWorker"] = ["Kloset", "GooglePhotos", "KlosetWorker.Contract"],
        ["KlosetOperator.Api"] = [],
        ["KlosetOperator.Runtime"] = [],
        ["KlosetOperator"] = ["KlosetOperator.Api", "KlosetOperator.Runtime", "KlosetWorker.Contract"],
    };

    public static TheoryData<string> Rooms() => new(Allowed.Keys);

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_refers_only_to_the_rooms_below_it(string project) =>
        Assert.Empty(House.ProjectReferences(project).Except(Allowed[project]));

    [Fact]
    public void Every_project_of_the_product_is_named_by_the_rules() =>
        Assert.Equal(
            Allowed.Keys.Order(),
            House.Projects.Where(project => !project.Value.Contains("/tests/") && !project.Value.Contains("/eng/")).Select(project => project.Key).Order());

    [Fact]
    public void The_contract_needs_no_package() => Assert.Empty(House.PackageReferences("KlosetWorker.Contract"));

    [Theory]
    [InlineData("Kloset", "KubernetesClient")]
    [InlineData("Kloset", "Google.Apis")]
    [InlineData("GooglePhotos", "KubernetesClient")]
    [InlineData("GooglePhotos", "AWSSDK.S3")]
    [InlineData("KlosetWorker", "KubernetesClient")]
    [InlineData("KlosetOperator", "AWSSDK.S3")]
    public void A_room_stays_without_the_packages_of_another(string project, string package) =>
        Assert.DoesNotContain(package, House.PackageReferences(project));

    [Theory]
    [InlineData("Kloset", "Google|Kubernetes|Takeout|PhotoBackup")]
    [InlineData("GooglePhotos", "Kubernetes|PhotoBackup|packfile")]
    [InlineData("KlosetOperator.Runtime", "photo|kloset\\.dev|takeout|snapshot id")]
    public void A_room_does_not_know_the_words_of_another(string project, string words)
    {
        var forbidden = new Regex(words, RegexOptions.IgnoreCase);
        var found =
            from file in House.Sources(project)
            from line in File.ReadLines(file).Select((text, index) => (text, number: index + 1))
            where forbidden.IsMatch(KnownNames().Replace(line.text, ""))
            select $"{Path.GetRelativePath(House.Root, file)}:{line.number}: {line.text.Trim()}";
        Assert.Empty(found);
    }

    // the names of our own projects and of this repository's snapshot type are no trespass
    [GeneratedRegex("GooglePhotos|googlephotos|Google Photos", RegexOptions.None)]
    private static partial Regex KnownNames();
}
