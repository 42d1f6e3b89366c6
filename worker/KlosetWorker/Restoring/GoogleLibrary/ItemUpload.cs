using System.Collections.Concurrent;
using GooglePhotos.Library;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;
using Kloset.Repositories;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// Takes items up, at most 50 at a time: bytes first, several at once; then the intents into the journal; then one `batchCreate`; then the outcomes into the
/// journal. Whatever happens between these steps, the same bytes are sent again, and Google gives back the item that it has: no item is made twice.
/// </summary>
internal sealed class ItemUpload(GoogleWrites google, MediaUploader uploader, MediaPreparation preparation, RestoreJournal journal, ProgressTracker tracker, TimeProvider time)
{
    private const int ParallelUploads = 4;

    /// <summary>So often an item is asked for again in one go when Google says that it may pass.</summary>
    private const int Attempts = 5;

    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, string> _failed = new(StringComparer.Ordinal);

    /// <summary>Items that this process could not bring in, and why; the next one tries again.</summary>
    public IReadOnlyDictionary<string, string> Failed => _failed;

    public async Task UploadAsync(IReadOnlyList<PlannedItem> batch, CancellationToken cancellationToken)
    {
        var prepared = new ConcurrentDictionary<string, PreparedMedia>(StringComparer.Ordinal);
        try
        {
            var tokens = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = ParallelUploads, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(batch, parallel, async (item, token) =>
            {
                try
                {
                    var media = await preparation.PrepareAsync(item, token);
                    prepared[item.Key] = media;
                    tokens[item.Key] = await uploader.UploadAsync(media.Source, token);
                }
                catch (RepositoryException damaged) when (damaged.Failure == RepositoryFailure.Damaged)
                {
                    _failed[item.Key] = damaged.Message;
                }
                catch (GoogleServiceException refused) when (refused.Failure is GoogleFailure.InvalidRequest or GoogleFailure.MediaRejected)
                {
                    _failed[item.Key] = refused.Message;
                }
            });
            var ready = batch.Where(item => tokens.ContainsKey(item.Key)).Select(item => prepared[item.Key]).ToArray();
            if (ready.Length == 0)
            {
                return;
            }

            await journal.AppendAsync([.. ready.Select(media => new JournalLine { Item = Intent(media) })], cancellationToken);
            await CreateAsync(ready, tokens, cancellationToken);
        }
        finally
        {
            foreach (var media in prepared.Values)
            {
                media.Dispose();
            }
        }
    }

    private static ItemState Intent(PreparedMedia media) => new(media.Item.Key, media.Sha1, media.Corrected, media.Uncorrected);

    private async Task CreateAsync(IReadOnlyList<PreparedMedia> ready, ConcurrentDictionary<string, string> tokens, CancellationToken cancellationToken)
    {
        IReadOnlyList<PreparedMedia> open = ready;
        for (var attempt = 1; open.Count > 0; attempt++)
        {
            if (attempt > 1)
            {
                await Task.Delay(BetweenAttempts * attempt, time, cancellationToken);
                tracker.Moved();
            }

            // What was settled must reach the journal before the wait for the rest, and also when the rest ends in an exception.
            var outcomes = new Dictionary<string, ItemState>(StringComparer.Ordinal);
            try
            {
                open = await AskAsync(open, tokens, outcomes, attempt == Attempts, cancellationToken);
            }
            finally
            {
                using var last = new CancellationTokenSource(TimeSpan.FromSeconds(20), time);
                await journal.AppendAsync(
                    [.. outcomes.Values.Select(outcome => new JournalLine { Item = outcome })], cancellationToken.IsCancellationRequested ? last.Token : cancellationToken);
            }
        }
    }

