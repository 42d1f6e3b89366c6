namespace KlosetWorker.Tests;

/// <summary>The checkout that the tests were built from. Not by the path of a source file: a build in CI maps those away.</summary>
internal static class Checkout
{
    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "KlosetOperator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("no KlosetOperator.sln above " + AppContext.BaseDirectory);
    }
}
