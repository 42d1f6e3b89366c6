using GooglePhotos.Library;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>Looks whether what Google said it made is there: by listing, and one by one for what the list does not show.</summary>
internal sealed class LibraryVerification(GoogleWrites google, RestoreJournal journal, ProgressTracker tracker)
{
    /// <summary>Items that the list showed.</summary>
    public long Verified { get; private set; }

    /// <summary>Ids of all that this client may see.</summary>
    public async IAsyncEnumerable<MediaItem> ListAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? page = null;
        do
        {
            var answer = await google.ReadAsync(new MediaItemsResource.ListRequest(google.Service) { PageSize = LibraryLimits.MediaItemsPage, PageToken = page }, cancellationToken);
            foreach (var item in answer.MediaItems ?? [])
            {
                yield return item;
            }

            page = answer.NextPageToken;
            tracker.Moved();
        }
        while (page is not null);
    }

    /// <returns>Keys of items that were made and are no longer there; the journal forgets them, so that the next run brings them again.</returns>
    public async Task<IReadOnlyList<string>> VerifyAsync(IReadOnlyDictionary<string, PlannedItem> plan, CancellationToken cancellationToken)
    {
        var made = journal.Items.Where(item => item.MediaItemId is not null && plan.ContainsKey(item.Key)).ToArray();
        var open = made.ToLookup(item => item.MediaItemId!, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        var changes = new List<JournalLine>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var item in ListAsync(cancellationToken))
        {
            if (item.Id is { } id && open.Remove(id, out var state))
            {
                seen.Add(id);
                if (state.Hidden)
                {
                    changes.Add(new() { Item = state with { Hidden = false } });
                }

                // What was there before, or was made by a request whose answer got lost, may lack its description.
                if (string.IsNullOrEmpty(item.Description) && plan[state.Key].Description is { } description)
                {
                    await google.WriteAsync(google.Service.MediaItems.Patch(new MediaItem { Description = description }, id), repeats: true, cancellationToken);
                }
            }
        }

        var lost = new List<string>();
        foreach (var batch in open.Keys.Chunk(LibraryLimits.Batch))
        {
            var answer = await google.ReadAsync(google.Service.MediaItems.BatchGet(batch), cancellationToken);
            foreach (var (id, result) in batch.Zip(answer.MediaItemResults ?? []))
            {
                var state = open[id];
                switch (result.MediaItem is not null ? null : GoogleItemStatus.Of(result.Status))
                {
                    case null:
                        seen.Add(id);
                        break;
                    case GoogleFailure.Forbidden:
                        // Somebody else brought these bytes: the person has the item, this client may not see it.
                        changes.Add(new() { Item = state with { Hidden = true, Existed = true } });
                        break;
                    case GoogleFailure.NotFound:
                        lost.Add(state.Key);
                        changes.Add(new() { Item = state with { MediaItemId = null } });
                        break;
                    default:
                        break;
                }
            }
        }

        Verified = made.Count(item => seen.Contains(item.MediaItemId!));
        await journal.AppendAsync(changes, cancellationToken);
        return lost;
    }
}
