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
    public void Where_nothing_is_cut_no_file_has_the_sidecar_of_another_item_and_nearly_all_have_their_own()
    {
        int media = 0;
        int paired = 0;
        List<string> wrong = [];
        for (int seed = 1; seed <= Folders; seed++)
        {
            Folder folder = new(new Random(seed), isPlain: true);
            PairingResult result = TakeoutPairing.Pair(folder.Files);
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
                    if (folder.Owner[verdict.Sidecar] != owner)
                    {
                        wrong.Add(string.Create(CultureInfo.InvariantCulture,
                            $"{seed}: {folder.Files[i].Name} of \"{folder.Titles[owner]}\" has {folder.Files[verdict.Sidecar].Name} of \"{folder.Titles[folder.Owner[verdict.Sidecar]!.Value]}\" ({verdict.Reason})"));
                    }
                }
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {media}:\n{string.Join('\n', wrong.Take(12))}");
        Assert.True(paired >= media * 0.97, $"{paired} of {media} are paired");
    }

    [Fact]
    public void The_order_of_the_files_changes_nothing()
    {
        for (int seed = 1; seed <= Folders / 4; seed++)
        {
            Folder folder = new(new Random(seed), isPlain: false);
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
        private readonly bool _isPlain;

        internal Folder(Random random, bool isPlain)
        {
            (_random, _isPlain) = (random, isPlain);
            string suffix = Suffixes[random.Next(Suffixes.Length)];
            string[] families = [.. Enumerable.Range(0, 3).Select(_ => Family())];
            int items = random.Next(3, 14);
            for (int item = 0; item < items; item++)
            {
                Add(item, Title(families[random.Next(families.Length)]), suffix);
            }
        }

        internal List<IPairingFile> Files { get; } = [];

        internal List<int?> Owner { get; } = [];

        internal List<string> Titles { get; } = [];

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
                1 => "(" + _random.Next(1, 3) + ")",
                2 => "_" + _random.Next(3),
                3 => " " + _random.Next(12),
                4 => new string((char)('a' + _random.Next(3)), _random.Next(1, 5)),
                _ => "",
            };
            return stem + (_isPlain ? 7 : _random.Next(8)) switch { 0 => ".JPG", 1 => ".HEIC", 2 => ".png", 3 => ".mp4", 4 => "", _ => ".jpg" };
        }

        private void Add(int item, string title, string suffix)
        {
            string clean = Clean(title);
            string own = Extension(clean);
            string stem = clean[..^own.Length];
            string extension = own.Length > 0 ? own : ".jpg";
            bool supplemental = _random.Next(5) > 0;
            string mediaName = Cut(stem, 51 - extension.Length);
            string sidecarName = Cut(supplemental ? clean + ".supplemental-metadata" : clean, 46);
            bool edited = extension is ".jpg" or ".JPG" or ".HEIC" or ".png" && _random.Next(4) == 0;
            bool live = extension is ".HEIC" && _random.Next(2) == 0;
            string editedExtension = extension == ".HEIC" ? ".jpg" : extension;
            string editedName = Cut(stem + suffix, 51 - editedExtension.Length);

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

                _taken.UnionWith(names);
                foreach (string name in names)
                {
                    bool isSidecar = name == names[1];
                    Files.Add(new PairingFile
                    {
                        Folder = Path,
                        Name = _random.Next(6) == 0 ? name.Normalize(NormalizationForm.FormD) : name,
                        Size = 10,
                        Json = isSidecar ? new TakeoutJson.OfMedia(new Sidecar { Title = title, Url = $"https://photos.google.com/photo/{item}", TakenSeconds = 1_690_000_000 + item }) : null,
                    });
                    Owner.Add(item);
                }

                Titles.Add(title);
                return;
            }
        }

        private static string Extension(string name) => name.LastIndexOf('.') is >= 0 and var dot && name[dot..] is ".jpg" or ".JPG" or ".HEIC" or ".png" or ".mp4" ? name[name.LastIndexOf('.')..] : "";

        private static string Clean(string title) => string.Concat(title.Select(c => "/\\:*?\"<>|&".Contains(c, StringComparison.Ordinal) || char.IsControl(c) ? '_' : c));

        private static string Cut(string text, int units) => text.Length <= units ? text : text[..(char.IsHighSurrogate(text[units - 1]) ? units + 1 : units)];
    }
}
