using System.Globalization;
using System.Runtime.CompilerServices;
using GooglePhotos.Drive.Data;
using GooglePhotos.Services;
using GooglePhotos.Takeout.Archives;
using File = GooglePhotos.Drive.Data.File;

namespace GooglePhotos.Drive;

/// <summary>Room in the Drive of the account that reads; its owner's only when that is the same.</summary>
public sealed record DriveRoom(long? Limit, long Used)
{
    public long? Free => Limit is { } limit ? Math.Max(0, limit - Used) : null;
}

/// <summary>
/// Exports in a folder of Google Drive, read by bounded ranges, each byte once. Names are not unique in Drive: a second file of a name is listed under its
/// identifier. A file whose content changes while it is read fails; one that was only renamed or shared does not.
/// </summary>
public sealed class DriveTakeoutStorage(DriveService drive, GoogleCalls calls, string folderId, TimeProvider time) : ITakeoutStorage
{
    private const int MaxDepth = 8;
    private const int WindowBytes = 32 << 20;

    private readonly Dictionary<string, File> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _remarks = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Remarks => _remarks;

    public string Location => $"gdrive:{folderId}";

    public bool SeeksAreCheap => false;

    /// <summary>
    /// Bytes out of a project that Google's limits page of May 2026 counts beyond 1 TB a day "before charges apply", with a tenth left for others.
    /// </summary>
    public const long BytesPerDay = 900_000_000_000;

    /// <summary>What <see cref="Budget"/> counts.</summary>
    public const long BudgetUnit = 1 << 20;

    /// <summary>Who signs in, for a budget that is shared.</summary>
    public required Credentials.GoogleCredentialFile Credential { get; init; }

    /// <summary>MiB that may be read today; null for as many as one likes.</summary>
    public RequestBudget? Budget { get; set; }

    /// <summary>Bytes that were asked of Drive.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    private long _bytesRead;

    /// <summary>The folder itself, with a shortcut to it followed.</summary>
    /// <exception cref="GoogleServiceException"/>
    public async Task<File> FolderAsync(CancellationToken cancellationToken)
    {
        var folder = await GetAsync(folderId, null, cancellationToken);
        if (folder.ShortcutDetails is { TargetId: { } target } shortcut)
        {
            folder = await GetAsync(target, shortcut.TargetResourceKey, cancellationToken);
        }

        return folder.MimeType == File.FolderType && folder.Trashed != true
            ? folder
            : throw new GoogleServiceException(drive.DisplayName, GoogleFailure.NotFound, $"{folder.Name ?? folderId} is {(folder.Trashed == true ? "in the trash" : "not a folder")}.");
    }

    public async Task<(User? Who, DriveRoom? Room)> AboutAsync(CancellationToken cancellationToken)
    {
        var about = await calls.RunAsync(drive.About.Get(), cancellationToken);
        return (about.User, about.StorageQuota is { } quota ? new(quota.Limit, quota.Usage ?? 0) : null);
    }

    public async IAsyncEnumerable<StoredFile> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        _files.Clear();
        _remarks.Clear();
        var folder = await FolderAsync(ct);
        await foreach (var stored in ListAsync(folder, "", 0, ct))
        {
            yield return stored;
        }

