using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DevCluster.Pods;

/// <summary>A container that is a process of this machine.</summary>
internal sealed partial class ProcessContainer : IContainerProcess
{
    private const int SigTerm = 15;

    /// <summary>What a program needs to find its runtime; nothing else of this process's environment reaches a container.</summary>
    private static readonly string[] Inherited = ["PATH", "DOTNET_ROOT", "DOTNET_ROOT_X64", "DOTNET_ROOT_ARM64", "LD_LIBRARY_PATH", "TZ", "LANG", "SSL_CERT_DIR", "SSL_CERT_FILE"];

    private readonly Process _process;

    private ProcessContainer(Process process, ContainerStart start)
    {
        _process = process;
        ProcessId = process.Id;
        Completion = CompleteAsync(start);
    }

    public int ProcessId { get; }

    public Task<int> Completion { get; }

    /// <exception cref="System.ComponentModel.Win32Exception">The program can't be started.</exception>
    public static ProcessContainer Start(string program, ContainerStart start)
    {
        var info = new ProcessStartInfo(program, start.Arguments)
        {
            WorkingDirectory = start.WorkingDirectory,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment.Clear();
        foreach (var name in Inherited)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                info.Environment[name] = value;
            }
        }

        info.Environment["HOME"] = start.WorkingDirectory;
        info.Environment["HOSTNAME"] = start.PodName;
        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        var process = Process.Start(info)!;
        process.StandardInput.Close();
        return new ProcessContainer(process, start);
    }

    public void Terminate() => _ = Signal(ProcessId, SigTerm);

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    private async Task<int> CompleteAsync(ContainerStart start)
    {
        await Task.WhenAll(PumpAsync(_process.StandardOutput, start.Log), PumpAsync(_process.StandardError, start.Log));
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private static async Task PumpAsync(StreamReader reader, Action<string> log)
    {
        await Task.Yield();
        while (await reader.ReadLineAsync() is { } line)
        {
            log(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int pid, int signal);
}
