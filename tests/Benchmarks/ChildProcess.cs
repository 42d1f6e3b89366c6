using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>What a finished process took.</summary>
internal sealed record Measured(int ExitCode, TimeSpan Wall, TimeSpan Processor, long PeakMemory, string Output)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Wall.TotalSeconds:0.0} s {Processor.TotalSeconds:0.0} s {PeakMemory / 1048576.0:0} MiB");
}

/// <summary>Runs a program to its end and watches it: processor time and peak memory are the kernel's last word before it went.</summary>
internal static class ChildProcess
{
    private const int ClockTicksPerSecond = 100;

    /// <param name="tail">How many of the last characters of the output are kept; null: all.</param>
    public static async Task<Measured> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, int? tail = null)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        Task<string> output = ReadAsync(process.StandardOutput, tail, cancellationToken);
        Task<string> errors = ReadAsync(process.StandardError, tail, cancellationToken);
        Task exited = process.WaitForExitAsync(cancellationToken);
        TimeSpan processor = default;
        long memory = 0;
        while (!exited.IsCompleted)
        {
            await Task.WhenAny(exited, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellationToken));
            if (TryRead($"/proc/{process.Id}/status") is { } status && status.Split("VmHWM:") is [_, var peak])
            {
                memory = long.Parse(peak[..peak.IndexOf("kB", StringComparison.Ordinal)].Trim(), CultureInfo.InvariantCulture) * 1024;
            }

            // After the name in parentheses; user and system ticks are fields 14 and 15 of the whole line.
            if (TryRead($"/proc/{process.Id}/stat") is { } line && line[(line.LastIndexOf(')') + 2)..].Split(' ') is { Length: > 13 } fields)
            {
                double ticks = double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
                processor = TimeSpan.FromSeconds(ticks / ClockTicksPerSecond);
            }
        }

        TimeSpan wall = Stopwatch.GetElapsedTime(began);
        return new(process.ExitCode, wall, processor, memory, await output + await errors);
    }

    private static async Task<string> ReadAsync(StreamReader reader, int? tail, CancellationToken cancellationToken)
    {
        if (tail is not { } limit)
        {
            return await reader.ReadToEndAsync(cancellationToken);
        }

        StringBuilder kept = new();
        char[] buffer = new char[1 << 15];
        while (await reader.ReadAsync(buffer, cancellationToken) is > 0 and int count)
        {
            kept.Append(buffer, 0, count);
            if (kept.Length > limit + buffer.Length)
            {
                kept.Remove(0, kept.Length - limit);
            }
        }

        return kept.ToString();
    }

    private static string? TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
