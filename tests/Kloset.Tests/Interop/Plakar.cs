using System.Diagnostics;

namespace Kloset.Tests.Interop;

/// <summary>The real plakar with a home and a cache of its own for one repository. Its cache persists, as that of a user does.</summary>
internal sealed class Plakar : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("kloset-plakar-").FullName;
    private string _repository = "";
    private readonly string? _passphrase;

    public Plakar(string repository, string? passphrase)
        : this(passphrase) => _repository = "fs:" + repository;

    private Plakar(string? passphrase)
    {
        if (Executable is null)
            Assert.Skip("plakar is not on PATH");
        _passphrase = passphrase;
        Start(["-disable-security-check"], null);
    }

    /// <param name="location">`s3://host:port/bucket/prefix`.</param>
    public static Plakar ForBucket(string location, string accessKey, string secretKey, string? passphrase)
    {
        var plakar = new Plakar(passphrase) { _repository = "@bucket" };
        // The integration is compiled in or installed; without it the store cannot be told to plakar at all.
        var (status, output) = plakar.Start(
            ["store", "add", "bucket", location, "access_key=" + accessKey, "secret_access_key=" + secretKey, "use_tls=false"], null);
        Assert.SkipUnless(status == 0, "this plakar has no s3 integration: " + output);
        return plakar;
    }

    public static string? Executable { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(folder => Path.Combine(folder, "plakar")).FirstOrDefault(File.Exists);

    /// <summary>Runs `plakar at REPOSITORY …`. Its exit status alone says too little: an error in what it prints fails too.</summary>
    public string Run(params string[] arguments) => Run(arguments, null);

    public string Run(string[] arguments, Dictionary<string, string>? environment) => Judge(["at", _repository, .. arguments], environment);

    /// <summary>Starts a command that goes on until it is killed, such as `ui`. Standard output is read line by line.</summary>
    public Process Serve(params string[] arguments)
    {
        var start = Prepare(["at", _repository, .. arguments], null);
        return Process.Start(start)!;
    }

    /// <summary>Without a repository.</summary>
    public string RunBare(params string[] arguments) => Judge(arguments, null);

    private string Judge(string[] arguments, Dictionary<string, string>? environment)
    {
        var (status, output) = Start(arguments, environment);
        var said = System.Text.RegularExpressions.Regex.Replace(output, "without errors|- Errors: (0\\b|[0-9a-f]{64})", "");
        Assert.True(
            status == 0 && !said.Contains("error", StringComparison.OrdinalIgnoreCase) && !said.Contains("failed", StringComparison.OrdinalIgnoreCase)
                && !said.Contains("corrupt", StringComparison.OrdinalIgnoreCase) && !said.Contains("panic", StringComparison.OrdinalIgnoreCase),
            $"plakar {string.Join(' ', arguments)} ended with {status}:\n{output}");
        return output;
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(_home, recursive: true);
        }
        catch (IOException)
        {
            // Its background process may still write there; the system's temporary folder is cleaned by others.
        }
    }

    private ProcessStartInfo Prepare(string[] arguments, Dictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(Executable!) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["HOME"] = _home;
        start.Environment.Remove("XDG_CACHE_HOME");
        start.Environment.Remove("XDG_CONFIG_HOME");
        if (_passphrase is not null)
            start.Environment["PLAKAR_PASSPHRASE"] = _passphrase;
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return start;
    }

    private (int Status, string Output) Start(string[] arguments, Dictionary<string, string>? environment)
    {
        // Its background process inherits the output and outlives it: a pipe would stay open, a file is complete when the command has ended.
        var file = Path.Combine(_home, "output-" + Guid.CreateVersion7().ToString("N"));
        var start = Prepare([], environment);
        start.FileName = "/bin/sh";
        foreach (var argument in (string[])["-c", "out=$1; shift; exec \"$@\" >\"$out\" 2>&1 </dev/null", "run", file, Executable!, .. arguments])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            process.Kill();
            Assert.Fail($"plakar {string.Join(' ', arguments)} did not end.");
        }

        var output = File.ReadAllText(file);
        File.Delete(file);
        return (process.ExitCode, output);
    }
}
