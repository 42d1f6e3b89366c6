namespace Charts.Tests;

/// <summary>Where the files are that these tests are about.</summary>
internal static class House
{
    public static string Root { get; } = Find();

    public static string Chart => Path.Combine(Root, "charts", "kloset-operator");

    public static string Config => Path.Combine(Root, "config");

    public static string Docs => Path.Combine(Root, "docs");

    public static string Read(params string[] path) => File.ReadAllText(Path.Combine([Root, .. path]));

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("KlosetOperator.sln is in no folder above the tests.");
    }
}
