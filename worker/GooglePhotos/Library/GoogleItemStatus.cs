using GooglePhotos.Library.Data;
using GooglePhotos.Services;

namespace GooglePhotos.Library;

/// <summary>What the status of one item inside of a successful answer means (`batchCreate`, `batchGet`).</summary>
public static class GoogleItemStatus
{
    /// <returns>Null for success.</returns>
    public static GoogleFailure? Of(Status? status) => GoogleErrors.OfItem(status?.Code ?? 0, status?.Message ?? "");

    public static GoogleServiceException ToException(string service, GoogleFailure failure, string words) => new(service, failure, GoogleSentences.Of(service, failure, words));
}
