namespace Demo.Staging;

/// <summary>Places in the source tree and what was built from it.</summary>
public sealed record Checkout(string Root)
{
    public string Crds => Path.Combine(Root, "config", "crd");

    public string Samples => Path.Combine(Root, "config", "samples");

    /// <summary>The checkout that this program was built in.</summary>
    public static Checkout Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
            {
                return new Checkout(folder.FullName);
            }
        }

        throw new StageException("The source tree is not above this program: run it where it was built, with `make demo`.");
    }

    /// <summary>A program that people run: as <c>make build</c> left it in out/, or as the build of a test left it beside the test.</summary>
    /// <param name="name">kloset or kloset-operator.</param>
    /// <param name="project">KlosetWorker or KlosetOperator.</param>
    public string Program(string name, string project, bool published)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        var path = published ? Path.Combine(Root, "out", name) : Path.Combine(Root, "artifacts", "bin", project, configuration, project);
        return File.Exists(path) ? path : throw new StageException($"{path} is not there: run `make build` first.");
    }
}

/// <summary>Something that the stage needs is not as it should be; the message is for people.</summary>
public sealed class StageException(string message) : Exception(message);
