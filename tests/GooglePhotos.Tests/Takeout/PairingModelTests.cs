using System.Globalization;
using System.Text;
using GooglePhotos.Takeout.Pairing;
using GooglePhotos.Takeout.Sidecars;

namespace GooglePhotos.Tests.Takeout;

/// <summary>
/// Folders made by the model of names (facts 5.4) out of titles that are chosen to collide: counters, cuts, edited versions in several
/// languages, surrogates at the cut, decomposed letters, other case, live parts.
/// </summary>
public sealed class PairingModelTests
{
    private const int Folders = 400;

    [Fact]
    public void Where_nothing_is_cut_no_file_has_the_sidecar_of_another_item_and_nearly_all_have_their_own() =>
        AssertPairs(seed => new Folder(new Random(seed), isPlain: true, hasOwnCounters: false), atLeast: 0.97);

    [Fact]
    public void Where_names_are_cut_and_collide_no_file_has_the_sidecar_of_another_item() =>
        AssertPairs(seed => new Folder(new Random(seed), isPlain: false, hasOwnCounters: false), atLeast: 0.8);

    [Fact]
    public void Neither_has_it_where_every_name_has_a_counter_of_its_own() =>
        AssertPairs(seed => new Folder(new Random(seed), isPlain: false, hasOwnCounters: true), atLeast: 0.8);

