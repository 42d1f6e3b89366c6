using System.CommandLine;
using KlosetWorker.Hosting;

namespace KlosetWorker.Commands;

/// <summary>The `kloset` command: one verb a file in this folder.</summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, WorkerHost host)
    {
        var shell = new Shell(host);
        return await shell.InvokeAsync(Root(shell), arguments);
    }

    /// <summary>The whole tree of verbs; the reference in `docs` is written from it.</summary>
    public static Command Root(Shell shell)
    {
        var root = new Command(
            "kloset",
            """
            Keeps photo libraries and folders in an encrypted, deduplicated, verifiable Kloset repository.

            First steps:
              export KLOSET_REPOSITORY=fs:/srv/photos KLOSET_PASSPHRASE_FILE=$HOME/.kloset-passphrase
              kloset create
              kloset backup takeout:~/Downloads/takeout --account alice
              kloset snapshots
              kloset restore latest --to /tmp/photos

            Exit codes: 0 done, 2 configuration, 3 saved but incomplete, 5 refused, 6 full, 7 no progress, 10 no repository,
            11 locked, 12 passphrase, 14 damaged, 130 cancelled.
            """);
        shell.AddTo(root);
        foreach (var command in Verbs(shell))
        {
            root.Add(command);
        }

        return root;
    }

    private static IEnumerable<Command> Verbs(Shell shell) =>
    [
        CreateCommand.Build(shell),
        BackupCommand.Build(shell),
        RunCommand.Build(shell),
        SnapshotsCommand.Build(shell),
        LsCommand.Build(shell),
        CatCommand.Build(shell),
        FindCommand.Build(shell),
        RestoreCommand.Build(shell),
        ExportCommand.Build(shell),
        DiffCommand.Build(shell),
        CheckCommand.Build(shell),
        CopyCommand.Build(shell),
        DuCommand.Build(shell),
        ForgetCommand.Build(shell),
        PinCommand.Build(shell),
        MaintainCommand.Build(shell),
        InfoCommand.Build(shell),
        DoctorCommand.Build(shell),
        RecoveryKitCommand.Build(shell),
        TakeoutCommand.Build(shell),
        LoginCommand.Build(shell),
    ];
}
