using System.IO.Hashing;
using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using GooglePhotos.Takeout.Library;
using GooglePhotos.Takeout.Pairing;

namespace GooglePhotos.Takeout.Inspection;

/// <summary>Says what lies at a location, without writing anything.</summary>
public static class TakeoutInspector
{
    /// <param name="onSet">Told each export before it is read, for progress.</param>
    public static async Task<InspectReport> InspectAsync(
        ITakeoutStorage storage, TimeProvider time, Action<TakeoutSet>? onSet = null, ArchiveLimits? limits = null, CancellationToken ct = default)
    {
        TakeoutListing listing = await TakeoutListing.ReadAsync(storage, ct);
        Builder report = new(storage, listing);
        SetHistory history = SetHistory.Empty;
        foreach (TakeoutSet set in listing.Sets)
        {
            onSet?.Invoke(set);
            TakeoutExport export = await TakeoutExport.OpenAsync(storage, set, limits, ct);
            await export.ReadMetadataAsync(ct);
            if (storage.SeeksAreCheap)
            {
                await export.SniffAsync(ct);
            }

            TakeoutLibrary library = export.Resolve();
            SetClass kind = SetClassifier.Classify(SetFacts.Of(set, library), history);
            history = history.With(set, library, kind.Class);
            await report.AddAsync(export, library, kind, SetCompleteness.Judge(export, time.GetUtcNow()), ct);
        }

        return report.Finish();
    }

    /// <summary>Files of unknown bytes that are named; further ones are counted.</summary>
    private const int MaxUnrecognised = 10_000;

    private sealed class Builder(ITakeoutStorage storage, TakeoutListing listing)
    {
        private readonly Dictionary<string, string?> _pairs = new(StringComparer.Ordinal);
        private readonly Dictionary<string, InspectReason> _reasons = new(StringComparer.Ordinal);
        private readonly Dictionary<(PairRank, PairReason), InspectReason> _words = [];
        private readonly List<InspectGroup> _groups = [];
        private readonly List<InspectStack> _stacks = [];
        private readonly List<string> _unpairedJson = [];
        private readonly List<string> _unpairedMedia = [];
        private readonly List<string> _ignored = [];
        private readonly List<InspectAlbum> _albums = [];
        private readonly List<IReadOnlyList<string>> _duplicates = [];
        private readonly List<InspectSet> _sets = [];
        private readonly List<InspectWarning> _warnings = [.. listing.Findings.Select(Warning)];
        private readonly HashSet<string> _urls = new(StringComparer.Ordinal);
        private readonly int[] _ranks = new int[4];
        private int _logical;
        private int _files;
        private int _unrecognised;
        private int _sidecars;
        private long _mediaBytes;

