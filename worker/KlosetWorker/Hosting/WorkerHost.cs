using System.Text;
using Spectre.Console;

namespace KlosetWorker.Hosting;

/// <summary>Everything that a command touches outside of its arguments; tests give their own.</summary>
internal sealed record WorkerHost
{
    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Standard output for bytes (`cat`, `export`).</summary>
    public required Stream OutputBytes { get; init; }

    public required Func<string, string?> Environment { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Asks a person for a secret without echo; null when there is no terminal to ask on.</summary>
    public Func<string, string?>? AskSecret { get; init; }

    /// <summary>Where progress bars and coloured tables may be drawn; null when standard output is no terminal.</summary>
    public IAnsiConsole? Terminal { get; init; }

    /// <summary>Asks for a clean end: save an anchor, release the lock, report.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Ends the work where it stands.</summary>
    public CancellationToken Abort { get; init; }

    public static WorkerHost OfProcess(CancellationToken stop, CancellationToken abort)
    {
        var terminal = !Console.IsOutputRedirected && !Console.IsErrorRedirected;
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var output = Console.OpenStandardOutput();
        return new WorkerHost
        {
            Output = new StreamWriter(output, utf8) { AutoFlush = true },
            Error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true },
            OutputBytes = output,
            Environment = System.Environment.GetEnvironmentVariable,
            Time = TimeProvider.System,
            Terminal = terminal ? AnsiConsole.Console : null,
            AskSecret = terminal && !Console.IsInputRedirected
                ? prompt => AnsiConsole.Prompt(new TextPrompt<string>(prompt).Secret(null).AllowEmpty())
                : null,
            Stop = stop,
            Abort = abort,
        };
    }
}
