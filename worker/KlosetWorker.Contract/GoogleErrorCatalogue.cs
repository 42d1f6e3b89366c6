namespace KlosetWorker.Contract;

/// <summary>The ways in which Google can stand in the way. A part of <see cref="ErrorCatalogue"/>.</summary>
public static class GoogleErrorCatalogue
{
    public static readonly ErrorInfo CredentialsUnusable = new("GoogleCredentialsUnusable", ExitCode.Configuration,
        "The Google credentials are not usable.",
        "Make new ones with kloset login, or put a service account's JSON file into the Secret under the key credentials.json.");

    public static readonly ErrorInfo ShortLivedGrant = new("GoogleGrantShortLived", ExitCode.Authorisation,
        "The sign-in ends after 7 days, because the OAuth client's consent screen is in 'Testing'.",
        "Publish the consent screen ('In production' needs no verification for your own accounts), then run kloset login again.");

    public static readonly ErrorInfo SignInExpired = new("GoogleSignInExpired", ExitCode.Authorisation,
        "Google no longer accepts the sign-in.", "Run kloset login again and replace the Secret.");

    public static readonly ErrorInfo SessionPolicy = new("GoogleSessionPolicy", ExitCode.Authorisation,
        "A session policy of the organisation ended the sign-in (invalid_rapt).",
        "Ask the administrator to exempt the OAuth client from re-authentication, or share the folder with a service account; then run kloset login again.");

    public static readonly ErrorInfo ClientRefused = new("GoogleClientRefused", ExitCode.Authorisation,
        "Google does not know the OAuth client, or its secret was changed.",
        "Look into the Google Cloud console whether the client still exists, then run kloset login with its present file.");

    public static readonly ErrorInfo TokenRefused = new("GoogleTokenRefused", ExitCode.Authorisation,
        "Google refused a fresh access token.", "Run kloset login --check; if that fails, too, run kloset login again.");

    public static readonly ErrorInfo FederationRefused = new("GoogleFederationRefused", ExitCode.Authorisation,
        "Google did not take the pod's token (workload identity).",
        "Compare audience, pool and provider with the credential file, the provider's issuer with the cluster's, and the clock with the time.");

    public static readonly ErrorInfo ImpersonationRefused = new("GoogleImpersonationRefused", ExitCode.Authorisation,
        "The workload identity may not act as the service account.",
        "Give the pod's subject roles/iam.workloadIdentityUser on the service account, and enable the IAM Service Account Credentials API.");

    public static readonly ErrorInfo ScopeMissing = new("GoogleScopeMissing", ExitCode.Authorisation,
        "The sign-in lacks a permission that this needs.", "Run kloset login --for with what it is for, and leave all boxes of the consent screen ticked.");

    public static readonly ErrorInfo NoCredential = new("GoogleNoCredential", ExitCode.Authorisation,
        "No credential reached Google.", "Look whether a proxy removes the Authorization header.");

    public static readonly ErrorInfo ApiDisabled = new("GoogleApiDisabled", ExitCode.Authorisation,
        "The API is not enabled in the project of the OAuth client or service account.", "Enable it on the page that the message names, wait a few minutes, and retry.");

    public static readonly ErrorInfo PhotosDisabled = new("GooglePhotosDisabled", ExitCode.Authorisation,
        "The account has no Google Photos, or an administrator switched it off.", "Open photos.google.com with the account once, or ask the administrator.");

    public static readonly ErrorInfo DomainPolicy = new("GoogleDomainPolicy", ExitCode.Authorisation,
        "The administrator of the organisation does not allow Drive apps.", "Ask for the OAuth client to be allowed, or have the export delivered elsewhere.");

    public static readonly ErrorInfo AppNotAuthorized = new("GoogleAppNotAuthorized", ExitCode.Authorisation,
        "A sign-in with drive.file sees only files that were picked one by one.", "Run kloset login --for drive, or share the folder with a service account.");

    public static readonly ErrorInfo FileNotShared = new("GoogleFileNotShared", ExitCode.Authorisation,
        "The account may not read a file.", "Share the folder with the account as a viewer.");

    public static readonly ErrorInfo Forbidden = new("GoogleForbidden", ExitCode.Authorisation,
        "Google refuses access: the item belongs to another account, or was not made by this OAuth client.",
        "Use the OAuth client and the account that made it. Photos of other origin are only in Takeout exports.");

    public static readonly ErrorInfo DownloadForbidden = new("GoogleDownloadForbidden", ExitCode.Authorisation,
        "Downloading is switched off for viewers of the folder.", "The owner can allow it in the sharing settings of the folder.");

