using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Kloset.Storage;

/// <summary>
/// A directory in plakar's fs layout: `CONFIG`, `packfiles/hh/…`, `states/hh/…`, `locks/…`. Files are written under a temporary name,
/// flushed, renamed, and their directory flushed, so that a crash leaves them whole or absent.
/// </summary>
public sealed class FileSystemStore : IStore
{
    private const string TemporaryPrefix = "tmp.";

    private readonly string _root;

    public FileSystemStore(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        _root = Path.GetFullPath(root);
    }

    public string Location => "fs:" + _root;

    public StoreCounters Counters { get; } = new();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task InitializeAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (Directory.Exists(_root) && Directory.EnumerateFileSystemEntries(_root).Any())
            {
                if (File.Exists(Path.Combine(_root, "CONFIG")))
                    throw new StoreException(StoreFailure.Invalid, $"{_root} holds a repository already.");
                throw new StoreException(StoreFailure.Invalid, $"{_root} is not empty: a new repository needs an empty directory or one that does not exist.");
            }

            CreateDirectory(_root);
            foreach (var kind in (string[])["packfiles", "states"])
            {
                CreateDirectory(Path.Combine(_root, kind));
                // plakar writes into existing buckets only: all 256 must be there from the start.
                for (var bucket = 0; bucket < 256; bucket++)
                    CreateDirectory(Path.Combine(_root, kind, bucket.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
                NativeFiles.Flush(Path.Combine(_root, kind));
            }

            CreateDirectory(Path.Combine(_root, "locks"));
            NativeFiles.Flush(_root);
            return Task.CompletedTask;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "prepare", _root);
        }
    }

    public async IAsyncEnumerable<StoreItem> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        if (!Directory.Exists(_root))
            throw new StoreException(StoreFailure.BucketMissing, $"The directory {_root} does not exist.");
        // Only the folder that the prefix lies in is walked.
        var slash = prefix.LastIndexOf('/');
        var start = slash < 0 ? _root : Resolve(prefix[..slash]);
        foreach (var (file, key) in Files(start))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!key.StartsWith(prefix, StringComparison.Ordinal) || file.Name.StartsWith(TemporaryPrefix, StringComparison.Ordinal))
                continue;
            StoreItem item;
            try
            {
                item = new StoreItem(key, file.Length, file.LastWriteTimeUtc);
            }
            catch (IOException)
            {
                continue; // deleted since it was listed
            }

            yield return item;
        }
    }

    public Task<Stream> OpenReadAsync(string key, CancellationToken cancellationToken)
    {
        var path = Resolve(key);
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.Asynchronous);
            Counters.CountRequest();
            Counters.CountRead(file.Length);
            return Task.FromResult<Stream>(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "read", path);
        }
    }

    public Task ReadRangeAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var path = Resolve(key);
        try
        {
            // Synchronous on purpose: these reads come from the page cache or from a worker thread that has nothing else to do.
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Counters.CountRequest();
            Counters.CountRead(destination.Length);
            var rest = destination.Span;
            while (!rest.IsEmpty)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var read = RandomAccess.Read(handle, rest, offset);
                if (read == 0)
                    throw new StoreException(StoreFailure.NotFound, $"{path} ends before byte {offset + rest.Length}.");
                rest = rest[read..];
                offset += read;
            }

            return Task.CompletedTask;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "read", path);
        }
    }

    public async Task PutAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        var path = Resolve(key);
        try
        {
            var temporary = await WriteTemporaryAsync(key, path, content, cancellationToken);
            try
            {
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }

            NativeFiles.Flush(Path.GetDirectoryName(path)!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "write", path);
        }
    }

    public async Task<bool> PutIfAbsentAsync(string key, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        var path = Resolve(key);
        try
        {
            if (File.Exists(path))
                return false;
            var temporary = await WriteTemporaryAsync(key, path, content, cancellationToken);
            try
            {
                // A hard link is the one rename that refuses to overwrite.
                if (!NativeFiles.TryLink(temporary, path))
                    return false;
            }
            finally
            {
                File.Delete(temporary);
            }

            NativeFiles.Flush(Path.GetDirectoryName(path)!);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "write", path);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var path = Resolve(key);
        try
        {
            File.Delete(path);
            return Task.CompletedTask;
        }
        catch (DirectoryNotFoundException)
        {
            return Task.CompletedTask;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Translate(exception, "delete", path);
        }
    }

    private async Task<string> WriteTemporaryAsync(string key, string path, ReadOnlySequence<byte> content, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_root))
            throw new StoreException(StoreFailure.BucketMissing, $"The directory {_root} does not exist.");
        // Where plakar puts them: beside the buckets, or in the root for CONFIG and locks.
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var bucketed = slash >= 0 && key.IndexOf('/', slash + 1) >= 0;
        var folder = bucketed ? Path.Combine(_root, key[..slash]) : _root;
        CreateDirectory(folder);
        CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = Path.Combine(folder, TemporaryPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            await using var file = new FileStream(temporary, options);
            foreach (var segment in content)
                await file.WriteAsync(segment, cancellationToken);
            file.Flush(flushToDisk: true);
            Counters.CountRequest();
            Counters.CountWritten(content.Length);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        return temporary;
    }

    private static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private IEnumerable<(FileInfo File, string Key)> Files(string start)
    {
        var folders = new Stack<DirectoryInfo>();
        folders.Push(new DirectoryInfo(start));
        while (folders.TryPop(out var folder))
        {
            FileSystemInfo[] items;
            try
            {
                items = folder.GetFileSystemInfos();
            }
            catch (DirectoryNotFoundException)
            {
                continue;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw Translate(exception, "list", folder.FullName);
            }

            foreach (var item in items)
            {
                if (item is DirectoryInfo directory)
                {
                    if (directory.LinkTarget is null)
                        folders.Push(directory);
                }
                else if (item is FileInfo file)
                    yield return (file, Path.GetRelativePath(_root, file.FullName).Replace(Path.DirectorySeparatorChar, '/'));
            }
        }
    }

    private string Resolve(string key)
    {
        if (key.Length == 0 || key.StartsWith('/') || key.Contains('\0') || key.Split('/').Any(part => part is "" or "." or ".."))
            throw new StoreException(StoreFailure.Invalid, $"'{key}' is not a key of a store.");
        return Path.Combine(_root, key.Replace('/', Path.DirectorySeparatorChar));
    }

    private StoreException Translate(Exception exception, string action, string path)
    {
        const int NoSpace = 28, QuotaExceeded = 122, ReadOnlyFileSystem = 30;
        var errno = exception.HResult & 0xFFFF;
        var failure = exception switch
        {
            FileNotFoundException => StoreFailure.NotFound,
            DirectoryNotFoundException => Directory.Exists(_root) ? StoreFailure.NotFound : StoreFailure.BucketMissing,
            UnauthorizedAccessException => StoreFailure.AccessDenied,
            _ when errno is NoSpace or QuotaExceeded => StoreFailure.Full,
            _ when errno is ReadOnlyFileSystem => StoreFailure.AccessDenied,
            _ => StoreFailure.Other,
        };
        var why = failure switch
        {
            StoreFailure.NotFound => "it does not exist",
            StoreFailure.BucketMissing => $"the directory {_root} does not exist",
            StoreFailure.AccessDenied => "access denied",
            StoreFailure.Full => "no space left",
            _ => exception.Message,
        };
        return new StoreException(failure, $"Cannot {action} {path}: {why}.", exception);
    }
}
