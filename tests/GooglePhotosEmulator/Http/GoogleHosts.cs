namespace GooglePhotosEmulator.Http;

/// <summary>Google's own host names that the emulator answers for, by the first segment of a path or as a proxy.</summary>
public static class GoogleHosts
{
    public const string Library = "photoslibrary.googleapis.com";
    public const string Picker = "photospicker.googleapis.com";
    public const string OAuth = "oauth2.googleapis.com";
    public const string Accounts = "accounts.google.com";
    public const string OpenId = "openidconnect.googleapis.com";
    public const string Sts = "sts.googleapis.com";
    public const string IamCredentials = "iamcredentials.googleapis.com";
    public const string GoogleApis = "www.googleapis.com";
    public const string Drive = "drive.googleapis.com";
    public const string Photos = "photos.google.com";

    /// <summary>Where baseUrls lead.</summary>
    public const string UserContent = "lh3.googleusercontent.com";

    public static IReadOnlySet<string> All { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        Library, Picker, OAuth, Accounts, OpenId, Sts, IamCredentials, GoogleApis, Drive, Photos, UserContent, "googleapis.com",
        "lh4.googleusercontent.com", "lh5.googleusercontent.com", "lh6.googleusercontent.com", "video-downloads.googleusercontent.com",
    };
}
