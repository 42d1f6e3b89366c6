using System.Text.Json;
using Kloset;
using Kloset.Copying;
using Kloset.Repositories;
using Kloset.Snapshots;

namespace KlosetWorker.Catalog;

/// <summary>Catalogs name objects by identifier, and these are other ones under another key: a copied catalog names the copies.</summary>
internal sealed class CatalogTranslation(string cacheFolder) : IDerivedContents
{
    public bool IsDerived(EntryPath path) => path.Parent == CatalogPaths.Folder && CatalogPaths.YearOf(path.Name) is not null;

    public async Task<Stream> RewriteAsync(EntryPath path, Stream content, IObjectTranslation objects, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(cacheFolder);
        var file = new FileStream(
            Path.Combine(cacheFolder, "kloset-year-" + Path.GetRandomFileName()), System.IO.FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 << 10, FileOptions.DeleteOnClose);
        try
        {
            using var lines = new StreamReader(content);
            while (await lines.ReadLineAsync(cancellationToken) is { } line)
            {
                if (line.Length == 0)
                {
                    continue;
                }

                var item = JsonSerializer.Deserialize(line, CatalogJson.Readable.CatalogItem)
                    ?? throw new RepositoryException(RepositoryFailure.Damaged, $"The catalog {path} has a line that is no item.");
                var files = new List<CatalogFile>(item.Files.Count);
                foreach (var held in item.Files)
                {
                    files.Add(held with { Object = await TranslateAsync(held.Object, held.Paths, objects, cancellationToken) });
                }

                List<CatalogSidecar>? sidecars = item.Sidecars is null ? null : [];
                foreach (var held in item.Sidecars ?? [])
                {
                    sidecars!.Add(held with { Object = await TranslateAsync(held.Object, held.Paths, objects, cancellationToken) });
                }

                await JsonSerializer.SerializeAsync(file, item with { Files = files, Sidecars = sidecars }, CatalogJson.Readable.CatalogItem, cancellationToken);
                file.WriteByte((byte)'\n');
            }

            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>What is nowhere keeps its name: it cannot be found under it, and is then read again.</summary>
    private static async ValueTask<string> TranslateAsync(string id, IReadOnlyList<string> paths, IObjectTranslation objects, CancellationToken cancellationToken)
    {
        if (!Mac.TryParse(id, out var source))
        {
            return id;
        }

        foreach (var path in paths)
        {
            if (await objects.FindAsync(source, EntryPath.Parse(path), cancellationToken) is { } found)
            {
                return found.ToString();
            }
        }

        return id;
    }
}
