using GooglePhotos.Credentials;
using GooglePhotos.Drive;
using GooglePhotos.Services;
using KlosetWorker.Access;
using KlosetWorker.Backups;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;
using KlosetWorker.Progress;

namespace KlosetWorker.GoogleAccounts;

/// <summary>Sign-ins from mounted Secrets and files, and the proof that they belong to the account that is meant, before a byte is read or written.</summary>
internal sealed class GoogleAccess(WorkerHost host, ProgressTracker? tracker = null)
{
    private static readonly TimeSpan ExpiryWarning = TimeSpan.FromDays(2);

    /// <summary>How long a grant lasts while the consent screen is External and in Testing.</summary>
    private static readonly TimeSpan TestingGrant = TimeSpan.FromDays(7);

    private readonly List<GoogleSignIn> _opened = [];

    public GoogleEndpoints Endpoints => host.Environment(WorkerEnvironment.GoogleEndpoint) is { Length: > 0 } text
        ? Uri.TryCreate(text, UriKind.Absolute, out var root)
            ? GoogleEndpoints.Below(root)
            : throw new WorkerException(ErrorCatalogue.InvalidArguments, $"{WorkerEnvironment.GoogleEndpoint} is no address: '{text}'.")
        : GoogleEndpoints.Google;

    /// <summary>The one pace at which calls go out; waits are announced as progress.</summary>
    public GoogleCalls Calls() => new(host.Time, NewJitter())
    {
        Waiting = (delay, cause) => tracker?.Moved(),
    };

    public static GoogleCredentialFile FromSecret(MountedSecrets secrets, string name) =>
        Parse(secrets.ReadText(name, SecretKeys.GoogleCredentials), $"the Secret mounted as '{name}'");

