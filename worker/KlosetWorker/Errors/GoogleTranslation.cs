using GooglePhotos.Credentials;
using GooglePhotos.Services;
using KlosetWorker.Contract;

namespace KlosetWorker.Errors;

/// <summary>From what Google says to the catalogue.</summary>
internal static class GoogleTranslation
{
    public static WorkerException Translate(GoogleServiceException failure) => new(
        OfFailure(failure.Failure, failure.ResumeAfter is not null),
        failure.HelpUrl is { } url && failure.Failure == GoogleFailure.ApiDisabled ? $"{failure.Message} ({url})" : failure.Message,
        failure)
    {
        ResumeAfter = failure.ResumeAfter,
    };

    public static WorkerException Translate(GoogleCredentialException problem) => new(
        problem.Problem == CredentialProblem.ShortLived ? GoogleErrorCatalogue.ShortLivedGrant : GoogleErrorCatalogue.CredentialsUnusable, problem.Message, problem);

    /// <param name="laterHelps">Whether it was waited for in vain, and a time to go on is known.</param>
    public static ErrorInfo OfFailure(GoogleFailure failure, bool laterHelps) => failure switch
    {
        GoogleFailure.InvalidRequest or GoogleFailure.InvalidPageToken or GoogleFailure.Unknown => GoogleErrorCatalogue.RefusedRequest,
        GoogleFailure.InvalidUploadToken or GoogleFailure.ChecksumMismatch => GoogleErrorCatalogue.Damaged,
        GoogleFailure.MediaRejected => GoogleErrorCatalogue.MediaRejected,
        GoogleFailure.NotPickedYet => GoogleErrorCatalogue.NotPicked,
        GoogleFailure.PhotosDisabled => GoogleErrorCatalogue.PhotosDisabled,
        GoogleFailure.Unauthenticated => GoogleErrorCatalogue.TokenRefused,
        GoogleFailure.GrantRevoked => GoogleErrorCatalogue.SignInExpired,
        GoogleFailure.SessionPolicy => GoogleErrorCatalogue.SessionPolicy,
        GoogleFailure.ClientRefused => GoogleErrorCatalogue.ClientRefused,
        GoogleFailure.FederationRefused => GoogleErrorCatalogue.FederationRefused,
        GoogleFailure.ImpersonationRefused => GoogleErrorCatalogue.ImpersonationRefused,
        GoogleFailure.ScopeMissing => GoogleErrorCatalogue.ScopeMissing,
        GoogleFailure.NoCredential => GoogleErrorCatalogue.NoCredential,
        GoogleFailure.ApiDisabled => GoogleErrorCatalogue.ApiDisabled,
        GoogleFailure.Forbidden => GoogleErrorCatalogue.Forbidden,
        GoogleFailure.NotFound => GoogleErrorCatalogue.NotFound,
        GoogleFailure.AlbumNotFound => GoogleErrorCatalogue.AlbumNotFound,
        GoogleFailure.MinuteQuota or GoogleFailure.RateLimited => GoogleErrorCatalogue.MinuteQuota,
        GoogleFailure.DayQuota => GoogleErrorCatalogue.DayQuota,
        GoogleFailure.ConcurrentWrites => GoogleErrorCatalogue.ConcurrentWrites,
        GoogleFailure.DownloadQuota => GoogleErrorCatalogue.DownloadQuota,
        GoogleFailure.TooManySessions => GoogleErrorCatalogue.TooManySessions,
        GoogleFailure.StorageFull => GoogleErrorCatalogue.StorageFull,
        GoogleFailure.AbusiveFile or GoogleFailure.AbuseNotAcknowledged => GoogleErrorCatalogue.AbusiveFile,
        GoogleFailure.DownloadForbidden => GoogleErrorCatalogue.DownloadForbidden,
        GoogleFailure.AppNotAuthorized => GoogleErrorCatalogue.AppNotAuthorized,
        GoogleFailure.FileNotShared => GoogleErrorCatalogue.FileNotShared,
        GoogleFailure.DomainPolicy => GoogleErrorCatalogue.DomainPolicy,
        GoogleFailure.RangeNotSatisfiable => GoogleErrorCatalogue.Changed,
        GoogleFailure.ServerError => laterHelps ? GoogleErrorCatalogue.Trouble : GoogleErrorCatalogue.Unreachable,

        // A network that never answered is more likely ours than Google's: that is a failure, no pause.
        GoogleFailure.Network => GoogleErrorCatalogue.Unreachable,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
