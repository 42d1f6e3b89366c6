namespace GooglePhotosEmulator.Identity;

/// <summary>OAuth scopes that the emulator knows.</summary>
public static class Scopes
{
    private const string Prefix = "https://www.googleapis.com/auth/";

    public const string AppendOnly = Prefix + "photoslibrary.appendonly";
    public const string ReadAppCreated = Prefix + "photoslibrary.readonly.appcreateddata";
    public const string EditAppCreated = Prefix + "photoslibrary.edit.appcreateddata";
    public const string Picker = Prefix + "photospicker.mediaitems.readonly";
    public const string DriveReadOnly = Prefix + "drive.readonly";
    public const string DriveMetadataReadOnly = Prefix + "drive.metadata.readonly";
    public const string DriveFile = Prefix + "drive.file";
    public const string DriveFull = Prefix + "drive";
    public const string DrivePhotosReadOnly = Prefix + "drive.photos.readonly";
    public const string CloudPlatform = Prefix + "cloud-platform";
    public const string UserInfoEmail = Prefix + "userinfo.email";
    public const string UserInfoProfile = Prefix + "userinfo.profile";

    /// <summary>Restore into Google Photos.</summary>
    public static IReadOnlyList<string> Restore { get; } = [AppendOnly, ReadAppCreated, EditAppCreated];

    public static IReadOnlyList<string> Everything { get; } =
        ["openid", "email", "profile", AppendOnly, ReadAppCreated, EditAppCreated, Picker, DriveReadOnly];

    /// <summary>Scopes that have given nothing since 31 March 2025, and what has replaced them.</summary>
    internal static IReadOnlyDictionary<string, string[]> Dead { get; } = new Dictionary<string, string[]>
    {
        [Prefix + "photoslibrary"] = [AppendOnly, ReadAppCreated, EditAppCreated],
        [Prefix + "photoslibrary.readonly"] = [ReadAppCreated],
        [Prefix + "photoslibrary.sharing"] = [],
    };
}
