using GooglePhotos.Drive;
using GooglePhotos.Library;
using GooglePhotos.Picker;

namespace GooglePhotos.Credentials;

/// <summary>What a sign-in is for. Each asks for the least that does it; a sign-in for one thing cannot do another.</summary>
public sealed record LoginPurpose(string Name, string Meaning, IReadOnlyList<string> Scopes)
{
    /// <summary>So that a run can tell whose account it is before it reads a byte.</summary>
    private const string Email = "https://www.googleapis.com/auth/userinfo.email";

    public static LoginPurpose Restore { get; } = new(
        "restore",
        "put photos back into Google Photos, and look at what was put there",
        [PhotosLibraryService.Scope.AppendOnly, PhotosLibraryService.Scope.ReadOnlyAppCreatedData, PhotosLibraryService.Scope.EditAppCreatedData]);

    public static LoginPurpose Library { get; } = new("library", "read what this OAuth client uploaded", [PhotosLibraryService.Scope.ReadOnlyAppCreatedData]);

    public static LoginPurpose Picker { get; } = new("picker", "read photos that a person picks", [PhotosPickerService.Scope.MediaItemsReadOnly]);

    public static LoginPurpose Drive { get; } = new("drive", "read exports out of Google Drive", [DriveService.Scope.DriveReadOnly]);

    public static IReadOnlyList<LoginPurpose> All { get; } = [Restore, Library, Picker, Drive];

    /// <summary>What is asked for at the consent screen.</summary>
    public IEnumerable<string> Requested => [.. Scopes, Email];

    /// <summary>The scopes that a grant lacks.</summary>
    public IEnumerable<string> Missing(IEnumerable<string> granted) => Scopes.Except(granted, StringComparer.Ordinal);
}
