using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace GooglePhotos.Takeout.Archives;

/// <summary>Exports in a local folder, or single files. Symbolic links are never followed.</summary>
public sealed class LocalTakeoutStorage : ITakeoutStorage
{
    private const int WindowBytes = 64 << 10;

    private readonly IReadOnlyList<string> _roots;
    private readonly Dictionary<string, string> _full = new(StringComparer.Ordinal);

    /// <param name="paths">Folders and files; paths in listings are relative to each.</param>
    /// <exception cref="FileNotFoundException">A path does not exist.</exception>
    public LocalTakeoutStorage(params IReadOnlyList<string> paths)
    {
        foreach (string path in paths)
        {
            if (!Directory.Exists(path) && !File.Exists(path))
            {
                throw new FileNotFoundException($"{path} does not exist.", path);
            }
        }

        _roots = [.. paths.Select(Path.GetFullPath)];
        Location = string.Join(", ", paths);
    }

    public string Location { get; }

    public bool SeeksAreCheap => true;

    public async IAsyncEnumerable<StoredFile> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        _full.Clear();
        foreach (string root in _roots)
        {
            IEnumerable<FileInfo> files = File.Exists(root) ? [new FileInfo(root)] : new DirectoryInfo(root).EnumerateFiles("*", new EnumerationOptions
            {
                RecurseSubdirectories = true,
                AttributesToSkip = FileAttributes.ReparsePoint,
                IgnoreInaccessible = false,
            });
            foreach (FileInfo file in files.OrderBy(f => f.FullName, StringComparer.Ordinal))
            {
                ct.ThrowIfCancellationRequested();
                string path = File.Exists(root) ? file.Name : Path.GetRelativePath(root, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
                if (!_full.TryAdd(path, file.FullName))
                {
                    path = Path.GetFileName(root) + "/" + path;
                    _full[path] = file.FullName;
                }

                yield return new StoredFile(path, file.Length, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero));
            }
        }
    }

    public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct)
    {
        string full = _full.TryGetValue(file.Path, out string? known) ? known : Path.Combine(_roots[0], file.Path);
        SafeFileHandle handle = File.OpenHandle(full, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Task.FromResult(new RangeStream(file.Size, (offset, destination, token) => Read(file, handle, offset, destination.Span, token), WindowBytes, owned: handle));
    }

    /// <summary>Synchronous on purpose: a read from a disk, through a window of no size that anybody waits for.</summary>
    private static Task Read(StoredFile file, SafeFileHandle handle, long offset, Span<byte> destination, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        int read = 1;
        while (!destination.IsEmpty && (read = RandomAccess.Read(handle, destination, offset)) > 0)
        {
            offset += read;
            destination = destination[read..];
        }

        long length = RandomAccess.GetLength(handle);
        return length != file.Size ? throw new ArchiveChangedException($"{file.Name} had {file.Size} bytes and has {length}")
            : File.GetLastWriteTimeUtc(handle) != file.Modified.UtcDateTime ? throw new ArchiveChangedException($"{file.Name} was written to")
            : Task.CompletedTask;
    }
}
