using System.Runtime.CompilerServices;
using Kloset.Snapshots;
using KlosetWorker.Catalog;
using KlosetWorker.Contract;

namespace KlosetWorker.Restoring;

/// <summary>Which entries of a snapshot are restored.</summary>
internal sealed class RestoreSelection(Snapshot snapshot, CatalogQuery query, Edition edition)
{
    private bool IsLibrary => snapshot.Header.Source.Type == SnapshotMarks.GooglePhotosType;

    /// <summary>Everything below a directory (or one file) that the selection wants, parents before children.</summary>
    /// <param name="withCatalog">Our own files below /.kloset, too; they are always there when the root lies in that folder.</param>
    public async IAsyncEnumerable<Entry> EntriesAsync(EntryPath root, bool withCatalog, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var top = await snapshot.FindAsync(root, cancellationToken);
        if (top is { Kind: not EntryKind.Directory })
        {
            yield return top;
            yield break;
        }

        var byItem = IsLibrary && (edition != Edition.Both || !(query.IsEmpty || query.IsPathsOnly));
        var wanted = byItem ? await WantedAsync(cancellationToken) : null;
        var hideOwn = IsLibrary && !withCatalog && !root.IsAtOrBelow(CatalogPaths.Root);

        // Folders come only when something below them does, unless all is wanted.
        var waiting = new List<Entry>();
        var all = query.IsEmpty;
        await foreach (var entry in snapshot.WalkAsync(root, cancellationToken))
        {
            if (hideOwn && entry.Path.IsAtOrBelow(CatalogPaths.Root))
            {
                continue;
            }

            if (entry.Kind == EntryKind.Directory && !all)
            {
                waiting.RemoveAll(folder => !entry.Path.IsAtOrBelow(folder.Path));
                waiting.Add(entry);
                continue;
            }

            if (entry.Kind != EntryKind.Directory && !IsWanted(entry, wanted))
            {
                continue;
            }

            foreach (var folder in waiting)
            {
                if (entry.Path.IsAtOrBelow(folder.Path))
                {
                    yield return folder;
                }
            }

            waiting.Clear();
            yield return entry;
        }
    }

    private bool IsWanted(Entry entry, Wanted? wanted)
    {
        var path = entry.Path.ToString();
        if (query.Paths.Count > 0 && !query.MatchesPath(path))
        {
            return false;
        }

        return wanted is null || (query.IsEmpty || query.IsPathsOnly ? !wanted.Left.Contains(path) : wanted.Taken.Contains(path));
    }

    /// <summary>Paths of what the query chose, and of what the edition leaves out.</summary>
    private async Task<Wanted> WantedAsync(CancellationToken cancellationToken)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var left = new HashSet<string>(StringComparer.Ordinal);
        var everything = query.IsEmpty || query.IsPathsOnly;
        var items = query with { Paths = [] };
        var folders = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var (item, _, _) in CatalogReader.ReadAsync(snapshot, items.WantsYear, cancellationToken))
        {
            if (!items.Matches(item))
            {
                continue;
            }

            var inAlbums = items.Albums.Count > 0
                ? (item.Albums ?? []).Where(album => items.MatchesAlbum(album.Folder)).Select(album => $"{CatalogPaths.Photos}/{album.Folder}/").ToArray()
                : null;
            bool InPlace(string path) => inAlbums is null || inAlbums.Any(folder => path.StartsWith(folder, StringComparison.Ordinal));
            var hasEdited = item.Files.Any(file => file.Role == "edited");
            foreach (var file in item.Files)
            {
                var leave = (edition == Edition.AsSeen && hasEdited && file.Role == "original")
                    || (edition == Edition.Originals && file.Role == "edited");
                foreach (var path in file.Paths.Where(InPlace))
                {
                    (leave ? left : everything ? null : taken)?.Add(path);
                }
            }

            if (!everything)
            {
                taken.UnionWith((item.Sidecars ?? []).SelectMany(sidecar => sidecar.Paths).Where(InPlace));
                folders.UnionWith(inAlbums ?? []);
            }
        }

        taken.UnionWith(folders.Select(folder => folder + "metadata.json"));
        return new(taken, left);
    }

    private sealed record Wanted(HashSet<string> Taken, HashSet<string> Left);
}
