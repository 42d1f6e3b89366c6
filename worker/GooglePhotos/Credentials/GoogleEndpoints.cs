using GooglePhotos.Drive;
using GooglePhotos.Library;
using GooglePhotos.Picker;

namespace GooglePhotos.Credentials;

/// <summary>Where Google is. Everything else than Google's own addresses is an emulator's.</summary>
public sealed record GoogleEndpoints
{
    public static GoogleEndpoints Google { get; } = new();

    public Uri Library { get; init; } = new(PhotosLibraryService.DefaultBaseUri);

    public Uri Picker { get; init; } = new(PhotosPickerService.DefaultBaseUri);

    public Uri Drive { get; init; } = new(DriveService.DefaultBaseUri);

    public Uri Authorization { get; init; } = new("https://accounts.google.com/o/oauth2/v2/auth");

    public Uri Token { get; init; } = new("https://oauth2.googleapis.com/token");

    public Uri UserInfo { get; init; } = new("https://openidconnect.googleapis.com/v1/userinfo");

    /// <summary>Below which the addresses of a credential file lead; null for where they say.</summary>
    public Uri? Root { get; init; }

    /// <summary>Every host of Google as the first segment of a path below one address.</summary>
    public static GoogleEndpoints Below(Uri root)
    {
        Uri Under(Uri google) => new($"{root.AbsoluteUri.TrimEnd('/')}/{google.Host}{google.PathAndQuery}");
        return new()
        {
            Library = Under(Google.Library),
            Picker = Under(Google.Picker),
            Drive = Under(Google.Drive),
            Authorization = Under(Google.Authorization),
            Token = Under(Google.Token),
            UserInfo = Under(Google.UserInfo),
            Root = root,
        };
    }

    /// <summary>
    /// The address that a credential file names, if it is one of Google's: a file that sends the refresh token elsewhere is no credential but a trap.
    /// </summary>
    internal Uri Trusted(string? address, Uri otherwise)
    {
        if (string.IsNullOrEmpty(address))
        {
            return otherwise;
        }

        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri))
        {
            throw new GoogleCredentialException(CredentialProblem.Malformed, $"'{address}' is no address.");
        }

        if (uri.Scheme == Uri.UriSchemeHttps && uri.IsDefaultPort && (uri.Host.EndsWith(".googleapis.com", StringComparison.OrdinalIgnoreCase) || uri.Host == "accounts.google.com"))
        {
            return Root is null ? uri : new Uri($"{Root.AbsoluteUri.TrimEnd('/')}/{uri.Host}{uri.PathAndQuery}");
        }

        return Root is not null && uri.Authority == Root.Authority
            ? uri
            : throw new GoogleCredentialException(CredentialProblem.Malformed, $"The credential names the address {uri.Host}, which is not Google's.");
    }
}
