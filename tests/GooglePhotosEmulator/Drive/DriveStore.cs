using System.Collections.Concurrent;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Media;

namespace GooglePhotosEmulator.Drive;

/// <param name="Removed">The file is gone for whoever asks.</param>
internal sealed record DriveChange(long Sequence, string FileId, DateTimeOffset Time, bool Removed);

/// <summary>Everybody's Drive: files by id, who owns them and who may read them.</summary>
public sealed class DriveStore
{
    private readonly TokenMint _mint;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, DriveFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DriveFile> _roots = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, List<DriveFile>> _children = new(StringComparer.Ordinal);
    private readonly List<DriveChange> _changes = [];
    private readonly ConcurrentDictionary<string, long> _owned = new(StringComparer.OrdinalIgnoreCase);

    internal DriveStore(TokenMint mint, TimeProvider time)
    {
        _mint = mint;
        _time = time;
    }

    /// <summary>A listing over all drives could not look everywhere.</summary>
    public bool IncompleteSearch { get; set; }

    /// <summary>How many page tokens were declared dead; each time all that are out die.</summary>
    internal int TokenGeneration { get; private set; }

    internal Lock Gate { get; } = new();

    /// <summary>Page tokens that were given out are refused from now on.</summary>
    public void KillPageTokens() => TokenGeneration++;

    /// <summary>My Drive of an account.</summary>
    public DriveFile Root(string email)
    {
        lock (Gate)
        {
            if (!_roots.TryGetValue(email, out var root))
            {
                root = new DriveFile("0A" + _mint.Opaque("root", email, 17), "My Drive", DriveFile.FolderType, email, null, _time.GetUtcNow());
                _files[root.Id] = root;
                _roots[email] = root;
            }

            return root;
        }
    }

    /// <summary>A drive of an organisation; its members are those it is shared with.</summary>
    public DriveFile AddSharedDrive(string name)
    {
        lock (Gate)
        {
            var id = "0A" + _mint.Opaque("drive", 17);
            var root = new DriveFile(id, name, DriveFile.FolderType, "", null, _time.GetUtcNow()) { DriveId = id };
            _files[id] = root;
            return root;
        }
    }

    public DriveFile AddFolder(DriveFile parent, string name) => Add(parent, name, DriveFile.FolderType, null, null);

    public DriveFile AddFile(DriveFile parent, string name, byte[] bytes, string mimeType = "application/zip") => Add(parent, name, mimeType, Content.Of(bytes), null);

    /// <summary>The bytes stay in the file and are read when they are asked for.</summary>
    public DriveFile AddFile(DriveFile parent, string path, string? name = null) =>
        Add(parent, name ?? Path.GetFileName(path), MimeTypeOf(path), Content.OfFile(path), null);

    public DriveFile AddShortcut(DriveFile parent, string name, string targetId) => Add(parent, name, DriveFile.ShortcutType, null, targetId);

    /// <summary>A Google Docs file: it has no bytes and no checksum.</summary>
    public DriveFile AddDocument(DriveFile parent, string name) => Add(parent, name, "application/vnd.google-apps.document", null, null);

    /// <summary>Puts the files of a folder where Takeout delivers: the folder <c>Takeout</c> at the top of My Drive.</summary>
    /// <returns>That folder.</returns>
    public DriveFile LoadTakeout(string email, string folder, string name = "Takeout")
    {
        var root = Root(email);
        DriveFile? target;
        lock (Gate)
        {
            target = ChildrenOf(root.Id).FirstOrDefault(child => child.IsFolder && child.Name == name && !child.Trashed);
        }

        target ??= AddFolder(root, name);
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            AddFile(target, path);
        }

