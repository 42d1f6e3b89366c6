using System.Buffers.Text;
using System.Globalization;
using System.Text;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;

namespace GooglePhotosEmulator.Media;

/// <summary>URLs of bytes that end by themselves. What was given out is recognised by its seal.</summary>
internal sealed class BaseUrls(TokenMint mint, TimeProvider time, TimeSpan lifetime)
{
    /// <summary>For anybody who has it.</summary>
    public string ForLibrary(GoogleRequest request, string itemId, string clientId) => Make(request, "lr", itemId, clientId, "");

    /// <summary>Only with an access token, and only while the session is there.</summary>
    public string ForPicker(GoogleRequest request, string itemId, string clientId, string sessionId) => Make(request, "ppa", itemId, clientId, sessionId);

    /// <param name="path">The last segment of the path, without the suffix.</param>
    /// <returns>Null when the text was not given out here.</returns>
    public BaseUrl? Read(string kind, string path)
    {
        var parts = path.Split('.');
        if (parts.Length != 5 || mint.Seal($"{kind}/{parts[0]}.{parts[1]}.{parts[2]}.{parts[3]}") != parts[4])
        {
            return null;
        }

        var ends = DateTimeOffset.FromUnixTimeSeconds(long.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        return new BaseUrl(parts[0], Decode(parts[2]), Decode(parts[3]), ends <= time.GetUtcNow());
    }

    private string Make(GoogleRequest request, string kind, string itemId, string clientId, string sessionId)
    {
        var ends = (time.GetUtcNow() + lifetime).ToUnixTimeSeconds();
        var text = $"{itemId}.{ends:x}.{Encode(clientId)}.{Encode(sessionId)}";
        return $"{request.UrlOf(GoogleHosts.UserContent)}/{kind}/{text}.{mint.Seal($"{kind}/{text}")}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Decode(string text) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));
}

/// <param name="ItemId">Of the media item.</param>
/// <param name="SessionId">Of the Picker session; empty for the Library API.</param>
internal sealed record BaseUrl(string ItemId, string ClientId, string SessionId, bool Ended);
