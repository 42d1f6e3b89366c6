using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Identity;

/// <summary>A person's Google account.</summary>
public sealed class UserAccount
{
    internal UserAccount(string email, string subject, PhotoLibrary library)
    {
        Email = email;
        Subject = subject;
        Library = library;
        DisplayName = email.Split('@')[0];
    }

    public string Email { get; }

    /// <summary>The number that names the account for ever (<c>sub</c>).</summary>
    public string Subject { get; }

    public string DisplayName { get; set; }

    /// <summary>Bytes of storage shared by Photos and Drive; null is unlimited.</summary>
    public long? StorageLimit { get; set; }

    /// <summary>Google Photos is off for this person: every call answers 403.</summary>
    public bool PhotosDisabled { get; set; }

    /// <summary>The person never opened Google Photos: the Picker answers FAILED_PRECONDITION.</summary>
    public bool NoPhotosAccount { get; set; }

    /// <summary>The administrator of the organisation allows no Drive apps.</summary>
    public bool DriveAppsForbidden { get; set; }

    public PhotoLibrary Library { get; }
}
