using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>
/// Pairs the files of one folder, gathered from all parts. From each media name the sidecar names that Takeout would have made are
/// generated and looked up; titles only confirm. Each trial is done for the whole folder before the next begins, so that the order of
/// files never matters, and a claim that two files make on one sidecar is settled or dropped, never raced for.
/// </summary>
internal sealed class FolderPairing
{
    private readonly IReadOnlyList<IPairingFile> _files;
    private readonly FileVerdict[] _verdicts;
    private readonly List<Medium> _media = [];
    // key → sidecar; Twice when two names are one in NFC
    private readonly Dictionary<string, int> _sidecars = new(StringComparer.Ordinal);
    private readonly Lazy<Dictionary<string, List<int>>> _folded;
    private readonly Dictionary<string, List<CutSidecar>> _cut = new(StringComparer.Ordinal);
    private readonly Lazy<HashSet<string>> _names;
    private readonly Lazy<HashSet<string>> _bases;

    // stem, counter included → pictures
    private readonly Lazy<Dictionary<string, List<Medium>>> _pictures;
    private readonly List<string> _titleExtensions = [];
    private readonly Dictionary<(string Stem, string Extension), CutView?> _views = [];
    private long _comparisons;

    // Some seconds of work at most, whatever a folder holds.
    private const long MaxComparisons = 20_000_000;

    // sidecar → the media file that it is the original's of
    private readonly Dictionary<int, Medium> _owner = [];

    /// <param name="members">The folder's files: media candidates and sidecars; everything else stays out.</param>
    internal FolderPairing(IReadOnlyList<IPairingFile> files, FileVerdict[] verdicts, IEnumerable<int> members)
    {
        _files = files;
        _verdicts = verdicts;
        _folded = new(FoldAll);
        _pictures = new(PicturesByStem);
        _bases = new(() => new HashSet<string>(_media.Select(m => m.Base), StringComparer.Ordinal));
        _names = new(() => new HashSet<string>(_media.Select(m => m.Name), StringComparer.Ordinal));
        HashSet<string> extensions = new(StringComparer.Ordinal);
        foreach (int index in members)
        {
            IPairingFile file = files[index];
            if (file.Json is TakeoutJson.OfMedia { Sidecar: var sidecar })
            {
                string key = StripJson(TakeoutNames.Nfc(file.Name));
                if (!_sidecars.TryAdd(key, index))
                {
                    _sidecars[key] = Twice;
                }

                (string cutBase, string counter) = TakeoutNames.SplitCounter(key);
                if (cutBase.Length >= TakeoutNames.MaxSidecarStem - 1)
                {
                    Add(_cut, cutBase, new CutSidecar(index, TakeoutNames.CounterValue(counter)));
                }

                string extension = TitleExtension(TakeoutNames.Nfc(sidecar.Title), "");
                if (extension.Length > 0 && extensions.Add(extension))
                {
                    _titleExtensions.Add(extension);
                }
            }
            else
            {
                _media.Add(new Medium(index, TakeoutNames.Nfc(file.Name)));
            }
        }

        // Claims and ties must not depend on the order in which parts were read.
        _media.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        _titleExtensions.Sort(StringComparer.Ordinal);
    }

    internal void Run()
    {
        Claim(PairRank.Exact, PairReason.SameCounter, static (self, m) => m.Counter.Length == 0 ? -1 : self.ByCounter(m));
        Claim(PairRank.Exact, PairReason.SameName, static (self, m) => self.ByName(m));
        PairByTitleWhereCutsCollide();
        Claim(PairRank.Exact, PairReason.NameWithoutExtension, static (self, m) => self.WithoutExtension(m.Base, m.Stem, m.Counter, m.Extension.Length));
        Claim(PairRank.Weak, PairReason.OtherCaseOrExtension, static (self, m) => self.OtherCase(m));
        Claim(PairRank.Weak, PairReason.SidecarSuffixCutShort, static (self, m) => self.ShorterSuffix(m));

        foreach (Medium medium in _media)
        {
            if (medium.Sidecar < 0 && !Edited(medium) && !LiveOrMotion(medium))
            {
                CounterOfCutName(medium);
            }
        }

        foreach (Medium medium in _media)
        {
            if (medium.Sidecar < 0)
            {
                EditedCounter(medium);
            }
        }

        Group();
    }

    /// <summary>Takes back the weak pairs of one sidecar: something outside the folder claims the name exactly.</summary>
    internal static void Withdraw(FileVerdict[] verdicts, int media)
    {
        verdicts[media].Sidecar = -1;
        verdicts[media].Rank = PairRank.None;
        verdicts[media].Reason = PairReason.Ambiguous;
    }

    // ---- originals -------------------------------------------------------------------------------------------------------------

