using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GooglePhotos.Credentials;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.GoogleAccounts;
using KlosetWorker.Output;

namespace KlosetWorker.Commands;

internal static class LoginCommand
{
    public static Command Build(Shell shell)
    {
        var purpose = new Option<string>("--for") { Description = "restore, library, picker or drive", HelpName = "PURPOSE", DefaultValueFactory = _ => "restore" };
        purpose.AcceptOnlyFromAmong([.. LoginPurpose.All.Select(known => known.Name)]);
        var client = new Option<string?>("--client") { Description = "file of the OAuth client, as the Google Cloud console hands it out (type 'Desktop app')", HelpName = "FILE" };
        var email = new Option<string?>("--email") { Description = "address of the account; another one is refused", HelpName = "ADDRESS" };
        var name = new Option<string>("--name") { Description = "name of the Secret", HelpName = "NAME", DefaultValueFactory = _ => "google" };
        var space = new Option<string?>("--namespace", "-n") { Description = "namespace of the Secret", HelpName = "NAME" };
        var noBrowser = new Option<bool>("--no-browser") { Description = "print the address instead of opening a browser" };
        var credentialsOnly = new Option<bool>("--credentials-only") { Description = "print the credential file alone, for --google-credentials" };
        var check = new Option<string?>("--check") { Description = "test a credential file instead of making one", HelpName = "FILE" };
        var command = shell.Verb(
            "login",
            """
            Signs in to Google with the least permissions for one purpose, and prints a Secret for the cluster on standard output.

            Examples:
              kloset login --for drive --client client.json --email alice@example.com | kubectl -n photos apply -f -
              kloset login --for picker --client client.json --no-browser --name google-alice
              kloset login --check credentials.json --for drive
            """,
            async (invocation, cancellationToken) =>
            {
                var wanted = LoginPurpose.All.Single(known => known.Name == invocation.Value(purpose));
                if (invocation.Value(check) is { } file)
                {
                    return await CheckAsync(invocation, file, wanted, invocation.Value(email), cancellationToken);
                }

                var path = invocation.Value(client) ?? throw new WorkerException(ErrorCatalogue.InvalidArguments, "No OAuth client was given.")
                {
                    Remedy = "Make one of the type 'Desktop app' at https://console.cloud.google.com/apis/credentials, download its file, and give --client FILE.",
                };
                var access = new GoogleAccess(shell.Host);
                var login = await new LoopbackLogin(OAuthClient.Parse(await System.IO.File.ReadAllTextAsync(path, cancellationToken)), wanted, shell.Host.Time, access.Endpoints)
                    .RunAsync(address => ShowAsync(shell, address, invocation.Value(noBrowser)), invocation.Value(email), cancellationToken);
                if (invocation.Value(email) is { } expected && !string.Equals(expected, login.Address, StringComparison.OrdinalIgnoreCase))
                {
                    throw new WorkerException(ErrorCatalogue.WrongAccount, $"{login.Address} signed in, and {expected} was expected. Nothing was printed.");
                }

                shell.Host.Error.WriteLine($"{Text.Printable(login.Address)} signed in, to {wanted.Meaning}.");
                if (login.Expires is { } expires)
                {
                    shell.Host.Error.WriteLine(login.IsTestingGrant
                        ? $"warning: this sign-in ends on {expires:yyyy-MM-dd}, because the consent screen is in 'Testing'. Backups that run by themselves refuse it: publish the consent screen, then sign in again."
                        : $"This sign-in ends on {expires:yyyy-MM-dd}.");
                }

                invocation.Output.WriteLine(invocation.Value(credentialsOnly)
                    ? login.Json.Reveal()
                    : Manifest(login, invocation.Value(name)!, invocation.Value(space)));
                return (int)ExitCode.Ok;
            });
        foreach (Option option in new Option[] { purpose, client, email, name, space, noBrowser, credentialsOnly, check })
        {
            command.Add(option);
        }

        return command;
    }

    private static async Task<int> CheckAsync(Shell.Invocation invocation, string path, LoginPurpose purpose, string? email, CancellationToken cancellationToken)
    {
        var access = new GoogleAccess(invocation.Host);
        var file = access.FromFile(path);
        string? address;
        if (purpose == LoginPurpose.Drive)
        {
            var about = await access.Calls().RunAsync(access.Open(file, purpose).Drive().About.Get(), cancellationToken);
            address = about.User?.EmailAddress;
        }
        else
        {
            var signIn = await access.OpenPhotosAsync(file, purpose, email, unattended: false, cancellationToken);
            address = await access.Calls().RunAsync("Google's sign-in", signIn.AddressAsync, cancellationToken);
        }

        if (email is not null && address is not null && !string.Equals(address, email, StringComparison.OrdinalIgnoreCase))
        {
            throw new WorkerException(ErrorCatalogue.WrongAccount, $"The sign-in belongs to {address}, and {email} was expected.");
        }

        var expires = (file as AuthorizedUserFile)?.Expires;
        if (invocation.Json)
        {
            invocation.WriteJson(new LoginCheckOutput(purpose.Name, file.Description, address, expires), json => json.LoginCheckOutput);
        }
        else
        {
            invocation.Output.WriteLine($"Works: {Text.Printable(address ?? file.Description)} may {purpose.Meaning}." + (expires is { } end ? $" It ends on {end:yyyy-MM-dd}." : ""));
        }

        return (int)ExitCode.Ok;
    }

    /// <summary>A manifest with the annotations that the operator may see; the key itself it never reads.</summary>
    private static string Manifest(Login login, string name, string? space)
    {
        var text = new StringBuilder("apiVersion: v1\nkind: Secret\nmetadata:\n");
        text.Append("  name: ").Append(Quote(name)).Append('\n');
        if (space is not null)
        {
            text.Append("  namespace: ").Append(Quote(space)).Append('\n');
        }

        text.Append("  annotations:\n");
        Annotate("account", login.Address);
        Annotate("scopes", string.Join(' ', login.Scopes.Select(scope => scope[(scope.LastIndexOf('/') + 1)..])));
        Annotate("issued", login.Issued.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        if (login.Expires is { } expires)
        {
            Annotate("expires", expires.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        }

        Annotate("client", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(login.File.ClientId)).AsSpan(0, 8)));
        text.Append("type: Opaque\nstringData:\n  ").Append(SecretKeys.GoogleCredentials).Append(": ").Append(Quote(login.Json.Reveal()));
        return text.ToString();

        void Annotate(string key, string value) => text.Append("    kloset.dev/").Append(key).Append(": ").Append(Quote(value)).Append('\n');
    }

    /// <summary>A single-quoted scalar of YAML.</summary>
    private static string Quote(string value) => "'" + value.Replace("'", "''", StringComparison.Ordinal) + "'";

    private static Task ShowAsync(Shell shell, Uri address, bool noBrowser)
    {
        if (!noBrowser && TryOpenBrowser(address))
        {
            shell.Host.Error.WriteLine("A browser was opened; sign in there. If it did not appear, open this address:");
        }
        else
        {
            shell.Host.Error.WriteLine("Open this address in a browser on this machine (from another one: ssh -L to the port at its end):");
        }

        shell.Host.Error.WriteLine(address.AbsoluteUri);
        return Task.CompletedTask;
    }

    private static bool TryOpenBrowser(Uri address)
    {
        try
        {
            using var browser = Process.Start(new ProcessStartInfo(
                OperatingSystem.IsMacOS() ? "open" : OperatingSystem.IsWindows() ? "explorer" : "xdg-open", address.AbsoluteUri)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            });
            return browser is not null;
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return false;
        }
    }
}
