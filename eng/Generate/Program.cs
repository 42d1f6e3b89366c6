using Generate;

// Writes what is generated from the types: `make gen`. With --check nothing is written and differences end with 1.
var check = args.Contains("--check");
var root = RepositoryRoot.Find(AppContext.BaseDirectory);
var stale = 0;
foreach (var file in GeneratedFiles.All())
{
    var path = Path.Combine(root, file.Path);
    if (File.Exists(path) && File.ReadAllText(path) == file.Content)
    {
        continue;
    }

    stale++;
    Console.WriteLine($"{(check ? "differs" : "written")}: {file.Path}");
    if (!check)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, file.Content);
    }
}

return check && stale > 0 ? 1 : 0;
