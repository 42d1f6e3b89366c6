using System.Buffers;
using System.Text;

namespace Kloset;

/// <summary>
/// Strings of the format are bytes that need not be UTF-8. Here each byte that is not part of a valid sequence becomes one lone
/// surrogate U+DC80 to U+DCFF (as Python's `surrogateescape` does), so every byte string survives the way to a .NET string and back.
/// </summary>
public static class LosslessText
{
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
                bytes = bytes[used..];
            }
            else
            {
                text.Append((char)(0xDC00 + bytes[0]));
                bytes = bytes[1..];
            }
        }

        return text.ToString();
    }

    /// <summary>The inverse of <see cref="Decode"/>. Lone surrogates that it never makes become U+FFFD.</summary>
    public static byte[] Encode(ReadOnlySpan<char> text)
    {
        var output = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        var length = 0;
        while (!text.IsEmpty)
        {
            var escaped = text.IndexOfAnyInRange('\uDC80', '\uDCFF');
            // The second half of a real surrogate pair falls into the same range.
            while (escaped > 0 && char.IsHighSurrogate(text[escaped - 1]))
            {
                var next = text[(escaped + 1)..].IndexOfAnyInRange('\uDC80', '\uDCFF');
                escaped = next < 0 ? -1 : escaped + 1 + next;
            }

            var plain = escaped < 0 ? text : text[..escaped];
            length += Encoding.UTF8.GetBytes(plain, output.AsSpan(length));
            if (escaped < 0)
                break;
            output[length++] = (byte)(text[escaped] - 0xDC00);
            text = text[(escaped + 1)..];
        }

        return output.AsSpan(0, length).ToArray();
    }
}
