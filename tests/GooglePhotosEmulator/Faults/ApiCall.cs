namespace GooglePhotosEmulator.Faults;

/// <summary>One request as the fault script and the journal of calls see it.</summary>
/// <param name="Number">Counts all requests from 1.</param>
/// <param name="Method">
/// Such as <c>photoslibrary.mediaItems.batchCreate</c>, <c>photoslibrary.uploads</c>, <c>photospicker.sessions.get</c>,
/// <c>drive.files.list</c>, <c>drive.files.media</c> (alt=media), <c>oauth2.token</c>, <c>media.get</c> (a baseUrl).
/// </param>
/// <param name="Client">OAuth client id of a valid access token, else empty.</param>
/// <param name="User">E-mail address of a valid access token, else empty.</param>
/// <param name="Target">Id of the file, item, album or session that the path names, else empty.</param>
/// <param name="Range">The <c>Range</c> header, else empty.</param>
public sealed record ApiCall(long Number, string Method, string Verb, string Path, string Client, string User, string Target, string Range)
{
    /// <summary>The <c>X-Goog-Upload-Command</c> header, else empty.</summary>
    public string UploadCommand { get; init; } = "";
}