    private void Claim(PairRank rank, PairReason reason, Func<FolderPairing, Medium, int> find)
    {
        Dictionary<int, List<Medium>> claims = [];
        foreach (Medium medium in _media)
        {
            if (medium.Sidecar >= 0)
            {
                continue;
            }

            int sidecar = find(this, medium);
            if (sidecar >= 0 && !_owner.ContainsKey(sidecar))
            {
                Add(claims, sidecar, medium);
            }
        }

        foreach ((int sidecar, List<Medium> claimants) in claims)
        {
            Medium? winner = claimants.Count == 1 ? claimants[0] : Settle(sidecar, claimants);
            if (winner is null)
            {
                claimants.ForEach(c => c.Ambiguous = true);
            }
            else
            {
                Own(winner, sidecar, rank, reason);
            }
        }
    }

    private Medium? Settle(int sidecar, List<Medium> claimants)
    {
        // The very bytes of the name first (two files whose names are one in NFC), then the very extension of the title, then the picture:
        // the film beside it is its live part.
        string key = StripJson(_files[sidecar].Name);
        string extension = TitleExtension(TakeoutNames.Nfc(Title(sidecar)), "");
        return Single(claimants, c => key.StartsWith(_files[c.Index].Name, StringComparison.Ordinal))
            ?? (extension.Length > 0 ? Single(claimants, c => c.Extension == extension) : null)
            ?? Single(claimants, c => c.Kind is MediaKind.Image or MediaKind.Raw);
    }

    private static Medium? Single(List<Medium> media, Func<Medium, bool> which)
    {
        Medium? found = null;
        foreach (Medium medium in media)
        {
            if (which(medium))
            {
                if (found is not null)
                {
                    return null;
                }

                found = medium;
            }
        }

        return found;
    }

    private void Own(Medium medium, int sidecar, PairRank rank, PairReason reason)
    {
        _owner[sidecar] = medium;
        Set(medium, sidecar, rank, reason, FileRole.Original);
    }

    private static void Set(Medium medium, int sidecar, PairRank rank, PairReason reason, FileRole role)
    {
        medium.Sidecar = sidecar;
        medium.Rank = rank;
        medium.Reason = reason;
        medium.Role = role;
    }

    private int ByCounter(Medium m) => Find(m.Base + m.Extension, m.Counter, m.Base, m.Extension);

    private int ByName(Medium m) => Find(m.Name, "", m.Stem, m.Extension);

    /// <summary>The sidecar of a media name: new style before old, whole before cut.</summary>
    /// <param name="clean">The whole name without counter.</param>
    /// <param name="stem">The same without extension.</param>
    private int Find(string clean, string counter, string stem, string extension)
    {
        int limit = TakeoutNames.MaxMediaName - extension.Length;
        bool mustConfirm = stem.Length >= limit || clean.Length > TakeoutNames.MaxSidecarStem;
        if (mustConfirm && View(stem, extension) is { Collides: true })
        {
            return -1;
        }

        foreach (string key in Keys(clean, counter))
        {
            int sidecar = Lookup(key);
            if (sidecar < 0)
            {
                continue;
            }

            string title = TakeoutNames.Nfc(Title(sidecar));
            bool whole = key.Length - counter.Length >= clean.Length && (stem.Length < limit || clean.Length > LongestTakeoutName);
            if ((whole && !mustConfirm && title.Length <= TakeoutNames.MaxSidecarStem)
                || (whole && key.Length - counter.Length > Math.Max(clean.Length, TakeoutNames.MaxSidecarStem))
                || IsFullName(key, clean, counter)
                || Fits(title, stem, extension))
            {
                return sidecar;
            }
        }

        return -1;
    }

    /// <summary>
    /// The very name of the media file with the whole suffix, longer than Takeout would write it: our own trees name sidecars so, and
    /// nothing else can be meant.
    /// </summary>
    private static bool IsFullName(string key, string clean, string counter) => counter.Length == 0
        && key.Length > TakeoutNames.MaxSidecarStem && key.Length == clean.Length + TakeoutNames.SidecarSuffix.Length;

    // One more than the limit for a surrogate pair. Longer media names come from our own trees, which cut nothing Takeout would.
    private const int LongestTakeoutName = TakeoutNames.MaxMediaName + 1;

    private static IEnumerable<string> Keys(string clean, string counter)
    {
        string full = clean + TakeoutNames.SidecarSuffix;
        yield return full + counter;
        foreach (string cut in Cuts(full, TakeoutNames.MaxSidecarStem))
        {
            yield return cut + counter;
        }

        if (clean.Length <= TakeoutNames.MaxSidecarStem)
        {
            yield return clean + counter;
        }
        else
        {
            foreach (string cut in Cuts(clean, TakeoutNames.MaxSidecarStem))
            {
                yield return cut + counter;
            }

            yield return clean + counter;
        }
    }

