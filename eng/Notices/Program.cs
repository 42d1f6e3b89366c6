using Notices;

// What of others is in the programs that are shipped. `make notices` writes docs/third-party-licences.md and, into out/, an SBOM for
// each program. Both come from the lock files and the metadata of the restored packages, so the same sources give the same files.
var root = Root();
var programs = new[]
{
    new ShippedProgram("kloset-operator", Path.Combine(root, "operator", "KlosetOperator", "packages.lock.json")),
    new ShippedProgram("kloset", Path.Combine(root, "worker", "KlosetWorker", "packages.lock.json")),
};
var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
    ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
var version = System.Xml.Linq.XDocument.Load(Path.Combine(root, "Directory.Version.props")).Descendants("VersionPrefix").Single().Value;

try
{
    var all = programs.ToDictionary(program => program, program => PackageReader.Read(program.LockFile, cache));
    File.WriteAllText(Path.Combine(root, "docs", "third-party-licences.md"), NoticePage.Build(all));
    Directory.CreateDirectory(Path.Combine(root, "out"));
    foreach (var (program, packages) in all)
    {
        File.WriteAllText(Path.Combine(root, "out", $"{program.Name}.cdx.json"), BillOfMaterials.Build(program.Name, version, packages));
    }

    return 0;
}
catch (FileNotFoundException missing)
{
    Console.Error.WriteLine($"{missing.Message} Run `dotnet restore` first.");
    return 2;
}

static string Root()
{
    for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
    {
        if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
        {
            return folder.FullName;
        }
    }

    throw new DirectoryNotFoundException("KlosetOperator.sln is in no folder above this program.");
}
