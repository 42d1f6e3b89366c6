using System.Diagnostics;

namespace Charts.Tests;

/// <param name="ExitCode">What the program ended with.</param>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>The output of a program that must have succeeded.</summary>
    public string OrFail() => ExitCode == 0 ? Output : throw new InvalidOperationException($"exit code {ExitCode}\n{Error}\n{Output}");
}

/// <summary>Runs programs that are not ours.</summary>
internal static class Command
{
    public static async Task<CommandResult> RunAsync(
        string program, IEnumerable<string> arguments, string? input = null, string? folder = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? House.Root,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, await output, await error);
    }

    /// <summary>The path of a program on PATH or in the folders given; null when there is none.</summary>
    public static string? Find(string name, params string?[] folders) =>
        folders.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            .Where(folder => !string.IsNullOrEmpty(folder))
            .Select(folder => Path.Combine(folder!, name))
            .FirstOrDefault(File.Exists);

    /// <summary>`kubectl`, or the test is skipped.</summary>
    public static string Kubectl()
    {
        var found = Find("kubectl", Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS"), "/usr/local/kubebuilder/bin");
        Assert.SkipWhen(found is null, "kubectl is not on PATH");
        return found!;
    }
}
