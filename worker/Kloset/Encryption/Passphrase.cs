namespace Kloset.Encryption;

/// <summary>A passphrase is raw bytes: no encoding is assumed and nothing is normalised or trimmed.</summary>
public static class Passphrase
{
    /// <summary>The passphrase of a key file: its content, less exactly one newline at the end if there is one.</summary>
    public static ReadOnlyMemory<byte> FromKeyFile(ReadOnlyMemory<byte> content) =>
        content.Length > 0 && content.Span[^1] == (byte)'\n' ? content[..^1] : content;
}
