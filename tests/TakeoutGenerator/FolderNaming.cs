using System.Text;

namespace TakeoutGenerator;

/// <summary>The names that Takeout gives inside one folder: cleaned, cut to 51 UTF-16 units, and counted where they collide.</summary>
internal sealed class FolderNaming
{
    private const int MaxName = 51;
    private const int MaxSidecarStem = 46;

    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Media name, sidecar name and the names of the item's other files, all with the same counter.</summary>
    public (string Media, string Sidecar, IReadOnlyList<string> Others) Name(string title, SidecarStyle style, IReadOnlyList<(string StemSuffix, string Extension)> others)
    {
        var clean = Clean(title);
        var own = Path.GetExtension(clean);
        var stem = clean[..^own.Length];
        var extension = own.Length > 0 ? own : ".jpg";
        for (var number = 0; ; number++)
        {
            var counter = number == 0 ? "" : $"({number})";
            var media = Cut(stem, MaxName - extension.Length) + counter + extension;
            var sidecar = Cut(style == SidecarStyle.SupplementalMetadata ? clean + ".supplemental-metadata" : clean, MaxSidecarStem) + counter + ".json";
            var last = number;
            var rest = new List<string>();
            foreach (var other in others)
            {
                // a stem that is cut already loses the suffix of its edited version, which then appears as a "(1)" of the original
                var start = Cut(stem + other.StemSuffix, MaxName - other.Extension.Length);
                var name = start + counter + other.Extension;
                while (name.Equals(media, StringComparison.OrdinalIgnoreCase) || rest.Contains(name))
                {
                    name = $"{start}({++last}){other.Extension}";
                }

                rest.Add(name);
            }

            string[] names = [media, sidecar, .. rest];
            if (!names.Any(_taken.Contains))
            {
                _taken.UnionWith(names);
                return (media, sidecar, rest);
            }
        }
    }

    private static string Clean(string title)
    {
        var text = new StringBuilder(title.Length);
        foreach (var character in title)
        {
            text.Append(character is '/' or '\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|' or '&' || char.IsControl(character) ? '_' : character);
        }

        return text.ToString();
    }

    // a cut never splits a surrogate pair: it keeps the whole
    private static string Cut(string text, int units) =>
        text.Length <= units ? text : text[..(char.IsHighSurrogate(text[units - 1]) ? units + 1 : units)];
}
