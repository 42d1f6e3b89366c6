namespace Generate;

/// <summary>The folder of the solution.</summary>
public static class RepositoryRoot
{
    /// <exception cref="DirectoryNotFoundException">No folder above holds the solution.</exception>
    public static string Find(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"KlosetOperator.sln is in no folder above {start}.");
    }
}
