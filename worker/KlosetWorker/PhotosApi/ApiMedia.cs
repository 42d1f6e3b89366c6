using GooglePhotos.Library;
using GooglePhotos.Services;
using KlosetWorker.Contract;
using KlosetWorker.Takeout;

namespace KlosetWorker.PhotosApi;

/// <summary>Bytes behind a base URL, into the repository.</summary>
internal static class ApiMedia
{
    /// <summary>A base URL lives for an hour; one that is nearly that old is renewed first, and one that is refused is renewed once.</summary>
    private static readonly TimeSpan RenewAfter = LibraryLimits.BaseUrlLife - TimeSpan.FromMinutes(5);

    public static async Task<StoredContent> ReadAsync(
        GoogleCalls calls,
        string service,
        BaseUrlMedia media,
        RequestBudget? budget,
        ApiLibrary library,
        ApiItem item,
        string baseUrl,
        DateTimeOffset fetched,
        TimeProvider time,
        Func<CancellationToken, Task<string>> renew,
        CancellationToken cancellationToken)
    {
        var url = time.GetUtcNow() - fetched > RenewAfter ? await renew(cancellationToken) : baseUrl;
        for (var renewed = false; ; renewed = true)
        {
            try
            {
                return await calls.RunAsync(
                    service,
                    async token =>
                    {
                        await (budget?.TakeAsync(token) ?? ValueTask.CompletedTask);
                        using var response = await media.OpenAsync(url, item.IsVideo, token);
                        await using var content = await response.Content.ReadAsStreamAsync(token);
                        return await library.StoreAsync(content, item, token);
                    },
                    cancellationToken,
                    timeout: Timeout.InfiniteTimeSpan);
            }
            catch (GoogleServiceException expired) when (!renewed && expired.ResumeAfter is null && expired.Failure is not (GoogleFailure.MinuteQuota or GoogleFailure.DayQuota))
            {
                url = await renew(cancellationToken);
            }
        }
    }
}

/// <summary>The selection of a resource, by the titles of albums.</summary>
internal static class ApiSelection
{
    public static bool IsWanted(RunSelection? selection, string title) =>
        !Matches(selection?.ExcludeAlbums, title) && (selection?.IncludeAlbums is not { Count: > 0 } include || Matches(include, title));

    /// <summary>Whether items of no album are taken.</summary>
    public static bool TakesLoose(RunSelection? selection) =>
        selection?.IncludeAlbums is not { Count: > 0 } include || include.Contains("*", StringComparer.Ordinal);

    private static bool Matches(IReadOnlyList<string>? patterns, string title) => patterns is not null && patterns.Any(pattern =>
        System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), title));
}
