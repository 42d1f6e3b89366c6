using KlosetWorker.Contract;
using KlosetWorker.Output;
using KlosetWorker.Recovery;

namespace KlosetWorker.Commands;

internal static class RecoveryKitCommand
{
    public static System.CommandLine.Command Build(Shell shell) => shell.Verb(
        "recovery-kit",
        """
        Prints one page that tells how to get everything back without a cluster and without this project. It holds no secret: keep it
        with the passphrase, away from the machines that it is about.

        Example:
          kloset recovery-kit > recovery.txt
        """,
        async (invocation, cancellationToken) =>
        {
            var settings = invocation.StoreSettings;
            await using var open = await invocation.OpenRepositoryAsync(cancellationToken);
            var kit = RecoveryKit.Describe(open.Repository, open.Store, settings);
            if (invocation.Json)
            {
                invocation.WriteJson(kit, json => json.RecoveryKitOutput);
                return (int)ExitCode.Ok;
            }

            var output = invocation.Output;
            output.WriteLine("RECOVERY KIT of a Kloset repository");
            output.WriteLine();
            output.WriteLine($"Location         {kit.Location}");
            output.WriteLine($"Identity         {kit.RepositoryId}");
            output.WriteLine($"Created          {Text.Time(kit.Created)}");
            output.WriteLine($"Encryption       {(kit.Encrypted ? "by passphrase, which is NOT on this page; without it nobody can read anything" : "none: who can read the storage can read everything")}");
            if (kit.KeyFingerprint is { } fingerprint)
            {
                output.WriteLine($"Key fingerprint  {fingerprint}   (`kloset info` shows the same with the right passphrase)");
            }

            output.WriteLine($"Printed          {Text.Time(invocation.Host.Time.GetUtcNow())}");
            output.WriteLine();
            output.WriteLine("You need: " + (kit.Encrypted ? "the passphrase in a file named passphrase, " : "") + "access to the location (… below), and one of two programs.");
            output.WriteLine();
            output.WriteLine("With kloset:");
            foreach (var line in kit.Kloset)
            {
                output.WriteLine("    " + line);
            }

            output.WriteLine();
            output.WriteLine("With plakar 1.1.4 or newer (https://plakar.io), a program by other people that reads the same repository:");
            foreach (var line in kit.Plakar)
            {
                output.WriteLine("    " + line);
            }

            output.WriteLine();
            output.WriteLine("A copy of all files of the location on a disk is a repository, too: use fs:/PATH/OF/THE/COPY as its location.");
            output.WriteLine("Photos come back as a tree in the shape of Google Takeout: one folder a year, one folder an album, metadata beside each file.");
            return (int)ExitCode.Ok;
        });
}