    /// <summary>One request; a part of it where Google understands the whole not.</summary>
    /// <returns>Items that are to be asked for again.</returns>
    private async Task<IReadOnlyList<PreparedMedia>> AskAsync(
        IReadOnlyList<PreparedMedia> items, ConcurrentDictionary<string, string> tokens, Dictionary<string, ItemState> outcomes, bool last, CancellationToken cancellationToken)
    {
        BatchCreateMediaItemsResponse answer;
        try
        {
            answer = await google.WriteAsync(
                google.Service.MediaItems.BatchCreate(new()
                {
                    NewMediaItems =
                    [
                        .. items.Select(media => new NewMediaItem
                        {
                            Description = media.Item.Description,
                            SimpleMediaItem = new() { UploadToken = tokens[media.Item.Key], FileName = media.Item.FileName },
                        }),
                    ],
                }),
                repeats: false,
                cancellationToken);
        }
        catch (GoogleServiceException lost) when (lost.Failure is GoogleFailure.Network or GoogleFailure.ServerError && !last)
        {
            // Nobody knows what became of it. Asking again is harmless: the same bytes are the same item.
            return items;
        }
        catch (GoogleServiceException stale) when (stale.Failure == GoogleFailure.InvalidUploadToken && !last)
        {
            await SendAgainAsync(items, tokens, cancellationToken);
            return items;
        }
        catch (GoogleServiceException refused) when (refused.Failure is GoogleFailure.InvalidRequest or GoogleFailure.MediaRejected)
        {
            if (items.Count == 1)
            {
                _failed[items[0].Item.Key] = refused.Message;
                return [];
            }

            var half = items.Count / 2;
            var first = await AskAsync([.. items.Take(half)], tokens, outcomes, last, cancellationToken);
            return [.. first, .. await AskAsync([.. items.Skip(half)], tokens, outcomes, last, cancellationToken)];
        }

        var byToken = (answer.NewMediaItemResults ?? []).Where(result => result.UploadToken is not null).ToLookup(result => result.UploadToken!, StringComparer.Ordinal);
        var again = new List<PreparedMedia>();
        var stales = new List<PreparedMedia>();
        GoogleServiceException? full = null;
        foreach (var media in items)
        {
            var result = byToken[tokens[media.Item.Key]].FirstOrDefault();
            var failure = result is null ? GoogleFailure.Unknown : result.MediaItem?.Id is null ? GoogleItemStatus.Of(result.Status) ?? GoogleFailure.Unknown : (GoogleFailure?)null;
            switch (failure)
            {
                case null:
                    Settle(media, result!.MediaItem!.Id!, outcomes);
                    break;
                case GoogleFailure.StorageFull:
                    full = GoogleItemStatus.ToException(google.Service.DisplayName, GoogleFailure.StorageFull, result!.Status!.Message ?? "");
                    break;
                case GoogleFailure.MediaRejected:
                    outcomes[media.Item.Key] = Intent(media) with { Refused = result!.Status!.Message ?? "Google does not take it" };
                    tracker.AddItems(1);
                    break;
                case GoogleFailure.InvalidUploadToken when !last:
                    stales.Add(media);
                    break;
                case var _ when last:
                    _failed[media.Item.Key] = result?.Status?.Message ?? "Google gave no answer about it";
                    break;
                default:
                    again.Add(media);
                    break;
            }
        }

        if (full is not null)
        {
            throw full;
        }

        await SendAgainAsync(stales, tokens, cancellationToken);
        return [.. again, .. stales];
    }

    private async Task SendAgainAsync(IReadOnlyList<PreparedMedia> items, ConcurrentDictionary<string, string> tokens, CancellationToken cancellationToken)
    {
        foreach (var media in items)
        {
            tokens[media.Item.Key] = await uploader.UploadAsync(media.Source, cancellationToken);
        }
    }

    private void Settle(PreparedMedia media, string mediaItemId, Dictionary<string, ItemState> outcomes)
    {
        outcomes[media.Item.Key] = Intent(media) with { MediaItemId = mediaItemId, Existed = journal.WasThereBefore(mediaItemId) };
        tracker.AddItems(1);
        tracker.AddBytes(media.Source.Length);
    }
}
