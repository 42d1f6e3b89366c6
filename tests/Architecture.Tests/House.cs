using System.Xml.Linq;

namespace Architecture.Tests;

/// <summary>The checkout that the tests were built from, read as files.</summary>
internal static class House
{
    public static string Root { get; } = FindRoot();

    /// <summary>Name and path of every project.</summary>
    public static IReadOnlyDictionary<string, string> Projects { get; } =
        new[] { "operator", "worker", "tests", "eng" }
            .SelectMany(room => Directory.EnumerateFiles(Path.Combine(Root, room), "*.csproj", SearchOption.AllDirectories))
            .ToDictionary(path => Path.GetFileNameWithoutExtension(path)!);

    public static IReadOnlySet<string> ProjectReferences(string project) =>
        References(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'))).ToHashSet();

    public static IReadOnlySet<string> PackageReferences(string project) => References(project, "PackageReference").ToHashSet();

    public static IEnumerable<string> Sources(string project)
    {
        var folder = Path.GetDirectoryName(Projects[project])!;
        return Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories);
    }

    private static IEnumerable<string> References(string project, string element) =>
        XDocument.Load(Projects[project]).Descendants(element).Select(reference => (string)reference.Attribute("Include")!);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("the tests run outside of a checkout: no KlosetOperator.sln above " + AppContext.BaseDirectory);
    }
}