        return target;
    }

    public void Share(DriveFile file, string email, DriveRole role = DriveRole.Reader) => Change(file, () => file.Granted[email] = role);

    public void Unshare(DriveFile file, string email) => Change(file, () => file.Granted.Remove(email));

    public void Rename(DriveFile file, string name) => Change(file, () => file.Name = name);

    public void Move(DriveFile file, DriveFile to) => Change(file, () =>
    {
        _children[file.ParentId!].Remove(file);
        file.ParentId = to.Id;
        ChildrenList(to.Id).Add(file);
    });

    /// <summary>What the person puts into the trash is gone for everybody else.</summary>
    public void Trash(DriveFile file, bool trashed = true) => Change(file, () => file.Trashed = trashed);

    public void Delete(DriveFile file)
    {
        lock (Gate)
        {
            _files.Remove(file.Id);
            _children[file.ParentId!].Remove(file);
            AddOwned(file, -file.Revisions.Sum(revision => revision.Content.Length));
            _changes.Add(new DriveChange(_changes.Count + 1, file.Id, _time.GetUtcNow(), true));
        }
    }

    /// <summary>New bytes under the same id: a new head revision.</summary>
    public void Replace(DriveFile file, byte[] bytes) => Change(file, () =>
    {
        AddRevision(file, Content.Of(bytes));
        file.Modified = _time.GetUtcNow();
    });

    /// <summary>Something invisible changed: only <c>version</c> grows.</summary>
    public void Touch(DriveFile file) => Change(file, () => { });

    internal long BytesOwnedBy(string email) => _owned.GetValueOrDefault(email);

    /// <summary>Needs the gate.</summary>
    internal long TrashedBytesOwnedBy(string email) =>
        _files.Values.Where(file => string.Equals(file.Owner, email, StringComparison.OrdinalIgnoreCase) && IsTrashed(file)).Sum(file => file.Size);

    /// <summary>Needs the gate.</summary>
    /// <summary>Everything of everybody, folders and what lies in the trash too.</summary>
    public IEnumerable<DriveFile> Files => _files.Values;

    /// <summary>Needs the gate.</summary>
    internal long LastChange => _changes.Count;

    /// <summary>Needs the gate.</summary>
    internal IEnumerable<DriveChange> ChangesAfter(long sequence) => _changes.Skip((int)sequence);

    /// <summary>Needs the gate.</summary>
    internal DriveFile? Find(string id) => _files.GetValueOrDefault(id);

    /// <summary>Needs the gate.</summary>
    internal IReadOnlyList<DriveFile> ChildrenOf(string id) => _children.TryGetValue(id, out var children) ? children : [];

    /// <summary>Needs the gate. Itself or a folder above it lies in the trash.</summary>
    internal bool IsTrashed(DriveFile file) => Ancestry(file).Any(one => one.Trashed);

    /// <summary>Needs the gate. What an account may do with a file; null when it does not see it.</summary>
    internal DriveRole? RoleOf(string email, DriveFile file)
    {
        if (file.Owner.Length > 0 && string.Equals(file.Owner, email, StringComparison.OrdinalIgnoreCase))
        {
            return DriveRole.Owner;
        }

        DriveRole? best = null;
        foreach (var one in Ancestry(file))
        {
            if (one.Trashed)
            {
                return null;
            }

            if (one.Granted.TryGetValue(email, out var role) && (best is null || role > best))
            {
                best = role;
            }
        }

        return best;
    }

    private IEnumerable<DriveFile> Ancestry(DriveFile file)
    {
        for (var one = file; one is not null; one = one.ParentId is { } parent ? _files.GetValueOrDefault(parent) : null)
        {
            yield return one;
        }
    }

    private DriveFile Add(DriveFile parent, string name, string mimeType, Content? content, string? target)
    {
        lock (Gate)
        {
            var file = new DriveFile("1" + _mint.Opaque("file", 32), name, mimeType, parent.DriveId is null ? parent.Owner : "", parent.Id, _time.GetUtcNow())
            {
                DriveId = parent.DriveId,
                ShortcutTarget = target,
            };
            _files[file.Id] = file;
            ChildrenList(parent.Id).Add(file);
            if (content is not null)
            {
                AddRevision(file, content);
            }

            Note(file);
            return file;
        }
    }

    private void AddRevision(DriveFile file, Content content)
    {
        file.Revisions.Add(new DriveRevision("0B" + _mint.Opaque("revision", 40), content, _time.GetUtcNow()));
        AddOwned(file, content.Length);
    }

    private void AddOwned(DriveFile file, long bytes) => _owned.AddOrUpdate(file.Owner, bytes, (_, before) => before + bytes);

    private void Change(DriveFile file, Action change)
    {
        lock (Gate)
        {
            change();
            Note(file);
        }
    }

    private void Note(DriveFile file)
    {
        file.Version++;
        _changes.Add(new DriveChange(_changes.Count + 1, file.Id, _time.GetUtcNow(), false));
    }

    private List<DriveFile> ChildrenList(string id)
    {
        if (!_children.TryGetValue(id, out var children))
        {
            _children[id] = children = [];
        }

        return children;
    }

    private static string MimeTypeOf(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".ZIP" => "application/zip",
        ".TGZ" or ".GZ" => "application/x-gzip",
        ".HTML" => "text/html",
        ".MP4" => "video/mp4",
        ".MOV" => "video/quicktime",
        ".JPG" or ".JPEG" => "image/jpeg",
        _ => "application/octet-stream",
    };
}