    private static IEnumerable<string> Cuts(string text, int limit)
    {
        if (text.Length <= limit)
        {
            yield break;
        }

        int length = TakeoutNames.CutLength(text, limit);
        yield return text[..length];
        if (length > limit)
        {
            yield return text[..(limit - 1)];
        }
    }

    /// <summary>Step 3: the name without its extension, only for a title that has none.</summary>
    private int WithoutExtension(string stemBase, string stem, string counter, int extensionLength)
    {
        if (counter.Length > 0 && FindBare(stemBase, counter, extensionLength) is >= 0 and int counted)
        {
            return counted;
        }

        return FindBare(stem, "", extensionLength);
    }

    private int FindBare(string stem, string counter, int extensionLength)
    {
        if (stem.Length == 0)
        {
            return -1;
        }

        foreach (string key in Keys(stem, counter))
        {
            int sidecar = Lookup(key);
            if (sidecar >= 0)
            {
                string title = TakeoutNames.Nfc(Title(sidecar));
                if (TitleExtension(title, "").Length == 0 && FitsStem(title, stem, TakeoutNames.MaxMediaName - extensionLength))
                {
                    return sidecar;
                }
            }
        }

        return -1;
    }

    /// <summary>
    /// The sidecars whose cut names begin like this media name, and which of them its titles fit. Two long titles can share the 46 units
    /// of the sidecar's name and still differ within the 47 of the media's: then the counters of sidecars and media are counted apart,
    /// and only titles tell which is whose.
    /// </summary>
    private CutView? View(string stem, string extension)
    {
        if (stem.Length + extension.Length <= TakeoutNames.MaxSidecarStem)
        {
            return null;
        }

        if (_views.TryGetValue((stem, extension), out CutView? view))
        {
            return view;
        }

        foreach (string key in Cuts(stem + extension, TakeoutNames.MaxSidecarStem))
        {
            if (_cut.TryGetValue(key, out List<CutSidecar>? group))
            {
                return _views[(stem, extension)] = Compare(group, stem, extension);
            }
        }

        return _views[(stem, extension)] = null;
    }

    private CutView Compare(List<CutSidecar> group, string stem, string extension)
    {
        // Only a made-up folder has so many different long names with one beginning; there no pair is the answer.
        _comparisons += group.Count;
        if (_comparisons > MaxComparisons)
        {
            return new CutView(true, [], []);
        }

        (string bare, string counter) = TakeoutNames.SplitCounter(stem);
        int limit = TakeoutNames.MaxMediaName - extension.Length;
        bool isImage = MediaTypes.OfExtension(extension) is MediaKind.Image;
        bool collides = false;
        List<CutSidecar> fitting = [];
        List<CutSidecar> pictures = [];
        foreach (CutSidecar sidecar in group)
        {
            string title = TakeoutNames.Nfc(Title(sidecar.Index));
            if (Fits(title, stem, extension) && !IsOfAnotherName(title, stem, extension, limit))
            {
                fitting.Add(sidecar);
                continue;
            }

            collides |= counter.Length == 0 || !Fits(title, bare, extension);
            string own = TitleExtension(title, extension);
            if (isImage && !own.Equals(extension, StringComparison.OrdinalIgnoreCase)
                && MediaTypes.OfExtension(own) is MediaKind.Image or MediaKind.Raw && FitsStem(title.AsSpan(0, title.Length - own.Length), stem, limit))
            {
                pictures.Add(sidecar);
            }
        }

        fitting.Sort(static (a, b) => a.Counter.CompareTo(b.Counter));
        return new CutView(collides, fitting, pictures);
    }

    /// <summary>"_" stands for many characters; where the very name that the title makes lies there, too, that one is meant.</summary>
    private bool IsOfAnotherName(string title, string stem, string extension, int limit)
    {
        string clean = TakeoutNames.Clean(title);
        string own = TakeoutNames.Cut(clean[..^TitleExtension(clean, extension).Length], limit);
        return !stem.StartsWith(own, StringComparison.Ordinal) && _bases.Value.Contains(own);
    }