    public static readonly ErrorInfo NotFound = new("GoogleNotFound", ExitCode.Configuration,
        "Google knows no such folder or item, or does not show it to this account: the two look the same.",
        "Check the identifier, and whether it is shared with the account that the message names.");

    public static readonly ErrorInfo AlbumNotFound = new("GoogleAlbumNotFound", ExitCode.Incomplete,
        "An album was deleted meanwhile.", "Run it again: the album is made anew.");

    public static readonly ErrorInfo AbusiveFile = new("GoogleAbusiveFile", ExitCode.Incomplete,
        "Google takes a file for malware or spam, and hands it out to its owner only.",
        "Load the file by hand as its owner, and put it into another location of the export.");

    public static readonly ErrorInfo MediaRejected = new("GoogleMediaRejected", ExitCode.Incomplete,
        "Google Photos does not take a file.", "The report names it; it stays in the backup and can be restored into a folder.");

    public static readonly ErrorInfo Damaged = new("GoogleTransferDamaged", ExitCode.NoProgress,
        "Bytes were damaged on their way, again and again.", "Look for a proxy or a network that changes what passes.");

    public static readonly ErrorInfo StorageFull = new("GoogleStorageFull", ExitCode.Full,
        "The storage of the Google account is full.", "Free space at one.google.com/storage; what was done stays, and it goes on from there.");

    public static readonly ErrorInfo DayQuota = new("GoogleDayQuota", ExitCode.Paused,
        "The project's quota for today is used up.", "Nothing has to be done: it goes on after midnight in California. More quota only Google can give.");

    public static readonly ErrorInfo MinuteQuota = new("GoogleMinuteQuota", ExitCode.Paused,
        "Google keeps asking to slow down.", "Nothing has to be done: it goes on later. Run fewer jobs with the same OAuth client at once.");

    public static readonly ErrorInfo ConcurrentWrites = new("GoogleConcurrentWrites", ExitCode.Paused,
        "Another program writes into the same Google Photos library.", "Nothing has to be done: it goes on later. Let only one restore write into an account.");

    public static readonly ErrorInfo DownloadQuota = new("GoogleDownloadQuota", ExitCode.Paused,
        "Google limits downloads of a file for up to a day.", "Nothing has to be done: it goes on by itself; other parts are not held up.");

    public static readonly ErrorInfo TooManySessions = new("GoogleTooManySessions", ExitCode.Paused,
        "The account has too many open picking sessions.", "Nothing: sessions end by themselves within a day.");

    public static readonly ErrorInfo Trouble = new("GoogleTrouble", ExitCode.Paused,
        "Google has trouble for longer than waiting makes sense.", "Nothing has to be done: it goes on later.");

    public static readonly ErrorInfo Unreachable = new("GoogleUnreachable", ExitCode.NoProgress,
        "Google does not answer.", "Check DNS, network policies, HTTPS_PROXY and the certificates that SSL_CERT_FILE names.");

    public static readonly ErrorInfo Changed = new("GoogleFileChanged", ExitCode.NoProgress,
        "A file changed while it was read.", "Run it again: it begins the file anew.");

    public static readonly ErrorInfo NotPicked = new("GoogleNotPicked", ExitCode.Incomplete,
        "Nobody picked photos while the link was valid.", "Ask for a new run, open its link, pick, and press Done.");

    public static readonly ErrorInfo RefusedRequest = new("GoogleRefusedRequest", ExitCode.Configuration,
        "Google did not understand a request or gave an answer that this program does not know.", "Report this with the message; if a proxy stands in between, look at it first.");

    public static readonly ErrorInfo ExifToolMissing = new("ExifToolMissing", ExitCode.Configuration,
        "Dates and places that photos lack must be written into them before Google gets them, and ExifTool, which does it, is not here.",
        "Install exiftool (Debian: libimage-exiftool-perl) or use the image worker-restore; on the command line --uncorrected goes without.");

    public static IReadOnlyList<ErrorInfo> All { get; } =
    [
        CredentialsUnusable, ShortLivedGrant, SignInExpired, SessionPolicy, ClientRefused, TokenRefused, FederationRefused, ImpersonationRefused, ScopeMissing,
        NoCredential, ApiDisabled, PhotosDisabled, DomainPolicy, AppNotAuthorized, FileNotShared, Forbidden, DownloadForbidden, NotFound, AlbumNotFound,
        AbusiveFile, MediaRejected, Damaged, StorageFull, DayQuota, MinuteQuota, ConcurrentWrites, DownloadQuota, TooManySessions, Trouble, Unreachable,
        Changed, NotPicked, RefusedRequest, ExifToolMissing,
    ];
}
