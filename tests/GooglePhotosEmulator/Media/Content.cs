using System.Security.Cryptography;

namespace GooglePhotosEmulator.Media;

/// <summary>The bytes of a file, in memory or on disk.</summary>
internal abstract class Content
{
    public abstract long Length { get; }

    /// <summary>A seekable stream over all bytes.</summary>
    public abstract Stream Open();

    public static Content Of(byte[] bytes) => new InMemory(bytes);

    /// <summary>A file of the person who runs the emulator: read when asked for, never changed.</summary>
    public static Content OfFile(string path) => new OnDisk(path);

    public byte[] Hash(HashAlgorithmName algorithm)
    {
        using var hash = IncrementalHash.CreateHash(algorithm);
        using var stream = Open();
        var buffer = new byte[128 * 1024];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
        }

        return hash.GetHashAndReset();
    }

    public byte[] ToArray()
    {
        using var stream = Open();
        var bytes = new byte[Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private sealed class InMemory(byte[] bytes) : Content
    {
        public override long Length => bytes.Length;

        public override Stream Open() => new MemoryStream(bytes, false);
    }

    private sealed class OnDisk(string path) : Content
    {
        public override long Length { get; } = new FileInfo(path).Length;

        public override Stream Open() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024, FileOptions.Asynchronous);
    }
}