    /// <summary>
    /// Where titles share the cut name of their sidecars but not that of their media, counters were given in one of two ways, and the
    /// facts allow both: one for all of an item's names, so that sidecar and media have the same; or one for each name, so that they have
    /// the same order. Only what the numbers at hand allow in one way alone is paired.
    /// </summary>
    private void PairByTitleWhereCutsCollide()
    {
        foreach (IGrouping<(string Base, string Extension), Medium> siblings in _media
            .Where(m => View(m.Base, m.Extension) is { Collides: true }).GroupBy(m => (Fold(m.Base), Fold(m.Extension))))
        {
            // Two spellings of one name in other case share their counters.
            Dictionary<int, Medium> media = [];
            foreach (Medium medium in siblings)
            {
                if (!media.TryAdd(TakeoutNames.CounterValue(medium.Counter), medium))
                {
                    media.Clear();
                    break;
                }
            }

            Medium first = siblings.First();
            bool isOneSpelling = siblings.All(m => (m.Base, m.Extension) == (first.Base, first.Extension));

            // The clip of a picture beside it has the picture's number.
            int[] counters = [.. media.Values.Where(m => !IsClip(m) || !_pictures.Value.ContainsKey(m.Stem)).Select(m => TakeoutNames.CounterValue(m.Counter)).Order()];
            bool isRow = IsRow(counters) || IsRow([.. media.Keys.Order()]);
            bool isOnlyKind = _media.TrueForAll(m => !m.Base.Equals(first.Base, StringComparison.OrdinalIgnoreCase) || m.Extension.Equals(first.Extension, StringComparison.OrdinalIgnoreCase));
            Dictionary<int, int> sidecars = [];
            bool isWhole = true;
            foreach (CutSidecar sidecar in View(first.Base, first.Extension)!.Fitting)
            {
                // A title without extension may be that of a picture or of a film.
                bool says = isOnlyKind || TitleExtension(TakeoutNames.Nfc(Title(sidecar.Index)), first.Extension).Length > 0;
                isWhole &= says;
                if (says)
                {
                    sidecars[sidecar.Counter] = sidecar.Index;
                }
            }

            if (!isRow || (sidecars.Keys.All(media.ContainsKey) && sidecars.ContainsKey(0) == counters is [0, ..]))
            {
                foreach ((int counter, int sidecar) in sidecars)
                {
                    Give(media.GetValueOrDefault(counter), sidecar);
                }
            }
            else if (isRow && isOneSpelling && isWhole && sidecars.Count == media.Count && counters.Length == media.Count)
            {
                foreach ((int counter, int sidecar) in counters.Zip(sidecars.OrderBy(s => s.Key).Select(s => s.Value)))
                {
                    Give(media[counter], sidecar);
                }
            }
        }

        static bool IsRow(int[] counters) => counters.Length > 0 && counters[^1] == counters.Length - 1;

        void Give(Medium? medium, int sidecar)
        {
            if (medium is { Sidecar: < 0 } && !_owner.ContainsKey(sidecar) && Fits(TakeoutNames.Nfc(Title(sidecar)), medium.Base, medium.Extension))
            {
                Own(medium, sidecar, PairRank.Exact, PairReason.Title);
            }
        }
    }

    /// <summary>Step 7: the same name in other case, or jpg for jpeg.</summary>
    private int OtherCase(Medium m)
    {
        if (View(m.Base, m.Extension) is { Collides: true })
        {
            return -1;
        }

        int found = -1;
        foreach (string extension in Swaps(m.Extension))
        {
            foreach ((string stem, string counter) in m.Counter.Length > 0 ? [(m.Base, m.Counter), (m.Stem, "")] : new[] { (m.Stem, "") })
            {
                foreach (string key in Keys(stem + extension, counter))
                {
                    if (!_folded.Value.TryGetValue(Fold(key), out List<int>? candidates))
                    {
                        continue;
                    }

                    foreach (int candidate in candidates)
                    {
                        if (!_owner.ContainsKey(candidate) && candidate != found && FitsFolded(TakeoutNames.Nfc(Title(candidate)), stem, extension))
                        {
                            if (found >= 0)
                            {
                                m.Ambiguous = true;
                                return -1;
                            }

                            found = candidate;
                        }
                    }
                }

                if (found >= 0)
                {
                    return found;
                }
            }
        }

        return found;
    }

    /// <summary>A suffix cut earlier than the model says: taken only when the title names the file.</summary>
    private int ShorterSuffix(Medium m)
    {
        int found = -1;
        (string stem, string counter) = (m.Base, m.Counter);
        string clean = stem + m.Extension;
        for (int length = TakeoutNames.SidecarSuffix.Length - 1; length > 0; length--)
        {
            int sidecar = Lookup(string.Concat(clean, TakeoutNames.SidecarSuffix.AsSpan(0, length), counter));
            if (sidecar >= 0 && sidecar != found && !_owner.ContainsKey(sidecar) && Fits(TakeoutNames.Nfc(Title(sidecar)), stem, m.Extension))
            {
                if (found >= 0)
                {
                    return -1;
                }

                found = sidecar;
            }
        }

        return found;
    }

    // ---- files that share a sidecar ----------------------------------------------------------------------------------------------

