using System.Security.Cryptography;
using System.Text;
using KlosetWorker.Contract;
using KlosetWorker.Errors;
using KlosetWorker.Hosting;

namespace KlosetWorker.Access;

/// <summary>A passphrase that cannot print itself. Raw bytes, no normalisation, as the format wants them.</summary>
internal sealed class Passphrase(byte[] bytes) : IDisposable
{
    public ReadOnlyMemory<byte> Bytes => bytes;

    public void Dispose() => CryptographicOperations.ZeroMemory(bytes);

    public override string ToString() => "Passphrase(…)";

    /// <summary>The text, for estimating its strength only.</summary>
    internal string Reveal() => Encoding.UTF8.GetString(bytes);
}

/// <summary>Finds the passphrase: `--passphrase-file`, then KLOSET_PASSPHRASE, then KLOSET_PASSPHRASE_FILE, then a person at the terminal.</summary>
internal static class PassphraseSource
{
    /// <summary>Null when there is none and nobody to ask.</summary>
    public static Passphrase? Find(WorkerHost host, string? file, bool confirm)
    {
        if (file is not null)
        {
            return FromFile(file);
        }

        if (host.Environment(WorkerEnvironment.Passphrase) is { Length: > 0 } text)
        {
            return new(Encoding.UTF8.GetBytes(text));
        }

        if (host.Environment(WorkerEnvironment.PassphraseFile) is { Length: > 0 } path)
        {
            return FromFile(path);
        }

        return host.AskSecret is { } ask ? Ask(ask, confirm) : null;
    }

    public static Passphrase FromFile(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WorkerException(ErrorCatalogue.PassphraseNeeded, $"The passphrase file {path} cannot be read: {exception.Message}", exception);
        }

        // Editors and `echo` leave one newline at the end; more of them belong to the passphrase.
        var length = bytes.Length;
        if (length > 0 && bytes[length - 1] == (byte)'\n')
        {
            length--;
        }

        if (length == 0)
        {
            throw new WorkerException(ErrorCatalogue.PassphraseNeeded, $"The passphrase file {path} is empty.");
        }

        var passphrase = bytes[..length];
        CryptographicOperations.ZeroMemory(bytes);
        return new(passphrase);
    }

    private static Passphrase? Ask(Func<string, string?> ask, bool confirm)
    {
        var first = ask("Passphrase: ");
        if (string.IsNullOrEmpty(first))
        {
            return null;
        }

        if (confirm && ask("Once more: ") != first)
        {
            throw new WorkerException(ErrorCatalogue.PassphraseNeeded, "The two passphrases differ.") { Remedy = "Type the same passphrase twice." };
        }

        return new(Encoding.UTF8.GetBytes(first));
    }
}
