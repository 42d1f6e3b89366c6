using KlosetWorker.Commands;
using KlosetWorker.Hosting;

namespace KlosetWorker.Tests;

/// <summary>The real command in this process, with an environment of its own and a folder that goes away.</summary>
internal sealed class TestHost : IDisposable
{
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal);

    public TestHost()
    {
        Folder = Directory.CreateTempSubdirectory("kloset-test-").FullName;
        Set("KLOSET_CACHE", Directory.CreateDirectory(Path.Combine(Folder, "cache")).FullName);
    }

    public string Folder { get; }

    public string Repository => Path.Combine(Folder, "repository");

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public CancellationToken Stop { get; set; }

    public void Set(string name, string value) => _environment[name] = value;

    public string? Get(string name) => _environment.GetValueOrDefault(name);

    public string At(params string[] names) => Path.Combine([Folder, .. names]);

    /// <summary>Writes a file below the folder, and the folders above it.</summary>
    public string Write(string relative, ReadOnlySpan<byte> content)
    {
        var path = At(relative.Split('/'));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public string Write(string relative, string content) => Write(relative, System.Text.Encoding.UTF8.GetBytes(content));

    public async Task<Outcome> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var bytes = new MemoryStream();
        var code = await CommandLine.RunAsync(arguments, new WorkerHost
        {
            Output = TextWriter.Synchronized(output),
            Error = TextWriter.Synchronized(error),
            OutputBytes = bytes,
            Environment = name => _environment.GetValueOrDefault(name),
            Time = Time,
            Stop = Stop,
        });
        return new(code, output.ToString(), error.ToString(), bytes.ToArray());
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

internal sealed record Outcome(int Code, string Output, string Error, byte[] Bytes)
{
    /// <summary>Fails with what the command said when its exit code is another one.</summary>
    public Outcome Exits(int code)
    {
        Assert.True(Code == code, $"exit code {Code} instead of {code}\n{Output}\n{Error}");
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("InternalError", Error, StringComparison.Ordinal);
        return this;
    }
}
