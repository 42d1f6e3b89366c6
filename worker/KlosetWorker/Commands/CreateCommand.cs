using System.CommandLine;
using Kloset.Repositories;
using KlosetWorker.Access;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class CreateCommand
{
    public static Command Build(Shell shell)
    {
        var plaintext = new Option<bool>("--plaintext") { Description = "no encryption: whoever reads the store reads everything" };
        var weak = new Option<bool>("--allow-weak-passphrase") { Description = "take a passphrase of less than 80 bits; for tests only" };
        var command = shell.Verb(
            "create",
            """
            Makes a new repository. The passphrase is the only way in: nobody can recover it.

            Examples:
              head -c 16 /dev/urandom | base32 > passphrase
              kloset create --repository fs:/srv/photos --passphrase-file passphrase
              kloset create --repository s3://s3.example.net/photos/family
            """,
            async (invocation, cancellationToken) =>
            {
                var store = StoreFactory.Open(invocation.StoreSettings, shell.Host);
                await using var closeStore = store;
                await StoreFactory.RequireObjectLockAsync(store, cancellationToken);
                using var passphrase = invocation.Value(plaintext) ? null : Require(invocation);
                if (passphrase is not null && !invocation.Value(weak))
                {
                    RequireStrength(passphrase);
                }

                await using var repository = await Repository.CreateAsync(
                    store, new RepositoryCreation { Passphrase = passphrase?.Bytes }, invocation.Services, cancellationToken);
                if (invocation.Json)
                {
                    invocation.WriteJson(
                        new CreateOutput(store.Location, repository.Id, passphrase is not null, repository.KeyFingerprint), json => json.CreateOutput);
                }
                else
                {
                    invocation.Output.WriteLine($"Created {(passphrase is null ? "a plaintext" : "an encrypted")} repository {repository.Id} at {store.Location}.");
                    if (passphrase is not null)
                    {
                        invocation.Output.WriteLine($"Its key has the fingerprint {repository.KeyFingerprint}. Keep the passphrase somewhere else too: without it nothing can be read.");
                    }
                }

                return (int)ExitCode.Ok;
            });
        command.Add(plaintext);
        command.Add(weak);
        return command;
    }

    public static void RequireStrength(Passphrase passphrase)
    {
        var bits = PassphraseStrength.EstimateBits(passphrase.Reveal());
        if (bits < PassphraseStrength.RequiredBits)
        {
            throw new WorkerException(
                ErrorCatalogue.WeakPassphrase,
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"The passphrase is worth about {bits:0} bits, and a new repository wants {PassphraseStrength.RequiredBits:0}."));
        }
    }

    private static Passphrase Require(Shell.Invocation invocation) =>
        invocation.FindPassphrase(confirm: true) ?? throw new WorkerException(ErrorCatalogue.PassphraseNeeded, "A new repository is encrypted, and no passphrase was given.")
        {
            Remedy = "Set KLOSET_PASSPHRASE or KLOSET_PASSPHRASE_FILE, give --passphrase-file, or say --plaintext.",
        };
}