    private static void AssertPairs(Func<int, Folder> make, double atLeast)
    {
        int media = 0;
        int paired = 0;
        List<string> wrong = [];
        for (int seed = 1; seed <= Folders; seed++)
        {
            Folder folder = make(seed);
            PairingResult result = TakeoutPairing.Pair(folder.Files);
            List<string> wrongHere = [];
            for (int i = 0; i < folder.Files.Count; i++)
            {
                if (folder.Owner[i] is not { } owner || folder.Files[i].Json is not null)
                {
                    continue;
                }

                media++;
                FileVerdict verdict = result.Verdicts[i];
                if (verdict.Sidecar >= 0)
                {
                    paired++;
                    if (folder.Owner[verdict.Sidecar] is { } other && other != owner && !folder.IsEditedBesideItsEqual(i, other))
                    {
                        wrongHere.Add(string.Create(CultureInfo.InvariantCulture,
                            $"{seed}: {folder.Files[i].Name} of \"{folder.Titles[owner]}\" has {folder.Files[verdict.Sidecar].Name} of \"{folder.Titles[other]}\" ({verdict.Reason})"));
                    }
                }
            }

            if (wrongHere.Count > 0)
            {
                wrong.AddRange(wrongHere);
                wrong.AddRange(folder.Files.Select((file, i) => string.Create(CultureInfo.InvariantCulture,
                    $"    {folder.Owner[i]} {file.Name} {(file.Json is TakeoutJson.OfMedia json ? "is \"" + json.Sidecar.Title + "\"" : "> " + (result.Verdicts[i].Sidecar < 0 ? "none" : folder.Files[result.Verdicts[i].Sidecar].Name + " " + result.Verdicts[i].Reason))}")));
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count(line => line[0] != ' ')} of {media}:\n{string.Join('\n', wrong.Take(60))}");
        Assert.True(paired >= media * atLeast, $"{paired} of {media} are paired");
    }

    [Fact]
    public void The_order_of_the_files_changes_nothing()
    {
        for (int seed = 1; seed <= Folders / 4; seed++)
        {
            Folder folder = new(new Random(seed), isPlain: false, hasOwnCounters: seed % 2 == 0);
            string[] before = Pairs(folder.Files);
            IPairingFile[] shuffled = [.. folder.Files];
            new Random(-seed).Shuffle(shuffled);

            Assert.Equal(before, Pairs(shuffled));
        }
    }

    private static string[] Pairs(IReadOnlyList<IPairingFile> files)
    {
        FileVerdict[] verdicts = TakeoutPairing.Pair(files).Verdicts;
        return [.. Enumerable.Range(0, files.Count).Where(i => verdicts[i].Kind == FileKind.Media)
            .Select(i => $"{files[i].Name} > {(verdicts[i].Sidecar < 0 ? "none" : files[verdicts[i].Sidecar].Name)} {verdicts[i].Reason} {verdicts[i].Role}")
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>Written from the facts alone; shares nothing with what it tests.</summary>
    private sealed class Folder
    {
        private const string Path = "Takeout/Google Photos/Photos from 2023";
        private static readonly string[] Suffixes = ["-edited", "-bearbeitet", "-modifié", "-ha editado", "-編集済み", "-измененный", "-düzenlendi"];
        private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);
        private readonly Random _random;
        private readonly HashSet<int> _edited = [];
        private readonly bool _isPlain;
        private readonly bool _hasOwnCounters;
        private readonly bool _isSupplemental;

        /// <param name="hasOwnCounters">
        /// Each name gets the first number that is free for it, in the order of the titles, and nothing is edited: what becomes of an edited
        /// version's number the facts tell only for the other way, in which all names of an item have one number.
        /// </param>
        internal Folder(Random random, bool isPlain, bool hasOwnCounters)
        {
            (_random, _isPlain, _hasOwnCounters, _isSupplemental) = (random, isPlain, hasOwnCounters, random.Next(2) == 0);
            string suffix = Suffixes[random.Next(Suffixes.Length)];
            string[] families = [.. Enumerable.Range(0, 3).Select(_ => Family())];
            string[] titles = [.. Enumerable.Range(0, random.Next(3, 14)).Select(_ => Title(families[random.Next(families.Length)]))];
            if (hasOwnCounters)
            {
                Array.Sort(titles, StringComparer.Ordinal);
            }

            for (int item = 0; item < titles.Length; item++)
            {
                Add(item, titles[item], suffix);
            }
        }

        internal List<IPairingFile> Files { get; } = [];

        internal List<int?> Owner { get; } = [];

        internal List<string> Titles { get; } = [];

        /// <summary>
        /// X-edited.jpg may be of X.HEIC or of the X.jpg beside it; the facts say the same extension first.
        /// </summary>
        internal bool IsEditedBesideItsEqual(int file, int other) => _edited.Contains(file)
            && Stem(Titles[Owner[file]!.Value]) == Stem(Titles[other]) && Extension(Titles[other]) is ".jpg" or "";

        /// <summary>A beginning that several titles share; many fill the name up to about the cut.</summary>
        private string Family() => (_isPlain ? _random.Next(2) * 6 : _random.Next(7)) switch
        {
            0 => "IMG_" + _random.Next(3),
            1 => "PXL_2023080" + _random.Next(3) + "_203449253",
            2 => new string('x', _random.Next(38, 52)),
            3 => string.Concat(Enumerable.Repeat("\U0001F600", _random.Next(20, 26))),
            4 => "Con Yoli por Málaga en el piso nuevo de la abuela",
            5 => "Ünïcode café " + new string('é', _random.Next(25, 36)),
            _ => "What? a/b & c: " + _random.Next(3),
        };

        private string Title(string family)
        {
            string stem = family + _random.Next(6) switch
            {
                0 => "",
                1 when !_hasOwnCounters => "(" + _random.Next(1, 3) + ")",
                2 => "_" + _random.Next(3),
                3 => " " + _random.Next(12),
                4 => new string((char)('a' + _random.Next(3)), _random.Next(1, 5)),
                _ => "",
            };
            return stem + (_isPlain ? 7 : _random.Next(_hasOwnCounters ? 4 : 8)) switch { 0 => ".JPG", 1 => ".HEIC", 2 => ".png", 3 => ".mp4", 4 => "", _ => ".jpg" };
        }

        private void Add(int item, string title, string suffix)
        {
            string clean = Clean(title);
            string own = Extension(clean);
            string stem = clean[..^own.Length];
            string extension = own.Length > 0 ? own : ".jpg";
            bool supplemental = _hasOwnCounters ? _isSupplemental : _random.Next(5) > 0;
            string mediaName = Cut(stem, 51 - extension.Length);
            string sidecarName = Cut(supplemental ? clean + ".supplemental-metadata" : clean, 46);
            bool edited = !_hasOwnCounters && extension is ".jpg" or ".JPG" or ".HEIC" or ".png" && _random.Next(4) == 0;
            bool live = !_hasOwnCounters && extension is ".HEIC" && _random.Next(2) == 0;
            string editedExtension = extension == ".HEIC" ? ".jpg" : extension;
            string editedName = Cut(stem + suffix, 51 - editedExtension.Length);

            Titles.Add(title);
            if (_hasOwnCounters)
            {
                Put(item, title, Free(mediaName, extension), isSidecar: false);
                Put(item, title, Free(sidecarName, ".json"), isSidecar: true);
                return;
            }

            // One counter for all of an item, the first that is free for all.
            for (int number = 0; ; number++)
            {
                string counter = number == 0 ? "" : $"({number})";
                List<string> names = [mediaName + counter + extension, sidecarName + counter + ".json"];
                if (edited)
                {
                    string name = editedName + counter + editedExtension;
                    for (int more = number + 1; names.Contains(name, StringComparer.OrdinalIgnoreCase); more++)
                    {
                        name = $"{editedName}({more}){editedExtension}";
                    }

                    names.Add(name);
                }

                if (live)
                {
                    names.Add(Cut(stem, 47) + counter + ".MP4");
                }

                if (names.Exists(_taken.Contains))
                {
                    continue;
                }

                for (int i = 0; i < names.Count; i++)
                {
                    if (edited && i == 2)
                    {
                        _edited.Add(Files.Count);
                    }

                    Put(item, title, names[i], isSidecar: i == 1);
                }

                return;
            }
        }

        private string Free(string name, string extension)
        {
            for (int number = 0; ; number++)
            {
                string free = (number == 0 ? name : $"{name}({number})") + extension;
                if (!_taken.Contains(free))
                {
                    return free;
                }
            }
        }

        private void Put(int item, string title, string name, bool isSidecar)
        {
            _taken.Add(name);
            Files.Add(new PairingFile
            {
                Folder = Path,
                Name = _random.Next(6) == 0 ? name.Normalize(NormalizationForm.FormD) : name,
                Size = 10,
                Json = isSidecar ? new TakeoutJson.OfMedia(new Sidecar { Title = title, Url = $"https://photos.google.com/photo/{item}", TakenSeconds = 1_690_000_000 + item }) : null,
            });
            Owner.Add(item);
        }

        private static string Stem(string title) => title[..^Extension(title).Length];

        private static string Extension(string name) => name.LastIndexOf('.') is >= 0 and var dot && name[dot..] is ".jpg" or ".JPG" or ".HEIC" or ".png" or ".mp4" ? name[name.LastIndexOf('.')..] : "";

        private static string Clean(string title) => string.Concat(title.Select(c => "/\\:*?\"<>|&".Contains(c, StringComparison.Ordinal) || char.IsControl(c) ? '_' : c));

        private static string Cut(string text, int units) => text.Length <= units ? text : text[..(char.IsHighSurrogate(text[units - 1]) ? units + 1 : units)];
    }
}
