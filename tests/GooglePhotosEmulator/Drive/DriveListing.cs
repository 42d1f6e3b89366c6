using System.Globalization;
using GooglePhotosEmulator.Answers;
using GooglePhotosEmulator.Http;
using GooglePhotosEmulator.Identity;
using GooglePhotosEmulator.Library;

namespace GooglePhotosEmulator.Drive;

/// <summary>Which files a <c>files.list</c> finds, in which order, page by page.</summary>
internal sealed class DriveListing(DriveStore store, Paging paging, PageShape shape)
{
    /// <summary>Numbers in names count as numbers.</summary>
    private static readonly IComparer<string> Natural = Comparer<string>.Create(CompareNaturally);

    /// <summary>Needs the store's gate.</summary>
    public (IReadOnlyList<DriveFile> Files, string? Next, bool Incomplete) Page(GoogleRequest request, AccessToken token)
    {
        var size = PageSize(request);
        var orderBy = request.Query("orderBy") ?? "";
        var corpora = request.Query("corpora") ?? "user";
        var everywhere = request.Query("supportsAllDrives") == "true" && request.Query("includeItemsFromAllDrives") == "true";
        var driveId = request.Query("driveId");
        CheckCorpora(request, corpora, driveId, everywhere);
        var condition = Condition(request, token);
        var parameters = $"drive/{store.TokenGeneration}/{token.Principal}/{request.Query("q")}/{orderBy}/{corpora}/{driveId}/{everywhere}";
        var from = (int)(paging.Read(parameters, request.Query("pageToken"), () => DriveAnswers.Invalid("pageToken")) ?? 0);

        var found = Order(Visible(token, corpora, driveId, everywhere).Where(condition).Select(candidate => candidate.File), orderBy).ToArray();
        var page = found.Skip(from).Take(shape.Limit(size)).ToArray();
        var next = from + page.Length < found.Length ? paging.Make(parameters, from + page.Length) : null;
        return (page, next, corpora == "allDrives" && store.IncompleteSearch);
    }

    public static int PageSize(GoogleRequest request)
    {
        var text = request.Query("pageSize");
        if (string.IsNullOrEmpty(text))
        {
            return 100;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var size) && size is >= 1 and <= 1000
            ? size
            : throw new AnswerException(DriveAnswers.Invalid("pageSize", $"Invalid value '{text}'. Values must be within the range: [1, 1000]"));
    }

    /// <summary>With <c>drive.file</c> alone a client sees what it made or what the person picked for it.</summary>
    public static bool MayApp(AccessToken token, DriveFile file) =>
        token.Allows(Scopes.DriveReadOnly, Scopes.DriveFull, Scopes.DriveMetadataReadOnly) || (token.Allows(Scopes.DriveFile) && file.AppClients.Contains(token.ClientId));

    private static void CheckCorpora(GoogleRequest request, string corpora, string? driveId, bool everywhere)
    {
        if (corpora is not ("user" or "drive" or "domain" or "allDrives"))
        {
            throw new AnswerException(DriveAnswers.Invalid("corpora"));
        }

        if (request.Query("spaces") is { Length: > 0 } and not "drive")
        {
            throw new AnswerException(DriveAnswers.Invalid("spaces"));
        }

        if ((corpora == "drive") != (driveId is not null))
        {
            throw new AnswerException(DriveAnswers.Error(400, "teamDriveIdRequired", "The driveId parameter must be specified if and only if corpora is set to drive.",
                locationType: "parameter", location: "driveId"));
        }

        if (corpora is "drive" or "allDrives" && !everywhere)
        {
            throw new AnswerException(DriveAnswers.Error(403, "teamDrivesParentLimit",
                "The includeItemsFromAllDrives and supportsAllDrives parameters must be set for this corpora.", locationType: "parameter", location: "includeItemsFromAllDrives"));
        }
    }

    private Func<DriveCandidate, bool> Condition(GoogleRequest request, AccessToken token)
    {
        try
        {
            return DriveQuery.Parse(request.Query("q"), store.Root(token.Principal).Id);
        }
        catch (FormatException)
        {
            throw new AnswerException(DriveAnswers.Invalid("q"));
        }
    }

    private IEnumerable<DriveCandidate> Visible(AccessToken token, string corpora, string? driveId, bool everywhere)
    {
        foreach (var file in store.Files)
        {
            if (file.ParentId is null || (file.DriveId is not null && !everywhere) || (corpora == "drive" && file.DriveId != driveId) || !MayApp(token, file))
            {
                continue;
            }

            if (store.RoleOf(token.Principal, file) is not { } role)
            {
                continue;
            }

            // only what was shared itself is "shared with me"; what lies inside is found by its parent
            var sharedWithMe = role != DriveRole.Owner && file.DriveId is null && file.Granted.ContainsKey(token.Principal);
            yield return new DriveCandidate(file, token.Principal, store.IsTrashed(file), sharedWithMe);
        }
    }

    private static IEnumerable<DriveFile> Order(IEnumerable<DriveFile> files, string orderBy)
    {
        IOrderedEnumerable<DriveFile>? ordered = null;
        foreach (var key in orderBy.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var descending = key.EndsWith(" desc", StringComparison.Ordinal);
            ordered = (descending ? key[..^5] : key) switch
            {
                "name" => By(file => file.Name, StringComparer.OrdinalIgnoreCase),
                "name_natural" => By(file => file.Name, Natural),
                "modifiedTime" => By(file => file.Modified, null),
                "createdTime" => By(file => file.Created, null),
                "recency" => By(file => file.Modified, null),
                "folder" => By(file => file.IsFolder ? 0 : 1, null),
                "quotaBytesUsed" => By(file => file.Size, null),
                _ => throw new AnswerException(DriveAnswers.Invalid("orderBy")),
            };

            IOrderedEnumerable<DriveFile> By<TKey>(Func<DriveFile, TKey> select, IComparer<TKey>? comparer) => (ordered, descending) switch
            {
                (null, false) => files.OrderBy(select, comparer),
                (null, true) => files.OrderByDescending(select, comparer),
                ({ } before, false) => before.ThenBy(select, comparer),
                ({ } before, true) => before.ThenByDescending(select, comparer),
            };
        }

        return ordered ?? files.OrderByDescending(file => file.Modified).ThenBy(file => file.Id, StringComparer.Ordinal);
    }

    private static int CompareNaturally(string? left, string? right)
    {
        var (a, b) = (left ?? "", right ?? "");
        var (i, j) = (0, 0);
        while (i < a.Length && j < b.Length)
        {
            if (char.IsAsciiDigit(a[i]) && char.IsAsciiDigit(b[j]))
            {
                var (one, two) = (Digits(a, ref i), Digits(b, ref j));
                var order = one.Length != two.Length ? one.Length.CompareTo(two.Length) : string.CompareOrdinal(one, two);
                if (order != 0)
                {
                    return order;
                }

                continue;
            }

            var letters = char.ToUpperInvariant(a[i++]).CompareTo(char.ToUpperInvariant(b[j++]));
            if (letters != 0)
            {
                return letters;
            }
        }

        return (a.Length - i).CompareTo(b.Length - j);
    }

    private static string Digits(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return text[start..at].TrimStart('0');
    }
}
