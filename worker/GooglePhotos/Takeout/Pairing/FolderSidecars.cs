using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Takeout.Pairing;

/// <summary>The sidecars of one folder, found by the names that Takeout would have given them.</summary>
/// <param name="hasMediaOf">Whether the folder has a media file of this stem, whatever its counter.</param>
internal sealed class FolderSidecars(IReadOnlyList<IPairingFile> files, Func<string, bool> hasMediaOf)
{
    // One more than the limit for a surrogate pair. Longer media names come from our own trees, which cut nothing Takeout would.
    internal const int LongestTakeoutName = TakeoutNames.MaxMediaName + 1;

    // Some seconds of work at most, whatever a folder holds.
    private const long MaxComparisons = 20_000_000;
    private const int Twice = -2;

    // key → sidecar; Twice when two names are one in NFC
    private readonly Dictionary<string, int> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<CutSidecar>> _cut = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Stem, string Extension), CutView?> _views = [];
    private readonly SortedSet<string> _titleExtensions = new(StringComparer.Ordinal);
    private Dictionary<string, List<int>>? _folded;
    private long _comparisons;

    /// <summary>Extensions that titles of the folder have.</summary>
    internal IEnumerable<string> TitleExtensions => _titleExtensions;

    internal void Add(int index, SidecarIdentity sidecar)
    {
        string key = TakeoutNames.StripJson(TakeoutNames.Nfc(files[index].Name));
        if (!_byKey.TryAdd(key, index))
        {
            _byKey[key] = Twice;
        }

        (string cutBase, string counter) = TakeoutNames.SplitCounter(key);
        if (cutBase.Length >= TakeoutNames.MaxSidecarStem - 1)
        {
            Add(_cut, cutBase, new CutSidecar(index, TakeoutNames.CounterValue(counter)));
        }

        string extension = TitleMatch.Extension(TakeoutNames.Nfc(sidecar.Title), "");
        if (extension.Length > 0)
        {
            _titleExtensions.Add(extension);
        }
    }

    /// <summary>Whether a sidecar has the cut name of this medium and its counter, whatever its title.</summary>
    internal bool HasCut(string clean, string counter) => Cuts(clean, TakeoutNames.MaxSidecarStem).Any(cut => _byKey.ContainsKey(cut + counter));

    /// <summary>The sidecars of a key in any case.</summary>
    internal IReadOnlyList<int> Folded(string key) => (_folded ??= FoldAll()).GetValueOrDefault(TitleMatch.Fold(key)) ?? [];

    /// <summary>The sidecar of a media name: new style before old, whole before cut.</summary>
    /// <param name="clean">The whole name without counter.</param>
    /// <param name="stem">The same without extension.</param>
    internal int Find(string clean, string counter, string stem, string extension)
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
                || TitleMatch.Fits(title, stem, extension))
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

    /// <summary>Step 3: the name without its extension, only for a title that has none.</summary>
    internal int WithoutExtension(string stemBase, string stem, string counter, int extensionLength)
    {
        if (counter.Length > 0 && FindBare(stemBase, counter, extensionLength) is >= 0 and int counted)
        {
            return counted;
        }

        return FindBare(stem, "", extensionLength);
    }

    internal int FindBare(string stem, string counter, int extensionLength)
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
                if (TitleMatch.Extension(title, "").Length == 0 && TitleMatch.FitsStem(title, stem, TakeoutNames.MaxMediaName - extensionLength))
                {
                    return sidecar;
                }
            }
        }

        return -1;
    }

    internal int FindCutPicture(string stem, string counter, string extension)
    {
        foreach (string cut in Cuts(stem + extension, TakeoutNames.MaxSidecarStem))
        {
            int sidecar = Lookup(cut + counter);
            if (sidecar < 0)
            {
                continue;
            }

            string title = TakeoutNames.Nfc(Title(sidecar));
            string own = TitleMatch.Extension(title, "");
            if (MediaTypes.OfExtension(own) is MediaKind.Image or MediaKind.Raw
                && TitleMatch.FitsStem(title.AsSpan(0, title.Length - own.Length), stem, TakeoutNames.MaxMediaName - extension.Length))
            {
                return sidecar;
            }
        }

        return -1;
    }

    /// <summary>
    /// The sidecars whose cut names begin like this media name, and which of them its titles fit. Two long titles can share the 46 units
    /// of the sidecar's name and still differ within the 47 of the media's: then the counters of sidecars and media are counted apart,
    /// and only titles tell which is whose.
    /// </summary>
    internal CutView? View(string stem, string extension)
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
            if (TitleMatch.Fits(title, stem, extension) && !IsOfAnotherName(title, stem, extension, limit))
            {
                fitting.Add(sidecar);
                continue;
            }

            collides |= counter.Length == 0 || !TitleMatch.Fits(title, bare, extension);
            string own = TitleMatch.Extension(title, extension);
            if (isImage && !own.Equals(extension, StringComparison.OrdinalIgnoreCase)
                && MediaTypes.OfExtension(own) is MediaKind.Image or MediaKind.Raw && TitleMatch.FitsStem(title.AsSpan(0, title.Length - own.Length), stem, limit))
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
        string own = TakeoutNames.Cut(clean[..^TitleMatch.Extension(clean, extension).Length], limit);
        return !stem.StartsWith(own, StringComparison.Ordinal) && hasMediaOf(own);
    }

    internal SidecarIdentity Sidecar(int index) => ((TakeoutJson.OfMedia)files[index].Json!).Sidecar;

    internal string Title(int index) => Sidecar(index).Title;

    internal int Lookup(string key) => _byKey.TryGetValue(key, out int found) && found >= 0 ? found : -1;

    internal static IEnumerable<string> Keys(string clean, string counter)
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

    internal static IEnumerable<string> Cuts(string text, int limit)
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

    /// <summary>Most folders are done before anyone asks for other case.</summary>
    private Dictionary<string, List<int>> FoldAll()
    {
        Dictionary<string, List<int>> folded = new(_byKey.Count, StringComparer.Ordinal);
        foreach ((string key, int sidecar) in _byKey)
        {
            if (sidecar >= 0)
            {
                Add(folded, TitleMatch.Fold(key), sidecar);
            }
        }

        return folded;
    }

    internal static void Add<TKey, T>(Dictionary<TKey, List<T>> index, TKey key, T value)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out List<T>? list))
        {
            index[key] = list = new List<T>(1);
        }

        list.Add(value);
    }
}

/// <param name="Counter">0 for none.</param>
internal readonly record struct CutSidecar(int Index, int Counter);

/// <param name="Collides">Some sidecar of the same cut name belongs to another media name.</param>
/// <param name="Fitting">Those whose title makes this media name, by counter.</param>
/// <param name="Pictures">Those whose title makes this stem, as a picture of another extension.</param>
internal sealed record CutView(bool Collides, IReadOnlyList<CutSidecar> Fitting, IReadOnlyList<CutSidecar> Pictures);
