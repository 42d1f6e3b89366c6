using Kloset.Snapshots;

namespace KlosetWorker.Catalog;

/// <summary>How the items of a folder use the part of a name before its extension.</summary>
internal enum StemUse
{
    Free,

    /// <summary>Items of one file each have it; others of one file may, too (RAW and JPEG of one shot).</summary>
    Shared,

    /// <summary>An item of several files has it: only its stem leads from an edited version or a clip back to the item.</summary>
    Owned,
}

/// <summary>What names the folders of the tree have already, judged NFC and without case.</summary>
internal interface IFolderNames
{
    bool IsTaken(EntryPath folder, string name);

    StemUse UseOf(EntryPath folder, string stem);
}

/// <summary>A file of an item that is not its main one.</summary>
/// <param name="EntryName">Name in the archive.</param>
internal sealed record ItemRelative(string Role, string EntryName);

/// <summary>
/// The names of an item's files within one folder. Edited versions and clips have no sidecar of their own and are found again through the
/// stem that they share with the main file, so the name of the main file is chosen when the first file of the item comes, whichever that
/// is; the sidecar carries it until the main file is there.
/// </summary>
internal static class ItemNames
{
    /// <summary>The main file's name in a folder where something of the item lies already; else null.</summary>
    public static string? MainIn(CatalogItem item, EntryPath folder)
    {
        var prefix = folder + "/";
        foreach (var path in (item.Sidecars ?? []).SelectMany(sidecar => sidecar.Paths))
        {
            if (path.StartsWith(prefix, StringComparison.Ordinal) && path.EndsWith(TreeNames.SidecarSuffix, StringComparison.Ordinal))
            {
                return path[prefix.Length..^TreeNames.SidecarSuffix.Length];
            }
        }

        foreach (var file in item.Files)
        {
            if (file.Paths.FirstOrDefault(path => path.StartsWith(prefix, StringComparison.Ordinal)) is { } path)
            {
                return WithoutRole(path[prefix.Length..], file.Role);
            }
        }

        return null;
    }

    /// <summary>A name for the main file under which the whole family finds room, with the smallest counter that gives it.</summary>
    /// <param name="preferred">The name that it has elsewhere; taken when it is free here.</param>
    /// <param name="whole">The name without any counter.</param>
    /// <param name="isLonely">A clip that nothing describes: it would be taken for the clip of any picture with its stem.</param>
    public static string Choose(
        EntryPath folder, string? preferred, string whole, IReadOnlyList<ItemRelative> family, bool isLonely, IFolderNames names)
    {
        bool Fits(string main)
        {
            var use = names.UseOf(folder, StemOf(main));
            return (family.Count > 0 || isLonely ? use == StemUse.Free : use != StemUse.Owned)
                && !names.IsTaken(folder, main)
                && !names.IsTaken(folder, TreeNames.SidecarOf(main))
                && family.All(relative => !names.IsTaken(folder, TreeNames.OfMedia(main, relative.EntryName, relative.Role)));
        }

        if (preferred is not null && Fits(preferred))
        {
            return preferred;
        }

        for (var counter = 0; ; counter++)
        {
            var candidate = TreeNames.WithCounter(whole, counter);
            if (Fits(candidate))
            {
                return candidate;
            }
        }
    }

    /// <summary>The first name of this form that nothing has.</summary>
    public static string Free(EntryPath folder, string name, IFolderNames names)
    {
        for (var counter = 0; ; counter++)
        {
            var candidate = TreeNames.WithCounter(name, counter);
            if (!names.IsTaken(folder, candidate))
            {
                return candidate;
            }
        }
    }

    /// <summary>The stems that an item uses, folder by folder, and whether no other item may.</summary>
    public static IEnumerable<(EntryPath Folder, string Stem, bool Owned)> StemsOf(CatalogItem item)
    {
        var owned = item.Files.Any(file => file.Role != CatalogRoles.Original) || (item.Sidecars is null && IsClip(EntryPath.Parse(item.Files[0].Paths[0]).Name));
        var folders = new HashSet<EntryPath>();
        foreach (var path in item.Files.SelectMany(file => file.Paths))
        {
            var place = EntryPath.Parse(path);
            if (folders.Add(place.Parent) && MainIn(item, place.Parent) is { } main)
            {
                yield return (place.Parent, StemOf(main), owned);
            }
        }
    }

    /// <summary>Whether a file of this name is taken for a clip when a picture of its stem lies beside it.</summary>
    public static bool IsClip(string name) => Path.GetExtension(name).ToUpperInvariant() is ".MP4" or ".MOV" or ".MP" or ".MV" or "";

    public static string StemOf(string name) => name[..^Path.GetExtension(name).Length];

    private static string WithoutRole(string name, string role)
    {
        const string Edited = "-edited";
        var extension = Path.GetExtension(name);
        var stem = name[..^extension.Length];
        return role == CatalogRoles.Edited && stem.EndsWith(Edited, StringComparison.Ordinal) ? stem[..^Edited.Length] + extension : name;
    }
}
