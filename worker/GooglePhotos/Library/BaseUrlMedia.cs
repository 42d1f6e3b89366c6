using System.Net.Http.Headers;
using GooglePhotos.Services;

namespace GooglePhotos.Library;

/// <summary>
/// Bytes behind base URLs, as Google renders them for clients: a photo loses its place (and, as many measured, is compressed again), a film is transcoded.
/// Base URLs live for 60 minutes; those of the Library need no access token, those of the Picker do.
/// </summary>
/// <param name="http">Authorised for the Picker, bare for the Library.</param>
public sealed class BaseUrlMedia(HttpClient http, string displayName)
{
    /// <summary>`=d` for photos, `=dv` for films.</summary>
    public static Uri Address(string baseUrl, bool video) => new(baseUrl + (video ? "=dv" : "=d"));

    /// <summary>Opens the bytes; the answer's length is null when Google does not say.</summary>
    /// <exception cref="GoogleServiceException">Also 403 and 404 for a base URL that is too old.</exception>
    public async Task<HttpResponseMessage> OpenAsync(string baseUrl, bool video, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Address(baseUrl, video));
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw GoogleErrors.Of(displayName, response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken), response.Headers.RetryAfter?.Delta);
        }
    }
}
