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
    private readonly FolderSidecars _sidecars;
    private readonly Lazy<HashSet<string>> _names;

    // stem, counter included → pictures
    private readonly Lazy<Dictionary<string, List<Medium>>> _pictures;

    // sidecar → the media file that it is the original's of
    private readonly Dictionary<int, Medium> _owner = [];

    /// <param name="members">The folder's files: media candidates and sidecars; everything else stays out.</param>
    internal FolderPairing(IReadOnlyList<IPairingFile> files, FileVerdict[] verdicts, IEnumerable<int> members)
    {
        _files = files;
        _verdicts = verdicts;
        Lazy<HashSet<string>> bases = new(() => new HashSet<string>(_media.Select(m => m.Base), StringComparer.Ordinal));
        _sidecars = new(files, stem => bases.Value.Contains(stem));
        _pictures = new(PicturesByStem);
        _names = new(() => new HashSet<string>(_media.Select(m => m.Name), StringComparer.Ordinal));
        foreach (int index in members)
        {
            if (files[index].Json is TakeoutJson.OfMedia { Sidecar: var sidecar })
            {
                _sidecars.Add(index, sidecar);
            }
            else
            {
                _media.Add(new Medium(index, TakeoutNames.Nfc(files[index].Name)));
            }
        }

        // Claims and ties must not depend on the order in which parts were read.
        _media.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
    }

    internal void Run()
    {
        Claim(PairRank.Exact, PairReason.SameCounter, static (self, m) => m.Counter.Length == 0 ? -1 : self.ByCounter(m));
        Claim(PairRank.Exact, PairReason.SameName, static (self, m) => self.ByName(m));
        PairByTitleWhereCutsCollide();
        Claim(PairRank.Exact, PairReason.NameWithoutExtension, static (self, m) => self._sidecars.WithoutExtension(m.Base, m.Stem, m.Counter, m.Extension.Length));
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

        new FolderGroups(_files, _verdicts, _media, _sidecars, _pictures, _owner).Group();
    }

    /// <summary>Takes back the weak pairs of one sidecar: something outside the folder claims the name exactly.</summary>
    internal static void Withdraw(FileVerdict[] verdicts, int media)
    {
        verdicts[media].Sidecar = -1;
        verdicts[media].Rank = PairRank.None;
        verdicts[media].Reason = PairReason.Ambiguous;
    }

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
                FolderSidecars.Add(claims, sidecar, medium);
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
        string key = TakeoutNames.StripJson(_files[sidecar].Name);
        string extension = TitleMatch.Extension(TakeoutNames.Nfc(_sidecars.Title(sidecar)), "");
        return Medium.Single(claimants, c => key.StartsWith(_files[c.Index].Name, StringComparison.Ordinal))
            ?? (extension.Length > 0 ? Medium.Single(claimants, c => c.Extension == extension) : null)
            ?? Medium.Single(claimants, c => c.Kind is MediaKind.Image or MediaKind.Raw);
    }

    private void Own(Medium medium, int sidecar, PairRank rank, PairReason reason)
    {
        _owner[sidecar] = medium;
        medium.Set(sidecar, rank, reason, FileRole.Original);
    }

    private int ByCounter(Medium m) => _sidecars.Find(m.Base + m.Extension, m.Counter, m.Base, m.Extension);

    private int ByName(Medium m) => _sidecars.Find(m.Name, "", m.Stem, m.Extension);

    /// <summary>
    /// Where titles share the cut name of their sidecars but not that of their media, counters were given in one of two ways, and the
    /// facts allow both: one for all of an item's names, so that sidecar and media have the same; or one for each name, so that they have
    /// the same order. Only what the numbers at hand allow in one way alone is paired.
    /// </summary>
    private void PairByTitleWhereCutsCollide()
    {
        foreach (IGrouping<(string Base, string Extension), Medium> siblings in _media
            .Where(m => _sidecars.View(m.Base, m.Extension) is { Collides: true }).GroupBy(m => (TitleMatch.Fold(m.Base), TitleMatch.Fold(m.Extension))))
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
            int[] counters = [.. media.Values.Where(m => !m.IsClip || !_pictures.Value.ContainsKey(m.Stem)).Select(m => TakeoutNames.CounterValue(m.Counter)).Order()];
            bool isRow = IsRow(counters) || IsRow([.. media.Keys.Order()]);
            bool isOnlyKind = _media.TrueForAll(m => !m.Base.Equals(first.Base, StringComparison.OrdinalIgnoreCase) || m.Extension.Equals(first.Extension, StringComparison.OrdinalIgnoreCase));
            Dictionary<int, int> sidecars = [];
            bool isWhole = true;
            foreach (CutSidecar sidecar in _sidecars.View(first.Base, first.Extension)!.Fitting)
            {
                // A title without extension may be that of a picture or of a film.
                bool says = isOnlyKind || TitleMatch.Extension(TakeoutNames.Nfc(_sidecars.Title(sidecar.Index)), first.Extension).Length > 0;
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
            if (medium is { Sidecar: < 0 } && !_owner.ContainsKey(sidecar) && TitleMatch.Fits(TakeoutNames.Nfc(_sidecars.Title(sidecar)), medium.Base, medium.Extension))
            {
                Own(medium, sidecar, PairRank.Exact, PairReason.Title);
            }
        }
    }

    /// <summary>Step 7: the same name in other case, or jpg for jpeg.</summary>
    private int OtherCase(Medium m)
    {
        if (_sidecars.View(m.Base, m.Extension) is { Collides: true })
        {
            return -1;
        }

        int found = -1;
        foreach (string extension in TitleMatch.Swaps(m.Extension))
        {
            foreach ((string stem, string counter) in m.Counter.Length > 0 ? [(m.Base, m.Counter), (m.Stem, "")] : new[] { (m.Stem, "") })
            {
                foreach (string key in FolderSidecars.Keys(stem + extension, counter))
                {
                    foreach (int candidate in _sidecars.Folded(key))
                    {
                        if (!_owner.ContainsKey(candidate) && candidate != found && TitleMatch.FitsFolded(TakeoutNames.Nfc(_sidecars.Title(candidate)), stem, extension))
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
            int sidecar = _sidecars.Lookup(string.Concat(clean, TakeoutNames.SidecarSuffix.AsSpan(0, length), counter));
            if (sidecar >= 0 && sidecar != found && !_owner.ContainsKey(sidecar) && TitleMatch.Fits(TakeoutNames.Nfc(_sidecars.Title(sidecar)), stem, m.Extension))
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

    /// <summary>Step 4: the name without the suffix of an edited version, which may have been cut.</summary>
    private bool Edited(Medium m)
    {
        if (EditedSuffixes.WholeAtEnd(m.Base) is { } suffix)
        {
            string original = m.Base[..^suffix.Length];
            int sidecar = OfOriginal(m, original, m.Counter, whole: true);
            if (sidecar >= 0)
            {
                m.Set(sidecar, PairRank.Derived, PairReason.Edited, FileRole.Edited);
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
                m.Set(found, PairRank.Derived, PairReason.EditedSuffixCut, FileRole.Edited);
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
            int sidecar = _sidecars.Find(stem + extension, counter, stem, extension);
            return sidecar >= 0 && (whole || TitleMatch.NamesExactly(_sidecars.Title(sidecar), stem)) ? sidecar : -1;
        }

        int same = Trial(m.Extension);
        if (same >= 0)
        {
            return same;
        }

        int bare = whole ? _sidecars.WithoutExtension(stem, stem + counter, counter, m.Extension.Length) : _sidecars.FindBare(stem, counter, m.Extension.Length);
        if (bare >= 0)
        {
            return bare;
        }

        // Beside X.JPG and X.HEIC, X-edited.jpg may be of either: an edited HEIC is written as jpg.
        bool film = m.Kind is MediaKind.Video or MediaKind.MotionClip;
        int found = -1;
        foreach (string extension in _sidecars.TitleExtensions)
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
        if (!m.IsClip)
        {
            return false;
        }

        // A sidecar of its own may be among those whose cut names collide, and nothing told which.
        if (_sidecars.View(m.Base, m.Extension) is { } view && view.Fitting.Any(s => !_owner.ContainsKey(s.Index) && TitleMatch.Extension(_sidecars.Title(s.Index), m.Extension).Length > 0))
        {
            m.Ambiguous = true;
            return false;
        }

        foreach ((string Stem, string Counter)[] names in m.PictureStems())
        {
            List<int> found = [.. names.SelectMany(name => SidecarsOfPicture(name.Stem, name.Counter, m)).Distinct()];
            if (found.Count > 1 && found.FindAll(s => IsOfPictureBeside(s, m)) is [var beside])
            {
                found = [beside];
            }

            if (found.Count > 1)
            {
                // IMG_1.HEIC and IMG_1.JPG, both described, and one clip: only its own clock can tell.
                found = found.FindAll(s => _files[m.Index].MediaTime is { } time && _sidecars.Sidecar(s).TakenAt is { } taken
                    && (taken - time).Duration() <= LoosePairing.SameTime);
                if (found.Count != 1)
                {
                    m.Ambiguous = true;
                    return false;
                }
            }

            if (found.Count == 1)
            {
                m.Set(found[0], PairRank.Derived, PairReason.LiveOrMotion, m.RoleBeside(_sidecars.Title(found[0])));
                return true;
            }
        }

        // A title without extension: X.jpg took X.json, and X.mov beside it is its clip.
        int bare = m.Extension.Length == 0 ? -1 : _sidecars.WithoutExtension(m.Base, m.Stem, m.Counter, m.Extension.Length);
        if (bare >= 0 && _owner.TryGetValue(bare, out Medium? owner) && owner.Kind is MediaKind.Image && owner.Stem == m.Stem)
        {
            m.Set(bare, PairRank.Derived, PairReason.LiveOrMotion, m.RoleBeside(owner.Name));
            return true;
        }

        return false;
    }

    private List<int> SidecarsOfPicture(string stem, string counter, Medium clip)
    {
        List<int> found = [];
        foreach (string extension in _sidecars.TitleExtensions)
        {
            if (MediaTypes.OfExtension(extension) is not (MediaKind.Image or MediaKind.Raw))
            {
                continue;
            }

            int sidecar = _sidecars.Find(stem + extension, counter, stem, extension);
            if (sidecar < 0 && stem.Length >= TakeoutNames.MaxSidecarStem && stem.Length <= FolderSidecars.LongestTakeoutName - clip.Extension.Length)
            {
                sidecar = _sidecars.FindCutPicture(stem, counter, clip.Extension);

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

    /// <summary>
    /// Step 6: a stem that fills its limit left no room for "-edited", so the edited version collided with its original and got a counter
    /// that no sidecar has; or, where original and edited version have extensions of different length, it has no counter at all.
    /// </summary>
    private void CounterOfCutName(Medium m)
    {
        if (m.Base.Length < TakeoutNames.MaxMediaName - m.Extension.Length || _sidecars.View(m.Base, m.Extension) is not { } view)
        {
            return;
        }

        // Another format's edited version is written as this one, so a sidecar of another format that fits is as good.
        CutSidecar[] fitting = [.. view.Fitting, .. view.Pictures];
        bool hasOwn = m.Counter.Length > 0
            ? _sidecars.HasCut(m.Base + m.Extension, m.Counter)
            : view.Fitting.Count > 0;
        if (fitting.Length > 1 || (hasOwn && fitting.Length > 0))
        {
            m.Ambiguous = true;
        }
        else if (fitting is [{ Counter: 0 } only])
        {
            m.Set(only.Index, PairRank.Derived, PairReason.CounterOfCutName, FileRole.Edited);
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
            m.Set(sidecar, PairRank.Weak, PairReason.EditedCounter, FileRole.Edited);
        }
    }

    private Dictionary<string, List<Medium>> PicturesByStem()
    {
        Dictionary<string, List<Medium>> byStem = new(StringComparer.Ordinal);
        foreach (Medium medium in _media)
        {
            if (medium.Kind is MediaKind.Image or MediaKind.Raw)
            {
                FolderSidecars.Add(byStem, medium.Stem, medium);
            }
        }

        return byStem;
    }
}
