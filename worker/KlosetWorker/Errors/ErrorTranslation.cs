using System.Text.Json;
using GooglePhotos.Credentials;
using GooglePhotos.Services;
using Kloset.Repositories;
using Kloset.Storage;
using KlosetWorker.Contract;

namespace KlosetWorker.Errors;

/// <summary>From what the engine, the source and the operating system throw to the catalogue.</summary>
internal static class ErrorTranslation
{
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;

    public static WorkerException Translate(Exception exception) => exception switch
    {
        WorkerException known => known,
        AggregateException { InnerExceptions.Count: > 0 } aggregate => Translate(aggregate.InnerExceptions[0]),
        GoogleServiceException google => GoogleTranslation.Translate(google),
        GoogleCredentialException credential => GoogleTranslation.Translate(credential),
        RepositoryException repository => new(OfRepository(repository.Failure), repository.Message, repository),
        StoreException store => new(OfStore(store.Failure), store.Message, store),
        OperationCanceledException => new(ErrorCatalogue.Cancelled, "The run was told to stop.", exception),
        UnauthorizedAccessException denied => new(ErrorCatalogue.SourceUnreadable, denied.Message, denied),
        FileNotFoundException missing => new(ErrorCatalogue.SourceNotFound, missing.Message, missing),
        DirectoryNotFoundException missing => new(ErrorCatalogue.SourceNotFound, missing.Message, missing),
        IOException full when IsFull(full) => new(ErrorCatalogue.TargetFull, full.Message, full),
        JsonException json => new(ErrorCatalogue.InvalidRunFile, json.Message, json),
        _ => new(ErrorCatalogue.InternalError, $"{exception.GetType().Name}: {exception.Message}", exception),
    };

    public static bool IsFull(IOException exception) => (exception.HResult & 0xFFFF) is NoSpaceLeft or QuotaExceeded;

    private static ErrorInfo OfRepository(RepositoryFailure failure) => failure switch
    {
        RepositoryFailure.NoRepository => ErrorCatalogue.RepositoryNotFound,
        RepositoryFailure.AlreadyExists => ErrorCatalogue.RepositoryExists,
        RepositoryFailure.PassphraseNeeded => ErrorCatalogue.PassphraseNeeded,
        RepositoryFailure.WrongPassphrase => ErrorCatalogue.WrongPassphrase,
        RepositoryFailure.Locked or RepositoryFailure.LockLapsed => ErrorCatalogue.RepositoryLocked,
        RepositoryFailure.Damaged => ErrorCatalogue.RepositoryDamaged,
        RepositoryFailure.Unsupported => ErrorCatalogue.RepositoryUnsupported,
        RepositoryFailure.SnapshotNotFound => ErrorCatalogue.SnapshotNotFound,
        RepositoryFailure.Ambiguous => ErrorCatalogue.SnapshotAmbiguous,
        _ => ErrorCatalogue.InternalError,
    };

    private static ErrorInfo OfStore(StoreFailure failure) => failure switch
    {
        StoreFailure.NotFound => ErrorCatalogue.RepositoryDamaged,
        StoreFailure.BucketMissing => ErrorCatalogue.BucketNotFound,
        StoreFailure.AccessDenied => ErrorCatalogue.AccessDenied,
        StoreFailure.Unreachable => ErrorCatalogue.StoreUnreachable,
        StoreFailure.Full => ErrorCatalogue.StoreFull,
        StoreFailure.Throttled => ErrorCatalogue.StoreThrottled,
        StoreFailure.Invalid => ErrorCatalogue.InvalidLocation,
        _ => ErrorCatalogue.StoreFailed,
    };
}
