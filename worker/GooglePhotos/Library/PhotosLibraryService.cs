using GooglePhotos.Services;

namespace GooglePhotos.Library;

/// <summary>
/// Google Photos Library API v1, the methods that still work. Since 31 March 2025 it shows only what the same OAuth client uploaded; all else is
/// left out of lists or answered with 403. There is no package of Google's for it; this has the shape that one would have.
/// </summary>
public sealed class PhotosLibraryService : GoogleService
{
    public const string DefaultBaseUri = "https://photoslibrary.googleapis.com/";

    public PhotosLibraryService(Initializer initializer)
        : base(initializer, DefaultBaseUri)
    {
        MediaItems = new(this);
        Albums = new(this);
        Uploads = new(this);
    }

    public static class Scope
    {
        public const string AppendOnly = "https://www.googleapis.com/auth/photoslibrary.appendonly";
        public const string ReadOnlyAppCreatedData = "https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata";
        public const string EditAppCreatedData = "https://www.googleapis.com/auth/photoslibrary.edit.appcreateddata";
    }

    public override string Name => "photoslibrary";

    public override string DisplayName => "Google Photos";

    public MediaItemsResource MediaItems { get; }

    public AlbumsResource Albums { get; }

    public UploadsResource Uploads { get; }
}

/// <summary>Limits that the API states.</summary>
public static class LibraryLimits
{
    public const int MediaItemsPage = 100;
    public const int AlbumsPage = 50;

    /// <summary>Items of a batchCreate, batchGet, batchAdd or batchRemove.</summary>
    public const int Batch = 50;

    public const int ItemsPerAlbum = 20_000;
    public const int TitleLength = 500;
    public const int DescriptionLength = 1000;
    public const int FileNameLength = 255;
    public const long PhotoBytes = 200_000_000;
    public const long VideoBytes = 20_000_000_000;

    /// <summary>Requests of a project in a day, uploads among them, loads of base URLs not.</summary>
    public const long RequestsPerDay = 10_000;

    /// <summary>Loads of base URLs of a project in a day.</summary>
    public const long MediaPerDay = 75_000;

    /// <summary>How long a base URL lives.</summary>
    public static readonly TimeSpan BaseUrlLife = TimeSpan.FromMinutes(60);
}
