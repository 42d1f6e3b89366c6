using System.CommandLine;
using Kloset.Retention;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class PinCommand
{
    public static Command Build(Shell shell)
    {
        var snapshot = new Argument<string?>("SNAPSHOT") { Description = "`latest`, or the first digits of an identifier; none lists the pins", Arity = ArgumentArity.ZeroOrOne };
        var holder = new Option<string>("--holder") { Description = "who holds the pin; each holder has one of its own", DefaultValueFactory = _ => "person", HelpName = "NAME" };
        var remove = new Option<bool>("--remove") { Description = "take the pin away" };
        var command = shell.Verb(
            "pin",
            """
            Keeps a snapshot from being forgotten, whatever the policy says, until the pin is removed. A snapshot with the tag `pinned` stays, too.

            Examples:
              kloset pin 3fe2a1b4
              kloset pin 3fe2a1b4 --remove
              kloset pin
            """,
            async (invocation, cancellationToken) =>
            {
                await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
                var pins = new SnapshotPins(open.Store);
                if (invocation.Value(snapshot) is { } text)
                {
                    var id = await open.Repository.ResolveSnapshotAsync(text, cancellationToken);
                    var name = invocation.Value(holder)!;
                    try
                    {
                        await (invocation.Value(remove) ? pins.RemoveAsync(id, name, cancellationToken) : pins.AddAsync(id, name, cancellationToken));
                    }
                    catch (ArgumentException exception)
                    {
                        throw new WorkerException(ErrorCatalogue.InvalidArguments, exception.Message, exception);
                    }
                }

                var held = await pins.ListAsync(cancellationToken);
                if (invocation.Json)
                {
                    invocation.WriteJson(new PinsOutput([.. held.Select(pin => new PinOutput(pin.Snapshot.ToString(), pin.Holder, pin.Since))]), json => json.PinsOutput);
                    return (int)ExitCode.Ok;
                }

                var table = new Columns("Snapshot", "Holder", "Since");
                foreach (var pin in held)
                {
                    table.Add(pin.Snapshot.Short, pin.Holder, Text.Time(pin.Since));
                }

                table.Write(invocation.Output);
                return (int)ExitCode.Ok;
            });
        command.Add(snapshot);
        command.Add(holder);
        command.Add(remove);
        return command;
    }
}