    /// <summary>Step 4: the name without the suffix of an edited version, which may have been cut.</summary>
    private bool Edited(Medium m)
    {
        if (EditedSuffixes.WholeAtEnd(m.Base) is { } suffix)
        {
            string original = m.Base[..^suffix.Length];
            int sidecar = OfOriginal(m, original, m.Counter, whole: true);
            if (sidecar >= 0)
            {
                Set(m, sidecar, PairRank.Derived, PairReason.Edited, FileRole.Edited);
                return true;
            }
        }

        if (m.Base.Length >= TakeoutNames.MaxSidecarStem)
        {
            int found = -1;
            foreach (int cut in EditedSuffixes.CutAtEnd(m.Base))
            {
                string original = m.Base[..^cut];
                int sidecar = OfOriginal(m, original, m.Counter, whole: false);
                if (sidecar >= 0 && sidecar != found)
                {
                    if (found >= 0)
                    {
                        m.Ambiguous = true;
                        return false;
                    }

                    found = sidecar;
                }
            }

            if (found >= 0)
            {
                Set(m, found, PairRank.Derived, PairReason.EditedSuffixCut, FileRole.Edited);
                return true;
            }
        }

        return false;
    }

    /// <summary>The one sidecar of an original with this stem: its own extension first, then any other that a title in this folder has.</summary>
    private int OfOriginal(Medium m, string stem, string counter, bool whole)
    {
        int Trial(string extension)
        {
            int sidecar = Find(stem + extension, counter, stem, extension);
            return sidecar >= 0 && (whole || NamesExactly(Title(sidecar), stem)) ? sidecar : -1;
        }

        int same = Trial(m.Extension);
        if (same >= 0)
        {
            return same;
        }

        int bare = whole ? WithoutExtension(stem, stem + counter, counter, m.Extension.Length) : FindBare(stem, counter, m.Extension.Length);
        if (bare >= 0)
        {
            return bare;
        }

        // Beside X.JPG and X.HEIC, X-edited.jpg may be of either: an edited HEIC is written as jpg.
        bool film = m.Kind is MediaKind.Video or MediaKind.MotionClip;
        int found = -1;
        foreach (string extension in _titleExtensions)
        {
            if (!(MediaTypes.OfExtension(extension) is MediaKind.Image or MediaKind.Raw || (film && MediaTypes.OfExtension(extension) is MediaKind.Video)))
            {
                continue;
            }

            int sidecar = Trial(extension);
            if (sidecar >= 0 && sidecar != found)
            {
                if (found >= 0)
                {
                    m.Ambiguous = true;
                    return -1;
                }

                found = sidecar;
            }
        }

        return found;
    }

    /// <summary>Step 5: the clip of a live or motion photo has the sidecar of the picture with its stem.</summary>
    private bool LiveOrMotion(Medium m)
    {
        if (!IsClip(m))
        {
            return false;
        }

        // A sidecar of its own may be among those whose cut names collide, and nothing told which.
        if (View(m.Base, m.Extension) is { } view && view.Fitting.Any(s => !_owner.ContainsKey(s.Index) && TitleExtension(Title(s.Index), m.Extension).Length > 0))
        {
            m.Ambiguous = true;
            return false;
        }

        foreach ((string Stem, string Counter)[] names in ClipStems(m))
        {
            List<int> found = [.. names.SelectMany(name => SidecarsOfPicture(name.Stem, name.Counter, m)).Distinct()];
            if (found.Count > 1 && found.FindAll(s => IsOfPictureBeside(s, m)) is [var beside])
            {
                found = [beside];
            }

            if (found.Count > 1)
            {
                // IMG_1.HEIC and IMG_1.JPG, both described, and one clip: only its own clock can tell.
                found = found.FindAll(s => _files[m.Index].MediaTime is { } time && Sidecar(s).TakenAt is { } taken
                    && (taken - time).Duration() <= LoosePairing.SameTime);
                if (found.Count != 1)
                {
                    m.Ambiguous = true;
                    return false;
                }
            }

            if (found.Count == 1)
            {
                Set(m, found[0], PairRank.Derived, PairReason.LiveOrMotion, ClipRole(m, Title(found[0])));
                return true;
            }
        }

        // A title without extension: X.jpg took X.json, and X.mov beside it is its clip.
        int bare = m.Extension.Length == 0 ? -1 : WithoutExtension(m.Base, m.Stem, m.Counter, m.Extension.Length);
        if (bare >= 0 && _owner.TryGetValue(bare, out Medium? owner) && owner.Kind is MediaKind.Image && owner.Stem == m.Stem)
        {
            Set(m, bare, PairRank.Derived, PairReason.LiveOrMotion, ClipRole(m, owner.Name));
            return true;
        }

        return false;
    }

