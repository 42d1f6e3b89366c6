using System.Diagnostics;
using System.Globalization;
using KlosetWorker.Contract;

namespace KlosetWorker.Tests.GoogleAccounts;

/// <summary>The worker as a process of its own, which can be killed as the kernel kills. Linux tells its peak of memory.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;
    private readonly Lock _gate = new();

    private WorkerProcess(Process process) =>
        (_process, _output, _error) = (process, process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));

    /// <summary>Bytes of memory at its peak, as of the last look.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Killed by <see cref="Kill"/>.</summary>
    public bool Killed { get; private set; }

    public string Output => _output.Result;

    public string Error => _error.Result;

    public static WorkerProcess Start(GoogleHost google, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "KlosetWorker.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[WorkerEnvironment.Repository] = "fs:" + google.Host.Repository;
        start.Environment[WorkerEnvironment.Cache] = google.Host.At("cache");
        start.Environment[WorkerEnvironment.GoogleEndpoint] = google.Google.Address.AbsoluteUri;
        start.Environment[WorkerEnvironment.GoogleCredentials] = google.Host.At("secrets", "google", "credentials.json");
        return new(Process.Start(start)!);
    }

    public void Kill()
    {
        lock (_gate)
        {
            if (!_process.HasExited)
            {
                Look();
                Killed = true;
                _process.Kill();
            }
        }
    }

    /// <returns>The exit code.</returns>
    public async Task<int> WaitAsync(CancellationToken cancellationToken)
    {
        var ended = _process.WaitForExitAsync(cancellationToken);
        while (await Task.WhenAny(ended, Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellationToken)) != ended)
        {
            Look();
        }

        await ended;
        await Task.WhenAll(_output, _error);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private void Look()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            PeakBytes = line is null ? PeakBytes : Math.Max(PeakBytes, 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // Gone meanwhile, or not Linux.
        }
    }
}
