using System.Text;

namespace GooglePhotos.Takeout.Archives;

/// <summary>
/// Names as archives hold them: bytes, nearly always UTF-8. Bytes that are not UTF-8 are carried as lone surrogates U+DC80 to U+DCFF, so
/// that a name survives the way through strings and back unchanged.
/// </summary>
public static class EntryNames
{
    private static readonly UTF8Encoding Strict = new(false, true);

    public static string Decode(ReadOnlySpan<byte> name)
    {
        try
        {
            return Strict.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            StringBuilder text = new(name.Length);
            while (!name.IsEmpty)
            {
                if (Rune.DecodeFromUtf8(name, out Rune rune, out int used) == System.Buffers.OperationStatus.Done)
                {
                    text.Append(rune.ToString());
                }
                else
                {
                    used = 1;
                    text.Append((char)(0xDC00 + name[0]));
                }

                name = name[used..];
            }

            return text.ToString();
        }
    }

    public static byte[] Encode(string name)
    {
        try
        {
            return Strict.GetBytes(name);
        }
        catch (EncoderFallbackException)
        {
            return EncodeEscaped(name);
        }
    }

    private static byte[] EncodeEscaped(string name)
    {
        MemoryStream bytes = new(name.Length * 2);
        Span<byte> buffer = stackalloc byte[4];
        for (int i = 0; i < name.Length; i++)
        {
            if (char.IsSurrogatePair(name, i))
            {
                bytes.Write(buffer[..new Rune(name[i], name[++i]).EncodeToUtf8(buffer)]);
            }
            else if (char.IsSurrogate(name[i]))
            {
                bytes.WriteByte(name[i] is >= '\uDC80' and <= '\uDCFF' ? (byte)name[i] : (byte)'_');
            }
            else
            {
                bytes.Write(buffer[..new Rune(name[i]).EncodeToUtf8(buffer)]);
            }
        }

        return bytes.ToArray();
    }

    /// <summary>For people and JSON: bytes that are not UTF-8 as <c>\xE4</c>.</summary>
    public static string Display(string name)
    {
        int first = -1;
        for (int i = 0; i < name.Length && first < 0; i++)
        {
            if (char.IsSurrogate(name[i]))
            {
                first = char.IsSurrogatePair(name, i) ? -1 : i;
                i += first < 0 ? 1 : 0;
            }
        }

        if (first < 0)
        {
            return name;
        }

        StringBuilder text = new(name.Length + 8);
        for (int i = 0; i < name.Length; i++)
        {
            if (i + 1 < name.Length && char.IsSurrogatePair(name, i))
            {
                text.Append(name, i++, 2);
            }
            else if (char.IsSurrogate(name[i]))
            {
                text.Append(name[i] is >= '\uDC80' and <= '\uDCFF' ? $"\\x{name[i] - 0xDC00:X2}" : "\uFFFD");
            }
            else
            {
                text.Append(name[i]);
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// A relative path without "..", ".", empty, absolute or control parts. <paramref name="changed"/> tells that the archive's name was
    /// not such a path.
    /// </summary>
    internal static string MakeSafe(string name, out bool changed)
    {
        changed = false;
        if (IsPlain(name))
        {
            return name;
        }

        changed = true;
        StringBuilder path = new(name.Length);
        foreach (string segment in name.Split('/', '\\'))
        {
            if (segment.Length == 0 || segment == "." || segment == "..")
            {
                continue;
            }

            if (path.Length > 0)
            {
                path.Append('/');
            }

            foreach (char c in segment)
            {
                path.Append(char.IsControl(c) ? '_' : c);
            }
        }

        return path.Length > 0 ? path.ToString() : "_";
    }

    private static bool IsPlain(string name)
    {
        if (name.Length == 0 || name[0] == '/' || name.Contains('\\', StringComparison.Ordinal) || name.Contains("//", StringComparison.Ordinal))
        {
            return false;
        }

        foreach (Range range in name.AsSpan().Split('/'))
        {
            ReadOnlySpan<char> segment = name.AsSpan()[range];
            if (segment is "." or "..")
            {
                return false;
            }
        }

        foreach (char c in name)
        {
            if (char.IsControl(c))
            {
                return false;
            }
        }

        return true;
    }
}
