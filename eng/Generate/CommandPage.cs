using System.CommandLine;
using System.Globalization;
using System.Text;
using KlosetWorker.Commands;
using KlosetWorker.Hosting;

namespace Generate;

/// <summary>`docs/reference/commands.md`: every verb of the `kloset` command, from the definitions that parse it.</summary>
internal static class CommandPage
{
    public static string Build()
    {
        var shell = new Shell(new WorkerHost
        {
            Output = TextWriter.Null,
            Error = TextWriter.Null,
            OutputBytes = Stream.Null,
            Environment = _ => null,
            Time = TimeProvider.System,
        });
        var root = CommandLine.Root(shell);
        var page = new StringBuilder("<!-- Generated from the types by `make gen`. Do not edit. -->\n# Commands\n\n");
        page.Append("What scripts rely on (environment, exit codes, JSON) is in [the `kloset` command](cli.md).\n\n## Options of every verb\n\n");
        Options(page, root);
        foreach (var verb in root.Subcommands)
        {
            Verb(page, verb, "kloset " + verb.Name, shell.Examples);
        }

        return page.ToString();
    }

    private static void Verb(StringBuilder page, Command verb, string name, IReadOnlyDictionary<Command, string> examples)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n## `{name}`\n\n{verb.Description?.Trim()}\n");
        if (verb.Arguments.Count > 0)
        {
            page.Append("\n| Argument | Meaning |\n| --- | --- |\n");
            foreach (var argument in verb.Arguments)
            {
                page.Append(CultureInfo.InvariantCulture, $"| `{argument.Name}` | {Cell(argument.Description)} |\n");
            }
        }

        if (verb.Options.Count > 0)
        {
            page.Append('\n');
            Options(page, verb);
        }

        if (examples.TryGetValue(verb, out var text))
        {
            var lines = text.Split('\n')[1..].Select(line => line.Length > 2 ? line[2..] : line.Trim());
            page.Append(CultureInfo.InvariantCulture, $"\n```sh\n{string.Join('\n', lines).Trim()}\n```\n");
        }

        foreach (var nested in verb.Subcommands)
        {
            Verb(page, nested, $"{name} {nested.Name}", examples);
        }
    }

    private static void Options(StringBuilder page, Command command)
    {
        page.Append("| Option | Meaning |\n| --- | --- |\n");
        foreach (var option in command.Options)
        {
            var names = string.Join(", ", option.Aliases.Prepend(option.Name).Select(name => $"`{name}`"));
            var value = option.HelpName is { } help ? $" `{help}`" : "";
            page.Append(CultureInfo.InvariantCulture, $"| {names}{value} | {Cell(option.Description)} |\n");
        }
    }

    private static string Cell(string? text) => (text ?? "").Replace("\r", "", StringComparison.Ordinal).Replace('\n', ' ').Replace("|", "\\|", StringComparison.Ordinal);
}
