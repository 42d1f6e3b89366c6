using System.Diagnostics;

namespace Demo.Staging;

/// <summary>The real operator as a process; it knows its cluster only by a kubeconfig.</summary>
public sealed class OperatorProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _log;

    private OperatorProcess(Process process, string logFile)
    {
        _process = process;
        _log = WriteLogAsync(process, logFile);
    }

    /// <summary>Process id.</summary>
    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public static OperatorProcess Start(string program, string kubeconfig, string workerImage, string logFile, string metricsAddress = "off", long? heapLimit = null, params string[] more)
    {
        var start = new ProcessStartInfo(program, ["--kubeconfig", kubeconfig, "--worker-image", workerImage, "--metrics-address", metricsAddress, "--log-format", "text", .. more])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("KLOSET_", StringComparison.Ordinal) || name == "KUBECONFIG").ToArray())
        {
            start.Environment.Remove(name);
        }

        if (heapLimit is { } bytes)
        {
            start.Environment["DOTNET_GCHeapHardLimit"] = $"0x{bytes:x}";
        }

        return new OperatorProcess(Process.Start(start) ?? throw new StageException($"{program} did not start"), logFile);
    }

    /// <summary>SIGKILL, as a node that dies does.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _log;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        await _log;
        _process.Dispose();
    }

    private static async Task WriteLogAsync(Process process, string file)
    {
        await using var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        var gate = new SemaphoreSlim(1);
        async Task PumpAsync(StreamReader reader)
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                await gate.WaitAsync();
                await writer.WriteLineAsync(line);
                gate.Release();
            }
        }

        await Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError));
        gate.Dispose();
    }
}
