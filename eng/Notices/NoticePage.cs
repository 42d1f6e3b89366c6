using System.Text;

namespace Notices;

/// <summary>The page that thanks others and names their terms.</summary>
internal static class NoticePage
{
    public static string Build(IReadOnlyDictionary<ShippedProgram, IReadOnlyList<Package>> programs)
    {
        var page = new StringBuilder("""
            <!-- Generated from the lock files by `make notices`. Do not edit. -->
            # Licences of others

            Kloset Operator is under the Apache License 2.0. The programs that are shipped contain these packages under their own terms.
            The images add .NET (MIT) and, for restores, ExifTool and Perl (Artistic License or GPL) with the packages of their
            distribution, whose terms lie in its `/usr/share/doc`.

            | package | version | licence | authors | in |
            |---|---|---|---|---|

            """.ReplaceLineEndings("\n"));
        var rows = programs
            .SelectMany(program => program.Value.Select(package => (Package: package, program.Key.Name)))
            .GroupBy(row => row.Package)
            .OrderBy(group => group.Key.Id, StringComparer.OrdinalIgnoreCase);
        foreach (var row in rows)
        {
            var (package, names) = (row.Key, string.Join(", ", row.Select(use => use.Name).Order(StringComparer.Ordinal)));
            var name = package.Url is { Length: > 0 } url ? $"[{package.Id}]({url})" : package.Id;
            var licence = package.Licence.StartsWith("http", StringComparison.Ordinal) ? $"[text]({package.Licence})" : package.Licence;
            page.Append(System.Globalization.CultureInfo.InvariantCulture, $"| {name} | {package.Version} | {licence} | {package.Authors.Replace("|", "\\|", StringComparison.Ordinal)} | {names} |\n");
        }

        return page.ToString();
    }
}
