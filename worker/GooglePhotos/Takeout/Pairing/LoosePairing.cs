using System.Text.RegularExpressions;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>
/// Files too big for one part lie bare beside the parts, named <c>stem-NNN.ext</c> after the part number they take, without any folder.
/// Their sidecar is in some folder of the set and has no media there. The title must confirm, and two items that fit are none.
/// </summary>
internal sealed partial class LoosePairing(
    IReadOnlyList<IPairingFile> files, FileVerdict[] verdicts, IReadOnlyDictionary<string, int> yearFolders, IReadOnlySet<int> zipNumbers)
{
    // The camera's clock and Google's reading of it agree to the second; two minutes allow for the length of a recording's header.
    internal static readonly TimeSpan SameTime = TimeSpan.FromMinutes(2);

    internal void Run(IReadOnlyList<int> loose, IEnumerable<int> sidecars, IReadOnlyDictionary<(string, string), List<int>> mediaByFoldedName)
    {
        Dictionary<string, List<(int File, string Stem, string Extension)>> wanted = new(StringComparer.Ordinal);
        foreach (int index in loose)
        {
            foreach ((string stem, string extension) in Variants(TakeoutNames.Nfc(files[index].Name)))
            {
                (string bare, string counter) = TakeoutNames.SplitCounter(stem);
                if (counter.Length > 0)
                {
                    Want(wanted, index, bare, extension, counter);
                }

                Want(wanted, index, stem, extension, "");
            }
        }

        Dictionary<int, List<int>> hits = [];
        HashSet<int> contested = [];
        foreach (int sidecar in sidecars)
        {
            IPairingFile file = files[sidecar];
            if (file.Json is not TakeoutJson.OfMedia { Sidecar: var facts }
                || !wanted.TryGetValue(TakeoutNames.StripJson(TakeoutNames.Nfc(file.Name)), out var wishes))
            {
                continue;
            }

            foreach ((int index, string stem, string extension) in wishes)
            {
                if (!TitleMatch.Fits(TakeoutNames.Nfc(facts.Title), stem, extension))
                {
                    continue;
                }

                if (mediaByFoldedName.TryGetValue((file.Folder, (stem + extension).ToUpperInvariant()), out List<int>? neighbours)
                    && neighbours.Exists(n => TakeoutNames.Nfc(files[n].Name) != stem + extension
                        && (verdicts[n].Sidecar < 0 || verdicts[n].Rank == PairRank.Weak)))
                {
                    // IMG_2063.mov inside and IMG_2063.MOV outside, one sidecar: its name alone says nothing about either.
                    neighbours.Where(n => verdicts[n].Sidecar == sidecar && verdicts[n].Rank == PairRank.Weak).ToList()
                        .ForEach(n => FolderPairing.Withdraw(verdicts, n));
                    verdicts[sidecar].Used = false;
                    contested.Add(sidecar);
                }
                else if (verdicts[sidecar].Used)
                {
                    continue;
                }

                if (!hits.TryGetValue(index, out List<int>? list))
                {
                    hits[index] = list = [];
                }

                if (!list.Contains(sidecar) && list.Count < MaxHits)
                {
                    list.Add(sidecar);
                }
            }
        }

        Decide(hits, contested);
    }

    // More folders than this with a free sidecar of one name are never one item.
    private const int MaxHits = 64;

    private void Decide(Dictionary<int, List<int>> hits, HashSet<int> contested)
    {
        Dictionary<int, List<(int File, List<int> Sidecars, PairReason Reason)>> claims = [];
        foreach ((int index, List<int> list) in hits)
        {
            List<List<int>> items = [];
            foreach (int sidecar in list.OrderBy(s => yearFolders.ContainsKey(files[s].Folder) ? 0 : 1).ThenBy(s => files[s].Path, StringComparer.Ordinal))
            {
                List<int>? item = items.Find(i => FolderGroups.SameItem(Sidecar(i[0]), Sidecar(sidecar)));
                if (item is null)
                {
                    items.Add([sidecar]);
                }
                else
                {
                    item.Add(sidecar);
                }
            }

            bool byName = items.Count == 1 && !items[0].Exists(contested.Contains);
            List<int>? chosen = byName ? items[0] : ByTime(index, items);
            if (chosen is null)
            {
                verdicts[index].Reason = PairReason.Ambiguous;
                continue;
            }

            if (!claims.TryGetValue(chosen[0], out var claimants))
            {
                claims[chosen[0]] = claimants = [];
            }

            claimants.Add((index, chosen, byName ? PairReason.Loose : PairReason.LooseByTime));
        }

        foreach (var claimants in claims.Values)
        {
            // The same film loose twice (year folder and album) is one item; two different films cannot both be it.
            if (claimants.Exists(c => files[c.File].Size != files[claimants[0].File].Size))
            {
                claimants.ForEach(c => verdicts[c.File].Reason = PairReason.Ambiguous);
                continue;
            }

            claimants.Sort((a, b) => (files[a.File].PartNumber ?? int.MaxValue, files[a.File].Name).CompareTo((files[b.File].PartNumber ?? int.MaxValue, files[b.File].Name)));
            for (int i = 0; i < claimants.Count; i++)
            {
                (int file, List<int> sidecars, PairReason reason) = claimants[i];
                int sidecar = sidecars[i < sidecars.Count ? i : 0];
                verdicts[file].Sidecar = sidecar;
                verdicts[file].Rank = PairRank.Derived;
                verdicts[file].Reason = reason;
                verdicts[sidecar].Used = true;
            }
        }
    }

    private List<int>? ByTime(int index, List<List<int>> items)
    {
        if (files[index].MediaTime is not { } time)
        {
            return null;
        }

        List<List<int>> near = items.FindAll(i => Sidecar(i[0]).TakenAt is { } taken && (taken - time).Duration() <= SameTime);
        return near.Count == 1 ? near[0] : null;
    }

    /// <summary>The names that the file may have in its folder: without its part number, or as it is.</summary>
    private IEnumerable<(string Stem, string Extension)> Variants(string name)
    {
        (string stem, string extension) = TakeoutNames.Split(name);
        Match numbered = PartNumber().Match(stem);
        if (numbered.Success && int.TryParse(numbered.Groups[2].ValueSpan, out int number) && !zipNumbers.Contains(number))
        {
            yield return (numbered.Groups[1].Value, extension);
        }
        else if (stem.Length >= TakeoutNames.MaxMediaName - extension.Length && CutPartNumber().Match(stem) is { Success: true } cut)
        {
            yield return (cut.Groups[1].Value, extension);
        }

        yield return (stem, extension);
    }

    private static void Want(
        Dictionary<string, List<(int, string, string)>> wanted, int file, string stem, string extension, string counter)
    {
        string clean = stem + extension;
        string full = clean + TakeoutNames.SidecarSuffix;
        foreach (string key in new HashSet<string>(StringComparer.Ordinal)
        {
            full + counter,
            TakeoutNames.Cut(full, TakeoutNames.MaxSidecarStem) + counter,
            clean + counter,
            TakeoutNames.Cut(clean, TakeoutNames.MaxSidecarStem) + counter,
            stem + counter,
            TakeoutNames.Cut(stem + TakeoutNames.SidecarSuffix, TakeoutNames.MaxSidecarStem) + counter,
        })
        {
            if (!wanted.TryGetValue(key, out var list))
            {
                wanted[key] = list = [];
            }

            list.Add((file, stem, extension));
        }
    }

    private SidecarIdentity Sidecar(int index) => ((TakeoutJson.OfMedia)files[index].Json!).Sidecar;

    [GeneratedRegex(@"^(.+)-(\d{3,9})$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex PartNumber();

    [GeneratedRegex(@"^(.+)-\d{0,2}$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex CutPartNumber();
}
