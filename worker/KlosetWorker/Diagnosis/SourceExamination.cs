using GooglePhotos.Takeout.Archives;
using GooglePhotos.Takeout.Exports;
using KlosetWorker.Contract;
using KlosetWorker.Output;

namespace KlosetWorker.Diagnosis;

/// <summary>Whether a source is there and can be read, by its names alone.</summary>
internal static class SourceExamination
{
    public static async Task<IReadOnlyList<Finding>> ExamineAsync(string source, TimeProvider time, CancellationToken cancellationToken)
    {
        var colon = source.IndexOf(':', StringComparison.Ordinal);
        var (kind, path) = colon > 0 ? (source[..colon], source[(colon + 1)..]) : ("", source);
        if (kind is not ("takeout" or "folder"))
        {
            return [new Finding("Source", Verdict.Wrong, $"'{source}' is no source", "Give takeout:PATH or folder:PATH.", ErrorCatalogue.InvalidArguments)];
        }

        if (!Directory.Exists(path) && !File.Exists(path))
        {
            return [new Finding("Source", Verdict.Wrong, $"{path} is not there", ErrorCatalogue.SourceNotFound.Remedy, ErrorCatalogue.SourceNotFound)];
        }

        try
        {
            if (kind == "folder")
            {
                var any = Directory.EnumerateFileSystemEntries(path).Any();
                return
                [
                    any ? new Finding("Source", Verdict.Well, $"{path} can be read")
                        : new Finding("Source", Verdict.Warning, $"{path} is empty", "Mount what belongs there; a backup of nothing is a snapshot of nothing."),
                ];
            }

            var listing = await TakeoutListing.ReadAsync(new LocalTakeoutStorage([path]), cancellationToken);
            if (listing.Sets.Count == 0)
            {
                return [new Finding("Source", Verdict.Wrong, $"{path} holds no archive of a Google Takeout export", ErrorCatalogue.SourceEmpty.Remedy, ErrorCatalogue.SourceEmpty)];
            }

            var findings = new List<Finding>();
            foreach (var set in listing.Sets.TakeLast(5))
            {
                var made = set.Timestamp is { } created ? $" of {Text.Time(created)} ({(int)(time.GetUtcNow() - created).TotalDays} days old)" : "";
                var holds = $"export{made}: {Text.Count(set.Parts.Count, "part")}, {Text.Bytes(set.Size)}";
                findings.Add(set.MissingNumbers.Count == 0
                    ? new Finding("Source", Verdict.Well, holds)
                    : new Finding(
                        "Source", Verdict.Warning, $"{holds}; missing: part {string.Join(", ", set.MissingNumbers.Take(10))}", "Download the missing parts again and put them beside the others."));
            }

            return findings;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [new Finding("Source", Verdict.Wrong, $"{path} cannot be read: {exception.Message}", ErrorCatalogue.SourceUnreadable.Remedy, ErrorCatalogue.SourceUnreadable)];
        }
    }
}