        internal async Task AddAsync(TakeoutExport export, TakeoutLibrary library, SetClass kind, SetCompleteness completeness, CancellationToken ct)
        {
            string[] names = [.. export.Entries.Select(e => Name(export.Set, e))];
            HashSet<string> own = new(StringComparer.Ordinal);
            for (int i = 0; i < names.Length; i++)
            {
                FileVerdict verdict = library.Pairing.Verdicts[i];
                TakeoutEntry entry = export.Entries[i];
                _files++;
                switch (verdict.Kind)
                {
                    case FileKind.Media when own.Add(names[i]):
                        if (_pairs.ContainsKey(names[i]))
                        {
                            names[i] = export.Set.Name + "!" + names[i];
                        }

                        _pairs[names[i]] = null;
                        _mediaBytes += entry.Size;
                        if (entry.HeadRead && entry.MimeType is null && !entry.Damaged && ++_unrecognised <= MaxUnrecognised)
                        {
                            _warnings.Add(new InspectWarning(Camel(nameof(FindingKind.UnknownMedia)), entry.Part.Path, names[i],
                                $"{names[i]} has the name of a picture or film, but its bytes are of no known kind; a backup keeps it."));
                        }

                        break;
                    case FileKind.Sidecar:
                        _sidecars++;
                        if (!verdict.Used)
                        {
                            _unpairedJson.Add(names[i]);
                        }

                        break;
                    case FileKind.Ignored:
                        _ignored.Add(names[i]);
                        break;
                }
            }

            for (int i = 0; i < names.Length; i++)
            {
                FileVerdict verdict = library.Pairing.Verdicts[i];
                if (verdict.Kind != FileKind.Media)
                {
                    continue;
                }

                _pairs[names[i]] = verdict.Sidecar < 0 ? null : names[verdict.Sidecar];
                _reasons[names[i]] = Reason(verdict.Rank, verdict.Reason);
                _ranks[(int)verdict.Rank]++;
                if (verdict.Sidecar < 0)
                {
                    _unpairedMedia.Add(names[i]);
                }
            }

            AddGroups(library, names);
            int items = await CountItemsAsync(export, library, names, ct);
            foreach (TakeoutAlbum album in library.Albums)
            {
                _albums.Add(new InspectAlbum(EntryNames.Display(Prefix(export.Set, album.MetadataEntry < 0 ? null : export.Entries[album.MetadataEntry]) + album.Folder),
                    album.MetadataEntry < 0 ? null : names[album.MetadataEntry], album.Title, album.Items.Count));
            }

            foreach (TakeoutFinding finding in export.Findings.Concat(completeness.Findings))
            {
                _warnings.Add(Warning(finding));
            }

            if (export.FindingsDropped > 0)
            {
                _warnings.Add(new InspectWarning(Camel(nameof(FindingKind.ReaderLimit)), null, null, $"{export.FindingsDropped} further findings of {export.Set.Name} are not listed."));
            }

            Dictionary<TakeoutPart, int> perPart = export.Entries.GroupBy(e => e.Part).ToDictionary(g => g.Key, g => g.Count());
            _sets.Add(new InspectSet(
                export.Set.Name, export.Set.Timestamp, Camel(kind.Class.ToString()), kind.Reason, Camel(completeness.State.ToString()), completeness.Reason,
                export.Set.MissingNumbers, [.. completeness.MissingFiles.Select(EntryNames.Display)], export.Index?.AccountEmail, items, export.Entries.Sum(e => e.Size),
                [.. export.Set.Parts.Select(p => new InspectPart(EntryNames.Display(p.Path), Camel(p.Format.ToString()), p.Number, p.IsIndex, p.Size, perPart.GetValueOrDefault(p)))]));
        }

        internal InspectReport Finish()
        {
            if (_unrecognised > MaxUnrecognised)
            {
                _warnings.Add(new InspectWarning(Camel(nameof(FindingKind.UnknownMedia)), null, null, $"{_unrecognised - MaxUnrecognised} further pictures or films whose bytes are of no known kind are not named."));
            }

            _unpairedJson.Sort(StringComparer.Ordinal);
            _unpairedMedia.Sort(StringComparer.Ordinal);
            _ignored.AddRange(listing.Others.Select(f => EntryNames.Display(f.Path)));
            _ignored.Sort(StringComparer.Ordinal);
            return new InspectReport
            {
                Location = storage.Location,
                Digest = listing.Digest,
                Sets = _sets,
                Counts = new InspectCounts(_sets.Count, _sets.Sum(s => s.Parts.Count), _files, _pairs.Count, _sidecars, _logical, _pairs.Count - _unpairedMedia.Count,
                    _ranks[(int)PairRank.Exact], _ranks[(int)PairRank.Derived], _ranks[(int)PairRank.Weak], _albums.Count, _sets.Sum(s => s.Bytes), _mediaBytes),
                Pairs = _pairs,
                Reasons = _reasons,
                Groups = _groups,
                Stacks = _stacks,
                UnpairedJson = _unpairedJson,
                UnpairedMedia = _unpairedMedia,
                Ignored = _ignored,
                Albums = _albums,
                Duplicates = _duplicates,
                LogicalItems = _logical,
                Warnings = _warnings,
            };
        }

        private InspectReason Reason(PairRank rank, PairReason reason)
        {
            if (!_words.TryGetValue((rank, reason), out InspectReason? words))
            {
                _words[(rank, reason)] = words = new InspectReason(Camel(rank.ToString()), Camel(reason.ToString()));
            }

            return words;
        }