    private List<int> SidecarsOfPicture(string stem, string counter, Medium clip)
    {
        List<int> found = [];
        foreach (string extension in _titleExtensions)
        {
            if (MediaTypes.OfExtension(extension) is not (MediaKind.Image or MediaKind.Raw))
            {
                continue;
            }

            int sidecar = Find(stem + extension, counter, stem, extension);
            if (sidecar < 0 && stem.Length >= TakeoutNames.MaxSidecarStem && stem.Length <= LongestTakeoutName - clip.Extension.Length)
            {
                sidecar = FindCutPicture(stem, counter, clip.Extension);

                // Counters of cut names may count apart: where the picture lies there, its own pair decides.
                if (sidecar >= 0 && _pictures.Value.TryGetValue(stem + counter, out List<Medium>? pictures) && !pictures.Exists(p => p.Sidecar == sidecar))
                {
                    sidecar = -1;
                }
            }

            if (sidecar >= 0)
            {
                found.Add(sidecar);
            }
        }

        return found;
    }

    /// <summary>The sidecar's picture lies there, and is named as the clip is but for the extension.</summary>
    private bool IsOfPictureBeside(int sidecar, Medium clip) => _owner.TryGetValue(sidecar, out Medium? picture) && (picture.Stem == clip.Stem || picture.Stem == clip.Name);

    private int FindCutPicture(string stem, string counter, string extension)
    {
        foreach (string cut in Cuts(stem + extension, TakeoutNames.MaxSidecarStem))
        {
            int sidecar = Lookup(cut + counter);
            if (sidecar < 0)
            {
                continue;
            }

            string title = TakeoutNames.Nfc(Title(sidecar));
            string own = TitleExtension(title, "");
            if (MediaTypes.OfExtension(own) is MediaKind.Image or MediaKind.Raw
                && FitsStem(title.AsSpan(0, title.Length - own.Length), stem, TakeoutNames.MaxMediaName - extension.Length))
            {
                return sidecar;
            }
        }

        return -1;
    }

    private static bool IsClip(Medium m) => m.Kind is MediaKind.MotionClip || m.Extension.Length == 0
        || m.Extension.Equals(".mp4", StringComparison.OrdinalIgnoreCase) || m.Extension.Equals(".mov", StringComparison.OrdinalIgnoreCase);

    /// <summary>The names that a clip's picture may have, without extension; those of one array are as good as one another.</summary>
    private static IEnumerable<(string Stem, string Counter)[]> ClipStems(Medium m)
    {
        if (m.Kind is MediaKind.MotionClip || m.Extension.Length == 0)
        {
            (string whole, string counter) = TakeoutNames.SplitCounter(m.Name);
            List<(string, string)> names = [(m.Name, "")];
            if (counter.Length > 0)
            {
                names.Add((whole, counter));
            }

            // X(1).MP beside X.MP(1).jpg has its counter where the picture's name has it, too
            if (m.Counter.Length > 0 && m.Extension.Length > 0)
            {
                names.Add((m.Base + m.Extension, m.Counter));
            }

            yield return [.. names];
            if (m.Extension.Length == 0)
            {
                yield break;
            }
        }

        yield return m.Counter.Length > 0 ? [(m.Base, m.Counter), (m.Stem, "")] : [(m.Stem, "")];
    }

    private static FileRole ClipRole(Medium m, string picture) =>
        m.Kind is MediaKind.MotionClip || m.Extension.Length == 0 || picture.StartsWith("MVIMG", StringComparison.OrdinalIgnoreCase)
            ? FileRole.MotionVideo
            : FileRole.LiveVideo;

    /// <summary>
    /// Step 6: a stem that fills its limit left no room for "-edited", so the edited version collided with its original and got a counter
    /// that no sidecar has; or, where original and edited version have extensions of different length, it has no counter at all.
    /// </summary>
    private void CounterOfCutName(Medium m)
    {
        if (m.Base.Length < TakeoutNames.MaxMediaName - m.Extension.Length || View(m.Base, m.Extension) is not { } view)
        {
            return;
        }

        // Another format's edited version is written as this one, so a sidecar of another format that fits is as good.
        CutSidecar[] fitting = [.. view.Fitting, .. view.Pictures];
        bool hasOwn = m.Counter.Length > 0
            ? Cuts(m.Base + m.Extension, TakeoutNames.MaxSidecarStem).Any(cut => _sidecars.ContainsKey(cut + m.Counter))
            : view.Fitting.Count > 0;
        if (fitting.Length > 1 || (hasOwn && fitting.Length > 0))
        {
            m.Ambiguous = true;
        }
        else if (fitting is [{ Counter: 0 } only])
        {
            Set(m, only.Index, PairRank.Derived, PairReason.CounterOfCutName, FileRole.Edited);
        }
    }

