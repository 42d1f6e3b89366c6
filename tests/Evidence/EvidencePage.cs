using System.Globalization;

namespace Evidence;

/// <summary>
/// `docs/evidence/resilience.md`, of which each long test writes its own section. A section is what stands between two comments; a page that is
/// not there is begun.
/// </summary>
internal static class EvidencePage
{
    private const string Beginning =
        """
        # Resilience: deaths, damage, hostile input, two programs

        Each section is written by its tests when they run with `KLOSET_TEST_LONG=1` (`make test-long`), and says when. The same tests run with fewer rounds in
        `make test`. What plakar and an S3 server are needed for is told apart in the sections.

        """;

    /// <summary>Whether the full figures are asked for.</summary>
    public static bool IsLong => Environment.GetEnvironmentVariable("KLOSET_TEST_LONG") is { Length: > 0 };

    /// <summary>The cells of a section's table as it stands; nothing when the run is not a long one, or when there is none.</summary>
    public static IEnumerable<string[]> ReadRows(string section)
    {
        var path = Path.Combine(Root(), "docs", "evidence", "resilience.md");
        if (!IsLong || !File.Exists(path))
            return [];
        return File.ReadLines(path)
            .SkipWhile(line => line != $"<!-- {section} -->")
            .TakeWhile(line => line != $"<!-- end of {section} -->")
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Skip(1)
            .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries));
    }

    /// <summary>Does nothing when the run is not a long one.</summary>
    /// <param name="section">A name that stays; it orders the sections.</param>
    public static void Write(string section, string title, string command, string text)
    {
        if (!IsLong)
            return;
        var path = Path.Combine(Root(), "docs", "evidence", "resilience.md");
        // Test projects may run at the same time.
        using var guard = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        var page = File.Exists(path) ? File.ReadAllText(path) : Beginning;
        var (begin, end) = ($"<!-- {section} -->", $"<!-- end of {section} -->");
        var content = string.Create(
            CultureInfo.InvariantCulture,
            $"{begin}\n## {title}\n\n`{command}`, {TimeProvider.System.GetUtcNow():d MMMM yyyy}, {Environment.ProcessorCount} processors that did other things as well.\n\n{text.Trim()}\n\n{end}\n");
        var at = page.IndexOf(begin, StringComparison.Ordinal);
        var to = page.IndexOf(end + "\n", StringComparison.Ordinal);
        File.WriteAllText(path, at >= 0 && to > at ? page[..at] + content + page[(to + end.Length + 1)..] : page.TrimEnd() + "\n\n" + content);
    }

    /// <summary>The checkout that the tests were built from. Not by the path of a source file: a build in CI maps those away.</summary>
    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KlosetOperator.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException("no KlosetOperator.sln above " + AppContext.BaseDirectory);
    }
}
