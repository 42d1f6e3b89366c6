using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GooglePhotosEmulator.Identity;

/// <summary>A signed JSON web token (RS256).</summary>
internal sealed record Jwt(JsonObject Header, JsonObject Claims, byte[] SignedText, byte[] Signature)
{
    /// <returns>Null when the text is no token.</returns>
    public static Jwt? Parse(string text)
    {
        var parts = text.Split('.');
        if (parts.Length != 3)
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(Base64Url.DecodeFromChars(parts[0])) is JsonObject header && JsonNode.Parse(Base64Url.DecodeFromChars(parts[1])) is JsonObject claims
                ? new Jwt(header, claims, Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]))
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    public static string Sign(RSA key, string keyId, JsonObject claims)
    {
        var header = new JsonObject { ["alg"] = "RS256", ["kid"] = keyId, ["typ"] = "JWT" };
        var text = $"{Encode(header)}.{Encode(claims)}";
        return $"{text}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    public bool IsSignedBy(RSA key) =>
        Claim(Header, "alg") == "RS256" && key.VerifyData(SignedText, Signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    public string? Claim(string name) => Claim(Claims, name);

    public DateTimeOffset? Time(string name) =>
        Claims[name] is JsonValue value && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
            : null;

    /// <summary>The audiences; one or several.</summary>
    public IReadOnlyList<string> Audiences => Claims["aud"] switch
    {
        JsonArray several => [.. several.Select(one => one!.ToString())],
        { } one => [one.ToString()],
        null => [],
    };

    private static string? Claim(JsonObject from, string name) => from[name]?.ToString();

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
