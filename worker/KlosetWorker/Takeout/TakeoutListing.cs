using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using KlosetWorker.Backups;

namespace KlosetWorker.Takeout;

/// <summary>
/// The digest of what lies at the locations: names, sizes and times of change. When it is the one that the newest snapshot has ingested,
/// there is nothing to do; it is computed before anything is opened, so an idle night costs a listing and no key derivation.
/// </summary>
internal static class TakeoutListing
{
    public static async Task<string> DigestAsync(IReadOnlyList<TakeoutLocation> locations, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var index = 0; index < locations.Count; index++)
        {
            var files = new List<(string Name, long Size, long Changed)>();
            await foreach (var file in FilesAsync(locations[index], cancellationToken))
            {
                files.Add(file);
            }

            files.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
            Append(hash, index, files.Count);
            foreach (var (name, size, changed) in files)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(name));
                hash.AppendData([0]);
                Append(hash, size, changed);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private static void Append(IncrementalHash hash, long first, long second)
    {
        Span<byte> numbers = stackalloc byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(numbers, first);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], second);
        hash.AppendData(numbers);
    }

    private static async IAsyncEnumerable<(string Name, long Size, long Changed)> FilesAsync(
        TakeoutLocation location, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (location.Bucket is { } bucket)
        {
            await foreach (var item in bucket.ListAsync("", cancellationToken))
            {
                yield return (item.Key, item.Size, item.LastModified.UtcTicks);
            }

            yield break;
        }

        var root = location.Folder!;
        if (File.Exists(root))
        {
            var single = new FileInfo(root);
            yield return (single.Name, single.Length, single.LastWriteTimeUtc.Ticks);
            yield break;
        }

        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (var file in new DirectoryInfo(root).EnumerateFiles("*", options))
        {
            yield return (Path.GetRelativePath(root, file.FullName), file.Length, file.LastWriteTimeUtc.Ticks);
        }
    }
}