    /// <summary>Step 8: an edited version with a counter that nothing else has. Tools disagree, so everything must speak for it.</summary>
    private void EditedCounter(Medium m)
    {
        if (m.Counter.Length == 0 || EditedSuffixes.WholeAtEnd(m.Base) is not { } suffix || m.Ambiguous)
        {
            return;
        }

        string original = m.Base[..^suffix.Length];
        if (_names.Value.Contains(original + m.Counter + m.Extension) || _names.Value.Contains(m.Base + m.Extension))
        {
            return;
        }

        int sidecar = OfOriginal(m, original, "", whole: true);
        if (sidecar >= 0)
        {
            Set(m, sidecar, PairRank.Weak, PairReason.EditedCounter, FileRole.Edited);
        }
    }

    // ---- groups ------------------------------------------------------------------------------------------------------------------

    private void Group()
    {
        foreach (Medium m in _media)
        {
            m.Primary = m;
        }

        foreach (Medium m in _media)
        {
            if (m.Sidecar >= 0 && m.Role != FileRole.Original)
            {
                m.Primary = _owner.GetValueOrDefault(m.Sidecar, m);
            }
            else if (m.Sidecar < 0)
            {
                GroupByName(m, _pictures.Value);
            }
            else if (IsClip(m) && m.Role == FileRole.Original)
            {
                GroupOwnSidecar(m, _pictures.Value);
            }
        }

        foreach (Medium m in _media)
        {
            ref FileVerdict verdict = ref _verdicts[m.Index];
            bool media = m.Sidecar >= 0 || m.Kind != MediaKind.Unknown || m.Primary != m || _files[m.Index].KnownMediaBytes;
            verdict.Kind = media ? FileKind.Media : FileKind.Ignored;
            verdict.Sidecar = m.Sidecar;
            verdict.Rank = m.Rank;
            verdict.Reason = m.Sidecar < 0 ? (m.Ambiguous ? PairReason.Ambiguous : PairReason.NoSidecar) : m.Reason;
            verdict.Role = m.Role;
            verdict.Primary = m.Primary.Index;
            verdict.Unrecognised = media && m.Kind == MediaKind.Unknown && m.Primary == m && !_files[m.Index].KnownMediaBytes;
            if (m.Sidecar >= 0)
            {
                _verdicts[m.Sidecar].Used = true;
            }
        }
    }

