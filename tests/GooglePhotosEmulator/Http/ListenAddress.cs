using System.Globalization;
using System.Net;

namespace GooglePhotosEmulator.Http;

/// <summary>Where to listen, in the ways in which people write it: 127.0.0.1:8900, localhost:8900, :8900, 8900, http://localhost:8900.</summary>
internal static class ListenAddress
{
    public static IPEndPoint? TryParse(string text)
    {
        var bare = text.Replace("http://", "", StringComparison.OrdinalIgnoreCase).TrimEnd('/');
        if (bare.StartsWith("localhost", StringComparison.OrdinalIgnoreCase))
        {
            bare = IPAddress.Loopback + bare["localhost".Length..];
        }
        else if (bare.StartsWith(':') && !bare.StartsWith("::", StringComparison.Ordinal))
        {
            bare = IPAddress.Loopback + bare;
        }
        else if (ushort.TryParse(bare, NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return new(IPAddress.Loopback, port);
        }

        return IPEndPoint.TryParse(bare, out var endpoint) ? endpoint : null;
    }
}
