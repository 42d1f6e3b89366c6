using System.Text;

namespace KlosetOperator.Schedules;

/// <summary>
/// FNV-1a of 64 bits over UTF-8, finished by a mixer so that the low bits, which a modulus looks at, are as good as the
/// others. Slots, jitter and names of Jobs depend on it: changing it would move every schedule of every user.
/// </summary>
internal static class StableHash
{
    public static ulong Of(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ octet) * 1099511628211UL;
        }

        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdUL;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53UL;
        return hash ^ (hash >> 33);
    }

    /// <summary>Evenly in [0, <paramref name="length"/>), in whole seconds.</summary>
    public static TimeSpan Within(TimeSpan length, string text)
    {
        var seconds = (ulong)Math.Max(0, length.TotalSeconds);
        return seconds == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Of(text) % seconds);
    }

    /// <summary>Ten characters that are allowed in names.</summary>
    public static string Short(string text)
    {
        const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";
        var hash = Of(text);
        return string.Create(10, hash, static (span, value) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = Alphabet[(int)(value % (ulong)Alphabet.Length)];
                value /= (ulong)Alphabet.Length;
            }
        });
    }
}