        if (_files.Count > 0 && _files.Values.All(file => file.Capabilities?.CanDownload == false))
        {
            throw new GoogleServiceException(drive.DisplayName, GoogleFailure.DownloadForbidden, $"Downloading is switched off for viewers of the folder {folder.Name}.");
        }
    }

    /// <summary>Bytes that a listed file takes of its owner's storage; null for one that is not listed.</summary>
    public long? SizeOf(string path) => _files.TryGetValue(path, out var file) ? file.Size : null;

    public Task<RangeStream> OpenReadAsync(StoredFile file, CancellationToken ct)
    {
        var listed = FileOf(file.Path);
        var proof = FileProof.Of(listed);
        var length = listed.Size!.Value;
        return Task.FromResult(new RangeStream(
            length,
            async (offset, destination, token) =>
            {
                await ReadAsync(listed, offset, destination, token);
                proof?.Append(offset, destination.Span);
            },
            WindowBytes,
            async token =>
            {
                await VerifyAsync(listed, token);
                Judge(listed, proof, length);
            },
            proof));
    }

    /// <summary>Who owns the files of the listing, most files first; files without a told owner count for nobody.</summary>
    public IEnumerable<string> Owners => _files.Values
        .Select(file => file.Owners is [{ EmailAddress: { Length: > 0 } address }, ..] ? address : null)
        .OfType<string>()
        .GroupBy(address => address, StringComparer.OrdinalIgnoreCase)
        .OrderByDescending(group => group.Count())
        .Select(group => group.Key);

    private async IAsyncEnumerable<StoredFile> ListAsync(File folder, string prefix, int depth, [EnumeratorCancellation] CancellationToken ct)
    {
        var children = await ChildrenAsync(folder, ct);
        foreach (var child in children.OrderBy(child => child.Name, StringComparer.Ordinal).ThenBy(child => child.Id, StringComparer.Ordinal))
        {
            var file = child;
            if (child.ShortcutDetails is { TargetId: { } target } shortcut)
            {
                try
                {
                    file = (await GetAsync(target, shortcut.TargetResourceKey, ct)) with { Name = child.Name };
                }
                catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.NotFound)
                {
                    _remarks.Add($"{child.Name} in Drive is a shortcut to something that is gone or not shared.");
                    continue;
                }
            }

            var name = (file.Name ?? file.Id!).Replace('/', '_');
            if (file.MimeType == File.FolderType)
            {
                if (depth < MaxDepth)
                {
                    await foreach (var below in ListAsync(file, $"{prefix}{name}/", depth + 1, ct))
                    {
                        yield return below;
                    }
                }

                continue;
            }

            // Documents of Google's own have no bytes, and are no parts.
            if (file.Size is not { } size || file.Id is null)
            {
                continue;
            }

            var path = prefix + name;
            if (!_files.TryAdd(path, file))
            {
                path = $"{prefix}{file.Id}/{name}";
                _files[path] = file;
            }

            yield return new(path, size, file.ModifiedTime ?? file.CreatedTime ?? DateTimeOffset.UnixEpoch, ContentOf(file));
        }
    }

    /// <summary>All pages; a token that is no longer taken begins again at the first one.</summary>
    private async Task<List<File>> ChildrenAsync(File folder, CancellationToken cancellationToken)
    {
        for (var restart = 0; ; restart++)
        {
            var children = new List<File>();
            string? token = null;
            try
            {
                do
                {
                    var request = drive.Files.List();
                    request.Q = $"'{folder.Id!.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}' in parents and trashed = false";
                    request.PageToken = token;
                    (request.Corpora, request.DriveId) = folder.DriveId is { Length: > 0 } shared ? ("drive", shared) : (null, null);
                    AddResourceKey(request, folder);
                    var page = await calls.RunAsync(request, cancellationToken);
                    if (page.IncompleteSearch == true)
                    {
                        throw new GoogleServiceException(drive.DisplayName, GoogleFailure.ServerError, "Google Drive could not list the whole folder.") { ResumeAfter = time.GetUtcNow().AddMinutes(15) };
                    }

                    children.AddRange(page.Files ?? []);
                    token = page.NextPageToken;
                }
                while (!string.IsNullOrEmpty(token));
                return children;
            }
            catch (GoogleServiceException stale) when (stale.Failure == GoogleFailure.InvalidPageToken && restart < 3)
            {
            }
        }
    }

    private Task<File> GetAsync(string id, string? resourceKey, CancellationToken cancellationToken)
    {
        var request = drive.Files.Get(id);
        AddResourceKey(request, new() { Id = id, ResourceKey = resourceKey });
        return calls.RunAsync(request, cancellationToken);
    }

    private static void AddResourceKey<T>(GoogleRequest<T> request, File file)
    {
        if (file.ResourceKey is { Length: > 0 } key)
        {
            request.ModifyRequest = message => message.Headers.TryAddWithoutValidation("X-Goog-Drive-Resource-Keys", $"{file.Id}/{key}");
        }
    }

    private File FileOf(string path) => _files.TryGetValue(path, out var file) ? file : throw new FileNotFoundException($"{path} is not in {Location}.", path);

    /// <summary>What changes with the bytes and only with them.</summary>
    private static string ContentOf(File file) => file.HeadRevisionId ?? file.Sha256Checksum ?? file.Md5Checksum ?? string.Create(CultureInfo.InvariantCulture, $"v{file.Version}");

    private async Task ReadAsync(File file, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (file.Capabilities?.CanDownload == false)
        {
            throw new InvalidDataException($"{file.Name}: downloading is switched off for viewers");
        }

        try
        {
            var total = await calls.RunAsync(
                drive.DisplayName,
                async token =>
                {
                    // What is asked for again is counted again, as Google does.
                    await (Budget?.TakeAsync(Math.Max(1, destination.Length / BudgetUnit), token) ?? ValueTask.CompletedTask);
                    using var watch = new TransferWatch(time, token);
                    return await drive.Files.ReadRangeAsync(file.Id!, file.ResourceKey, offset, destination, watch.Token);
                },
                cancellationToken,
                timeout: TimeSpan.FromMinutes(20));
            Interlocked.Add(ref _bytesRead, destination.Length);
            if (total != file.Size)
            {
                throw await ChangedAsync(file, cancellationToken);
            }
        }
        catch (GoogleServiceException failure) when (failure.Failure is GoogleFailure.NotFound or GoogleFailure.RangeNotSatisfiable)
        {
            throw await ChangedAsync(file, cancellationToken);
        }
        catch (GoogleServiceException refused) when (refused.Failure is GoogleFailure.AbusiveFile or GoogleFailure.AbuseNotAcknowledged
            or GoogleFailure.DownloadForbidden or GoogleFailure.FileNotShared or GoogleFailure.AppNotAuthorized)
        {
            // This file only: the others are read, and it is told as missing.
            throw new InvalidDataException($"Drive does not hand it out: {refused.Message}", refused);
        }
        catch (GoogleServiceException limited) when (limited.Failure == GoogleFailure.DownloadQuota)
        {
            throw new PartHeldException(limited.Message, limited);
        }
    }

    /// <summary>Asked at the end of a file, and where its bytes are not what they should be: a content that was replaced meanwhile is a mixture of two.</summary>
    private async Task VerifyAsync(File before, CancellationToken cancellationToken)
    {
        File now;
        try
        {
            now = await GetAsync(before.Id!, before.ResourceKey, cancellationToken);
        }
        catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.NotFound)
        {
            throw Gone(before);
        }

        if (now.Trashed == true || now.Size != before.Size || ContentOf(now) != ContentOf(before))
        {
            throw Changed(before, now);
        }
    }

    /// <summary>A file without checksums of its own, as a loose film is, has only Drive's to be proven by.</summary>
    private void Judge(File file, FileProof? proof, long length)
    {
        if (proof is null)
        {
            _remarks.Add($"Drive names no checksum of {file.Name}: it is kept, but not proven.");
        }
        else if (proof.Length == length && !proof.IsRight())
        {
            throw new InvalidDataException($"{file.Name} does not have the checksum that Drive names");
        }
    }

    private async Task<ArchiveChangedException> ChangedAsync(File before, CancellationToken cancellationToken)
    {
        try
        {
            return Changed(before, await GetAsync(before.Id!, before.ResourceKey, cancellationToken));
        }
        catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.NotFound)
        {
            return Gone(before);
        }
    }

    private static ArchiveChangedException Gone(File before) => new($"{before.Name} was deleted, put into the trash or unshared");

    private static ArchiveChangedException Changed(File before, File now) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{before.Name} was {(now.Trashed == true ? "put into the trash" : $"{before.Size} bytes of revision {ContentOf(before)} and became {now.Size} bytes of {ContentOf(now)}")}"));
}
