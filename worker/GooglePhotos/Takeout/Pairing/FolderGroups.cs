using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>What belongs to one item, now that sidecars are found: by the sidecar that files share, else by name.</summary>
/// <param name="pictures">Pictures by stem, counter included.</param>
/// <param name="owners">By sidecar, the file that it is the original's of.</param>
internal sealed class FolderGroups(
    IReadOnlyList<IPairingFile> files, FileVerdict[] verdicts, IReadOnlyList<Medium> media, FolderSidecars sidecars,
    Lazy<Dictionary<string, List<Medium>>> pictures, IReadOnlyDictionary<int, Medium> owners)
{
    internal void Group()
    {
        foreach (Medium m in media)
        {
            m.Primary = m;
        }

        foreach (Medium m in media)
        {
            if (m.Sidecar >= 0 && m.Role != FileRole.Original)
            {
                m.Primary = owners.GetValueOrDefault(m.Sidecar, m);
            }
            else if (m.Sidecar < 0)
            {
                GroupByName(m);
            }
            else if (m.IsClip && m.Role == FileRole.Original)
            {
                GroupOwnSidecar(m);
            }
        }

        foreach (Medium m in media)
        {
            ref FileVerdict verdict = ref verdicts[m.Index];
            bool isMedia = m.Sidecar >= 0 || m.Kind != MediaKind.Unknown || m.Primary != m || files[m.Index].KnownMediaBytes;
            verdict.Kind = isMedia ? FileKind.Media : FileKind.Ignored;
            verdict.Sidecar = m.Sidecar;
            verdict.Rank = m.Rank;
            verdict.Reason = m.Sidecar < 0 ? (m.Ambiguous ? PairReason.Ambiguous : PairReason.NoSidecar) : m.Reason;
            verdict.Role = m.Role;
            verdict.Primary = m.Primary.Index;
            verdict.Unrecognised = isMedia && m.Kind == MediaKind.Unknown && m.Primary == m && !files[m.Index].KnownMediaBytes;
            if (m.Sidecar >= 0)
            {
                verdicts[m.Sidecar].Used = true;
            }
        }
    }

    /// <summary>Files without any sidecar still belong together by name: picture and clip of one stem, original and edited.</summary>
    private void GroupByName(Medium m)
    {
        if (m.IsClip)
        {
            foreach ((string stem, string counter) in m.PictureStems().SelectMany(names => names))
            {
                if (pictures.Value.TryGetValue(stem + counter, out List<Medium>? found))
                {
                    // With a sidecar of its own the picture would have lent it in step 5, unless that was ambiguous.
                    if (found.Count == 1 && found[0].Sidecar < 0)
                    {
                        m.Primary = found[0];
                        m.Role = m.RoleBeside(found[0].Name);
                    }

                    return;
                }
            }
        }

        if (EditedSuffixes.WholeAtEnd(m.Base) is { } suffix
            && pictures.Value.TryGetValue(m.Base[..^suffix.Length] + m.Counter, out List<Medium>? originals))
        {
            Medium? original = Medium.Single(originals, o => o.Extension == m.Extension) ?? (originals.Count == 1 ? originals[0] : null);
            if (original is not null && original != m)
            {
                m.Role = FileRole.Edited;
                if (original.Sidecar >= 0 && original.Role == FileRole.Original && !m.Ambiguous)
                {
                    m.Set(original.Sidecar, original.Rank == PairRank.Weak ? PairRank.Weak : PairRank.Derived, PairReason.Edited, FileRole.Edited);
                    m.Primary = original;
                }
                else if (original.Sidecar < 0)
                {
                    m.Primary = original;
                }
                else
                {
                    m.Role = FileRole.Original;
                }
            }
        }
    }

    /// <summary>A clip with a sidecar of its own is an item of its own, unless that sidecar is the picture's once more.</summary>
    private void GroupOwnSidecar(Medium m)
    {
        foreach ((string stem, string counter) in m.PictureStems().SelectMany(names => names))
        {
            if (pictures.Value.TryGetValue(stem + counter, out List<Medium>? found))
            {
                if (found.Count == 1 && found[0].Sidecar >= 0 && SameItem(sidecars.Sidecar(m.Sidecar), sidecars.Sidecar(found[0].Sidecar)))
                {
                    m.Primary = found[0];
                    m.Role = m.RoleBeside(found[0].Name);
                }

                return;
            }
        }
    }

    internal static bool SameItem(SidecarIdentity a, SidecarIdentity b) => !a.UrlKey.IsNull && !b.UrlKey.IsNull
        ? a.UrlKey.Equals(b.UrlKey)
        : a.Title == b.Title && a.TakenSeconds == b.TakenSeconds;
}
