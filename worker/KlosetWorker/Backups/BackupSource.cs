using GooglePhotos.Credentials;
using GooglePhotos.Library;
using GooglePhotos.Picker;
using GooglePhotos.Services;
using GooglePhotos.Takeout.Archives;

namespace KlosetWorker.Backups;

/// <summary>Where a backup reads from.</summary>
internal abstract record BackupSource;

/// <param name="Path">Absolute.</param>
internal sealed record FolderSource(string Path) : BackupSource;

/// <param name="Locations">Places where archives are dropped.</param>
/// <param name="Settle">How long a set of archives without index must lie unchanged before it is taken as whole.</param>
internal sealed record TakeoutSource(IReadOnlyList<ITakeoutStorage> Locations, TimeSpan Settle) : BackupSource;

/// <summary>What the OAuth client of a sign-in uploaded.</summary>
/// <param name="Media">Loads base URLs, without a credential.</param>
internal sealed record LibrarySource(GoogleSignIn SignIn, PhotosLibraryService Service, BaseUrlMedia Media, GoogleCalls Calls) : BackupSource;

/// <summary>What a person picks.</summary>
/// <param name="Media">Loads base URLs, with the credential.</param>
/// <param name="MaxItems">Null for Google's own limit of 2,000.</param>
/// <param name="Tell">Shows the link to the person, where there is one to show it to.</param>
internal sealed record PickerSource(PhotosPickerService Service, BaseUrlMedia Media, GoogleCalls Calls, int? MaxItems, Action<string>? Tell) : BackupSource;
