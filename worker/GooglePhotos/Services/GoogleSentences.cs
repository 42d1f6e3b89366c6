namespace GooglePhotos.Services;

/// <summary>One sentence for each failure: what happened and why. What to do about it is said where it is shown.</summary>
internal static class GoogleSentences
{
    public static string Of(string service, GoogleFailure failure, string words, GoogleQuota? quota = null) => failure switch
    {
        GoogleFailure.InvalidRequest => $"{service} did not understand our request: {words}",
        GoogleFailure.InvalidPageToken => $"{service} no longer takes the token of a page, so the listing begins again.",
        GoogleFailure.InvalidUploadToken => "An upload token is no longer valid; they live for a day.",
        GoogleFailure.ChecksumMismatch => "The bytes that arrived at Google are not the ones that were sent.",
        GoogleFailure.MediaRejected => $"Google Photos does not take the file: {words}",
        GoogleFailure.NotPickedYet => $"Nothing has been picked yet: {words}",
        GoogleFailure.PhotosDisabled => $"The account has no Google Photos, or it is switched off for it: {words}",
        GoogleFailure.Unauthenticated => $"{service} refused the sign-in, also with a fresh access token: {words}",
        GoogleFailure.GrantRevoked => $"Google no longer accepts the sign-in: {words} {Grants.LikelyCauses}",
        GoogleFailure.SessionPolicy => "Google no longer accepts the sign-in: a session policy of the organisation asks for it to be repeated (invalid_rapt).",
        GoogleFailure.ClientRefused => $"Google does not know the OAuth client, or its secret is another one: {words}",
        GoogleFailure.FederationRefused => $"Google did not take the token of the pod: {words}",
        GoogleFailure.ImpersonationRefused => $"The workload identity may not act as the service account: {words}",
        GoogleFailure.ScopeMissing => $"The sign-in lacks a permission that {service} needs: {words}",
        GoogleFailure.NoCredential => "No credential reached Google.",
        GoogleFailure.ApiDisabled => $"{service} is not enabled in the project: {words}",
        GoogleFailure.Forbidden => $"{service} refuses access, or the item was not made by this OAuth client: {words}",
        GoogleFailure.NotFound => $"{service} knows no such thing, or shows it to others only: {words}",
        GoogleFailure.AlbumNotFound => "The album is gone; somebody deleted it.",
        GoogleFailure.MinuteQuota => $"The quota {Name(quota)} of {service} is used up for this minute.",
        GoogleFailure.DayQuota => $"The quota {Name(quota)} of {service} is used up for today.",
        GoogleFailure.ConcurrentWrites => "Another program writes into the same library at this moment.",
        GoogleFailure.RateLimited => $"{service} asks to slow down.",
        GoogleFailure.DownloadQuota => "Google limits downloads of this file for up to a day.",
        GoogleFailure.TooManySessions => "The account has too many open picking sessions.",
        GoogleFailure.StorageFull => "The storage of the Google account is full.",
        GoogleFailure.AbusiveFile => "Google takes the file for malware or spam and does not hand it out.",
        GoogleFailure.AbuseNotAcknowledged => "Only the owner of the file may accept the risk of loading it.",
        GoogleFailure.DownloadForbidden => "Downloading is switched off for viewers of the file.",
        GoogleFailure.AppNotAuthorized => "The scope drive.file shows only files that were picked one by one.",
        GoogleFailure.FileNotShared => "The account may not read the file.",
        GoogleFailure.DomainPolicy => "The administrator of the organisation does not allow Drive apps.",
        GoogleFailure.RangeNotSatisfiable => "The file is shorter than it was: it changed while it was read.",
        GoogleFailure.ServerError => $"{service} has trouble: {words}",
        GoogleFailure.Network => $"{service} does not answer: {words}",
        GoogleFailure.Unknown => $"{service} gave an answer that we do not know: {words}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Name(GoogleQuota? quota) => quota?.Limit is { } limit
        ? quota.Value is { } value ? $"'{limit}' ({value})" : $"'{limit}'"
        : "of the project";
}

internal static class Grants
{
    /// <summary>Why refresh tokens die, likeliest first; Google does not tell which one it was.</summary>
    public const string LikelyCauses =
        "Likely causes: the consent screen is in 'Testing' (a grant then lasts 7 days); access was withdrawn in the Google account; it was not used for 6 months; "
        + "the client issued more than 100 grants for the account; the OAuth client was deleted; the clock here is wrong.";
}
