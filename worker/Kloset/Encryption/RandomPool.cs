using System.Security.Cryptography;

namespace Kloset.Encryption;

/// <summary>
/// The system's cryptographic generator, asked for a page at a time: sub-keys and nonces are a few dozen bytes for each blob, and a call
/// to the generator costs more than sealing one. Bytes are handed out once and cleared. Safe for concurrent use.
/// </summary>
internal sealed class RandomPool
{
    private const int PageSize = 4096;
    private const int LargestFromPage = 512;

    private readonly Lock _gate = new();
    private readonly byte[] _page = new byte[PageSize];
    private int _left;

    public void Fill(Span<byte> destination)
    {
        if (destination.Length > LargestFromPage)
        {
            RandomNumberGenerator.Fill(destination);
            return;
        }

        lock (_gate)
        {
            if (destination.Length > _left)
            {
                RandomNumberGenerator.Fill(_page);
                _left = PageSize;
            }

            Span<byte> taken = _page.AsSpan(_left - destination.Length, destination.Length);
            taken.CopyTo(destination);
            CryptographicOperations.ZeroMemory(taken);
            _left -= destination.Length;
        }
    }
}