    /// <summary>Files without any sidecar still belong together by name: picture and clip of one stem, original and edited.</summary>
    private static void GroupByName(Medium m, Dictionary<string, List<Medium>> pictures)
    {
        if (IsClip(m))
        {
            foreach ((string stem, string counter) in ClipStems(m).SelectMany(names => names))
            {
                if (pictures.TryGetValue(stem + counter, out List<Medium>? found))
                {
                    // With a sidecar of its own the picture would have lent it in step 5, unless that was ambiguous.
                    if (found.Count == 1 && found[0].Sidecar < 0)
                    {
                        m.Primary = found[0];
                        m.Role = ClipRole(m, found[0].Name);
                    }

                    return;
                }
            }
        }

        if (EditedSuffixes.WholeAtEnd(m.Base) is { } suffix
            && pictures.TryGetValue(m.Base[..^suffix.Length] + m.Counter, out List<Medium>? originals))
        {
            Medium? original = Single(originals, o => o.Extension == m.Extension) ?? (originals.Count == 1 ? originals[0] : null);
            if (original is not null && original != m)
            {
                m.Role = FileRole.Edited;
                if (original.Sidecar >= 0 && original.Role == FileRole.Original && !m.Ambiguous)
                {
                    Set(m, original.Sidecar, original.Rank == PairRank.Weak ? PairRank.Weak : PairRank.Derived, PairReason.Edited, FileRole.Edited);
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
    private void GroupOwnSidecar(Medium m, Dictionary<string, List<Medium>> pictures)
    {
        foreach ((string stem, string counter) in ClipStems(m).SelectMany(names => names))
        {
            if (pictures.TryGetValue(stem + counter, out List<Medium>? found))
            {
                if (found.Count == 1 && found[0].Sidecar >= 0 && SameItem(Sidecar(m.Sidecar), Sidecar(found[0].Sidecar)))
                {
                    m.Primary = found[0];
                    m.Role = ClipRole(m, found[0].Name);
                }

                return;
            }
        }
    }

    internal static bool SameItem(SidecarIdentity a, SidecarIdentity b) => !a.UrlKey.IsNull && !b.UrlKey.IsNull
        ? a.UrlKey.Equals(b.UrlKey)
        : a.Title == b.Title && a.TakenSeconds == b.TakenSeconds;

    // ---- names and titles --------------------------------------------------------------------------------------------------------

    /// <summary>Whether a title makes this media name: stem (cut or not) and extension.</summary>
    internal static bool Fits(string title, string stem, string extension)
    {
        string own = TitleExtension(title, extension);
        return (own.Length == 0 || own.Equals(extension, StringComparison.OrdinalIgnoreCase))
            && FitsStem(title.AsSpan(0, title.Length - own.Length), stem, TakeoutNames.MaxMediaName - extension.Length);
    }

    private static bool FitsFolded(string title, string stem, string extension)
    {
        string own = TitleExtension(title, extension);
        return (own.Length == 0 || Array.Exists(Swaps(extension), s => s.Equals(own, StringComparison.OrdinalIgnoreCase)))
            && FitsStem(Fold(title[..^own.Length]), Fold(stem), TakeoutNames.MaxMediaName - extension.Length);
    }

    private static bool FitsStem(ReadOnlySpan<char> titleStem, string stem, int limit)
    {
        if (TakeoutNames.SameText(stem, titleStem))
        {
            return true;
        }

        return stem.Length >= limit - 1 && titleStem.Length > stem.Length
            && (stem.Length == limit || stem.Length == limit + 1 || char.IsSurrogate(titleStem[stem.Length]))
            && TakeoutNames.SameText(stem, titleStem[..stem.Length]);
    }

    private static bool NamesExactly(string title, string stem)
    {
        title = TakeoutNames.Nfc(title);
        return TakeoutNames.SameText(stem, title.AsSpan(0, title.Length - TitleExtension(title, "").Length));
    }

    /// <summary>The extension in a title: the one expected, or one that we know; "" otherwise ("St. Moritz" has none).</summary>
    internal static string TitleExtension(string title, string expected)
    {
        int dot = title.LastIndexOf('.');
        if (dot < 0)
        {
            return "";
        }

        string extension = title[dot..];
        return (expected.Length > 0 && extension.Equals(expected, StringComparison.OrdinalIgnoreCase))
            || MediaTypes.OfExtension(extension) != MediaKind.Unknown
                ? extension
                : "";
    }

    private static string[] Swaps(string extension) => extension.ToUpperInvariant() switch
    {
        ".JPG" or ".JPEG" or ".JPE" => [extension, ".jpg", ".jpeg"],
        ".TIF" or ".TIFF" => [extension, ".tif", ".tiff"],
        _ => [extension],
    };

    private static string Fold(string text) => text.ToUpperInvariant();

    internal static string StripJson(string name) => name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? name[..^5] : name;

    private SidecarIdentity Sidecar(int index) => ((TakeoutJson.OfMedia)_files[index].Json!).Sidecar;

    private string Title(int index) => Sidecar(index).Title;

    private const int Twice = -2;

    private int Lookup(string key) => _sidecars.TryGetValue(key, out int found) && found >= 0 ? found : -1;

    private Dictionary<string, List<Medium>> PicturesByStem()
    {
        Dictionary<string, List<Medium>> byStem = new(StringComparer.Ordinal);
        foreach (Medium medium in _media)
        {
            if (medium.Kind is MediaKind.Image or MediaKind.Raw)
            {
                Add(byStem, medium.Stem, medium);
            }
        }

        return byStem;
    }

    /// <summary>Most folders are done before anyone asks for other case.</summary>
    private Dictionary<string, List<int>> FoldAll()
    {
        Dictionary<string, List<int>> folded = new(_sidecars.Count, StringComparer.Ordinal);
        foreach ((string key, int sidecar) in _sidecars)
        {
            if (sidecar >= 0)
            {
                Add(folded, Fold(key), sidecar);
            }
        }

        return folded;
    }

    private static void Add<TKey, T>(Dictionary<TKey, List<T>> index, TKey key, T value)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out List<T>? list))
        {
            index[key] = list = new List<T>(1);
        }

        list.Add(value);
    }

    private readonly record struct CutSidecar(int Index, int Counter);

    /// <param name="Collides">Some sidecar of the same cut name belongs to another media name.</param>
    /// <param name="Fitting">Those whose title makes this media name, by counter.</param>
    /// <param name="Pictures">Those whose title makes this stem, as a picture of another extension.</param>
    private sealed record CutView(bool Collides, IReadOnlyList<CutSidecar> Fitting, IReadOnlyList<CutSidecar> Pictures);

    private sealed class Medium
    {
        internal Medium(int index, string name)
        {
            Index = index;
            Name = name;
            (Stem, Extension) = TakeoutNames.Split(name);
            (Base, Counter) = TakeoutNames.SplitCounter(Stem);
            Kind = MediaTypes.OfExtension(Extension);
        }

        internal int Index { get; }

        internal string Name { get; }

        internal string Stem { get; }

        internal string Extension { get; }

        internal string Base { get; }

        internal string Counter { get; }

        internal MediaKind Kind { get; }

        internal int Sidecar { get; set; } = -1;

        internal PairRank Rank { get; set; }

        internal PairReason Reason { get; set; }

        internal FileRole Role { get; set; }

        internal bool Ambiguous { get; set; }

        internal Medium Primary { get; set; } = null!;
    }
}