        private void AddGroups(TakeoutLibrary library, string[] names)
        {
            Dictionary<string, List<InspectMember>> groups = new(StringComparer.Ordinal);
            for (int i = 0; i < names.Length; i++)
            {
                FileVerdict verdict = library.Pairing.Verdicts[i];
                if (verdict.Kind == FileKind.Media && verdict.Primary != i)
                {
                    if (!groups.TryGetValue(names[verdict.Primary], out List<InspectMember>? members))
                    {
                        groups[names[verdict.Primary]] = members = [];
                    }

                    InspectMember member = new(names[i], verdict.Role switch
                    {
                        FileRole.Edited => "edited",
                        FileRole.LiveVideo => "live-video",
                        FileRole.MotionVideo => "motion-video",
                        _ => "original",
                    });
                    if (!members.Contains(member))
                    {
                        members.Add(member);
                    }
                }
            }

            _groups.AddRange(groups.OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => new InspectGroup(g.Key, [.. g.Value.OrderBy(m => m.Path, StringComparer.Ordinal)])));
            _stacks.AddRange(library.Pairing.Stacks.Select(s => new InspectStack(s.Kind == StackKind.Burst ? "burst" : "raw-and-jpeg", [.. s.Files.Select(f => names[f])])));
        }

        /// <summary>
        /// Items, with copies told by content where no url tells: Google holds the same bytes only once. The checksum where the archive has
        /// one, else the bytes of files of one size.
        /// </summary>
        private async Task<int> CountItemsAsync(TakeoutExport export, TakeoutLibrary library, string[] names, CancellationToken ct)
        {
            int items = 0;
            Dictionary<(long Size, uint? Crc), List<TakeoutItem>> anonymous = [];
            foreach (TakeoutItem item in library.Items)
            {
                foreach (TakeoutItemFile file in item.Files.Where(f => f.Entries.Count > 1))
                {
                    string[] copies = [.. file.Entries.Select(e => names[e]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
                    if (copies.Length > 1)
                    {
                        _duplicates.Add(copies);
                    }
                }

                if (item.Url is { } url)
                {
                    items++;
                    _logical += _urls.Add(url) ? 1 : 0;
                    continue;
                }

                items++;
                _logical++;
                TakeoutEntry main = export.Entries[item.Files[0].Entries[0]];
                if (!anonymous.TryGetValue((main.Size, main.Crc32), out List<TakeoutItem>? alike))
                {
                    anonymous[(main.Size, main.Crc32)] = alike = [];
                }

                alike.Add(item);
            }

            foreach (((_, uint? crc), List<TakeoutItem> alike) in anonymous.Where(a => a.Value.Count > 1 && (a.Key.Crc is not null || storage.SeeksAreCheap)))
            {
                IEnumerable<IGrouping<UInt128, TakeoutItem>> contents = crc is { } known
                    ? alike.GroupBy(_ => (UInt128)known)
                    : (await HashAsync(export, alike, ct)).GroupBy(x => x.Hash, x => x.Item);
                foreach (IGrouping<UInt128, TakeoutItem> same in contents.Where(g => g.Count() > 1))
                {
                    items -= same.Count() - 1;
                    _logical -= same.Count() - 1;
                    _duplicates.Add([.. same.Select(i => names[i.Files[0].Entries[0]]).Order(StringComparer.Ordinal)]);
                }
            }

            return items;
        }

        private async Task<List<(TakeoutItem Item, UInt128 Hash)>> HashAsync(TakeoutExport export, List<TakeoutItem> items, CancellationToken ct)
        {
            List<(TakeoutItem, UInt128)> hashes = [];
            foreach (TakeoutItem item in items)
            {
                TakeoutEntry entry = export.Entries[item.Files[0].Entries[0]];
                StoredFile? file = entry.Part.Files.FirstOrDefault(f => f.Path == export.Set.Prefix + entry.Path || f.Path == entry.Path);
                if (file is not null)
                {
                    XxHash128 hash = new();
                    await using Stream stream = await storage.OpenReadAsync(file, ct);
                    await hash.AppendAsync(stream, ct);
                    hashes.Add((item, hash.GetCurrentHashAsUInt128()));
                }
            }

            return hashes;
        }

        private static string Name(TakeoutSet set, TakeoutEntry entry) => EntryNames.Display(
            entry.Part.Format == PartFormat.Loose ? entry.Part.Path
            : entry.Part.Format == PartFormat.Folder ? set.Prefix + entry.Path
            : entry.Folder == "." ? entry.Name : entry.Path);

        private static string Prefix(TakeoutSet set, TakeoutEntry? entry) =>
            (entry?.Part.Format ?? set.Parts[0].Format) == PartFormat.Folder ? set.Prefix : "";

        private static InspectWarning Warning(TakeoutFinding finding) => new(Camel(finding.Kind.ToString()), finding.Part is { } part ? EntryNames.Display(part) : null,
            finding.Path is { } path ? EntryNames.Display(path) : null, finding.Message);

        private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];
    }
}