    /// <param name="path">Null for the file that <see cref="WorkerEnvironment.GoogleCredentials"/> names.</param>
    public GoogleCredentialFile FromFile(string? path)
    {
        var file = path ?? host.Environment(WorkerEnvironment.GoogleCredentials);
        if (string.IsNullOrEmpty(file))
        {
            throw new WorkerException(GoogleErrorCatalogue.CredentialsUnusable, "No Google credentials were given.")
            {
                Remedy = $"Give --google-credentials FILE, or set {WorkerEnvironment.GoogleCredentials}; kloset login makes one.",
            };
        }

        try
        {
            return Parse(File.ReadAllText(file), file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(GoogleErrorCatalogue.CredentialsUnusable, $"{file} cannot be read: {exception.Message}", exception);
        }
    }

    public GoogleSignIn Open(GoogleCredentialFile file, LoginPurpose purpose)
    {
        var signIn = GoogleSignIn.Open(file, purpose.Scopes, host.Time, Endpoints);
        _opened.Add(signIn);
        return signIn;
    }

    /// <summary>What a person has to do because Google gave out another refresh token than the one that is kept; empty when it did not.</summary>
    public IEnumerable<RunAction> Replaced => _opened.Where(signIn => signIn.RefreshTokenReplaced).Take(1).Select(signIn => new RunAction(
        "SignIn", $"Google gave out another refresh token for {signIn.File.Description}, and the one that is kept may stop working: run kloset login again and replace the credentials."));

    /// <summary>A Drive folder, once it is known that what lies there is the account's.</summary>
    /// <param name="email">What the resource says; null for no check.</param>
    public async Task<DriveTakeoutStorage> OpenDriveAsync(GoogleCredentialFile file, string folderId, string? email, bool unattended, CancellationToken cancellationToken)
    {
        RefuseShortLived(file, unattended);
        var signIn = Open(file, LoginPurpose.Drive);
        var storage = new DriveTakeoutStorage(signIn.Drive(), Calls(), folderId, host.Time) { Credential = file };
        var (who, _) = await FirstAsync(file, storage.AboutAsync(cancellationToken));
        GooglePhotos.Drive.Data.File folder;
        try
        {
            folder = await storage.FolderAsync(cancellationToken);
        }
        catch (GoogleServiceException missing) when (missing.Failure == GoogleFailure.NotFound)
        {
            if (email is not null && file is AuthorizedUserFile && who?.EmailAddress is { } other && !IsSame(other, email))
            {
                throw Wrong("sign-in", other, email);
            }

            throw new WorkerException(GoogleErrorCatalogue.NotFound, $"{who?.EmailAddress ?? file.Description} sees no folder with the id {folderId}; is it shared with this account?", missing);
        }

        // The owner of the folder decides: a service account, or another person of the house, may read for the account. Where the owner is withheld or
        // there is none (a shared drive), a person's own address is all there is; the index of the exports decides later in any case.
        var owner = folder.Owners is [{ EmailAddress: { Length: > 0 } address }, ..] ? address : null;
        if (email is not null && owner is not null && !IsSame(owner, email))
        {
            throw Wrong("folder", owner, email);
        }

        return email is not null && owner is null && file is AuthorizedUserFile && who?.EmailAddress is { } reader && !IsSame(reader, email)
            ? throw Wrong("sign-in", reader, email)
            : storage;
    }

    /// <summary>A sign-in for Google Photos, once it is known whose it is.</summary>
    public async Task<GoogleSignIn> OpenPhotosAsync(GoogleCredentialFile file, LoginPurpose purpose, string? email, bool unattended, CancellationToken cancellationToken)
    {
        if (file is not AuthorizedUserFile)
        {
            throw new WorkerException(GoogleErrorCatalogue.CredentialsUnusable, $"Google Photos takes only a person's sign-in, and this is {file.Description}.");
        }

        RefuseShortLived(file, unattended);
        var signIn = Open(file, purpose);
        var calls = Calls();
        if (await FirstAsync(file, calls.RunAsync("Google's sign-in", signIn.ScopesAsync, cancellationToken)) is { } scopes && purpose.Missing(scopes).FirstOrDefault() is { } scope)
        {
            throw new WorkerException(GoogleErrorCatalogue.ScopeMissing, $"The sign-in lacks the permission {scope}.") { Remedy = $"Run kloset login --for {purpose.Name}." };
        }

        if (email is not null && await calls.RunAsync("Google's sign-in", signIn.AddressAsync, cancellationToken) is { } address && !IsSame(address, email))
        {
            throw Wrong("sign-in", address, email);
        }

        return signIn;
    }

    public async Task<LibrarySource> OpenLibraryAsync(GoogleCredentialFile file, string? email, bool unattended, CancellationToken cancellationToken)
    {
        var signIn = await OpenPhotosAsync(file, LoginPurpose.Library, email, unattended, cancellationToken);
        return new(signIn, signIn.Library(), new(signIn.Bare(), "Google Photos"), Calls());
    }

    /// <param name="tell">Shows the link to the person.</param>
    public async Task<PickerSource> OpenPickerAsync(GoogleCredentialFile file, string? email, bool unattended, int? maxItems, Action<string>? tell, CancellationToken cancellationToken)
    {
        var signIn = await OpenPhotosAsync(file, LoginPurpose.Picker, email, unattended, cancellationToken);
        var service = signIn.Picker();
        return new(service, new(service.HttpClient, service.DisplayName), Calls(), maxItems, tell);
    }

    /// <summary>What a person should do soon about the credential; null when there is nothing.</summary>
    public RunAction? Warning(GoogleCredentialFile file) => file is AuthorizedUserFile { Expires: { } expires } && expires - host.Time.GetUtcNow() < ExpiryWarning
        ? new("SignIn", $"The Google sign-in ends at {expires:yyyy-MM-dd HH:mm} UTC: run kloset login again.", null, expires)
        : null;

    private static void RefuseShortLived(GoogleCredentialFile file, bool unattended)
    {
        if (unattended && file is AuthorizedUserFile { Issued: { } issued, Expires: { } expires } && expires - issued < TimeSpan.FromDays(8))
        {
            throw new GoogleCredentialException(CredentialProblem.ShortLived, $"The sign-in was given on {issued:yyyy-MM-dd} and ends on {expires:yyyy-MM-dd}: nothing that runs by itself can rely on it.");
        }
    }

    /// <summary>The first call, which needs an access token: when the grant is dead on about its seventh day, the cause is nearly sure.</summary>
    private async Task<T> FirstAsync<T>(GoogleCredentialFile file, Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (GoogleServiceException dead) when (dead.Failure == GoogleFailure.GrantRevoked && file is AuthorizedUserFile { Issued: { } issued }
            && (host.Time.GetUtcNow() - issued - TestingGrant).Duration() < TimeSpan.FromDays(1))
        {
            throw new WorkerException(GoogleErrorCatalogue.SignInExpired, $"The sign-in of {issued:yyyy-MM-dd} ended after 7 days, as grants do while the consent screen of the OAuth client is in 'Testing'.", dead)
            {
                Remedy = "Publish the app on the consent screen (or make it internal), run kloset login again, and replace the credentials.",
            };
        }
    }

    private static WorkerException Wrong(string what, string found, string expected) =>
        new(ErrorCatalogue.WrongAccount, $"The {what} belongs to {found}, and the resource is for {expected}. Nothing was read or written.");

    private static bool IsSame(string one, string other) => string.Equals(one.Trim(), other.Trim(), StringComparison.OrdinalIgnoreCase);

    private static GoogleCredentialFile Parse(string json, string where)
    {
        try
        {
            return GoogleCredentialFile.Parse(json);
        }
        catch (GoogleCredentialException problem)
        {
            throw new GoogleCredentialException(problem.Problem, $"{where}: {problem.Message}", problem);
        }
    }

    private static Random NewJitter() => new(System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue));
}
