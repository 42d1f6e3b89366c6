using GooglePhotos.Library;
using GooglePhotos.Library.Data;
using GooglePhotos.Services;
using KlosetWorker.Output;
using KlosetWorker.Progress;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// Makes albums once their items are in: title, text, items in order, cover. Making an album is not a thing that Google recognises when it is asked twice;
/// so the albums of the same title that are there are written down before, and after a lost answer the one that came newly is ours.
/// </summary>
internal sealed class AlbumRestore(GoogleWrites google, RestoreJournal journal, ProgressTracker tracker)
{
    private readonly List<string> _problems = [];
    private List<Album>? _there;

    public IReadOnlyList<string> Problems => _problems;

    public async Task RestoreAsync(PlannedAlbum planned, CancellationToken cancellationToken)
    {
        // Only what the client may see can be put into its albums; one other id would make Google refuse all of the call.
        var items = planned.Items.Select(journal.Item).OfType<ItemState>().Where(item => item is { MediaItemId: not null, Hidden: false }).ToArray();
        var absent = planned.Items.Count - items.Length;
        if (items.Length == 0 && planned.Items.Count > 0)
        {
            _problems.Add($"{planned.Title}: not made, none of its {Text.Count(planned.Items.Count, "item")} can be put in.");
            return;
        }

        if (absent > 0)
        {
            _problems.Add($"{planned.Title}: {Text.Count(absent, "item")} could not be put in.");
        }

        string[] ids = [.. items.Select(item => item.MediaItemId!).Distinct(StringComparer.Ordinal)];
        for (var attempt = 0; attempt < 2; attempt++)
        {
            try
            {
                await FillAsync(planned, await MakeAsync(planned, cancellationToken), ids, cancellationToken);
                return;
            }
            catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.AlbumNotFound)
            {
                await ForgetAsync(planned, cancellationToken);
            }
        }

        _problems.Add($"{planned.Title}: the album was deleted again and again.");
    }

    private async Task FillAsync(PlannedAlbum planned, AlbumState made, string[] ids, CancellationToken cancellationToken)
    {
        var state = await AddTextAsync(planned, made, cancellationToken);
        state = await AddItemsAsync(planned, state, ids, cancellationToken);
        if (planned.Cover is { } cover && !state.Cover && journal.Item(cover) is { MediaItemId: { } coverId, Hidden: false })
        {
            try
            {
                await google.WriteAsync(
                    new AlbumsResource.PatchRequest(google.Service, new Album { CoverPhotoMediaItemId = coverId }, state.AlbumId!) { UpdateMask = "coverPhotoMediaItemId" }, repeats: true, cancellationToken);
                await WriteAsync(state with { Cover = true }, cancellationToken);
            }
            catch (GoogleServiceException refused) when (refused.Failure is GoogleFailure.InvalidRequest or GoogleFailure.Forbidden or GoogleFailure.NotFound)
            {
                await RequireAsync(state.AlbumId!, refused, cancellationToken);
                _problems.Add($"{planned.Title}: its cover was refused: {refused.Message}");
            }
        }
    }

    /// <summary>Google's *not found* may mean the album or an item; only for an album that is gone another one may be made.</summary>
    private async Task RequireAsync(string albumId, GoogleServiceException refused, CancellationToken cancellationToken)
    {
        if (refused.Failure != GoogleFailure.NotFound)
        {
            return;
        }

        try
        {
            await google.ReadAsync(google.Service.Albums.Get(albumId), cancellationToken);
        }
        catch (GoogleServiceException gone) when (gone.Failure is GoogleFailure.AlbumNotFound or GoogleFailure.NotFound or GoogleFailure.Forbidden)
        {
            throw new GoogleServiceException(google.Service.DisplayName, GoogleFailure.AlbumNotFound, "The album is gone; somebody deleted it.", gone);
        }
    }

    /// <summary>An album that a person deleted is made anew: what has its title now is somebody else's.</summary>
    private async Task ForgetAsync(PlannedAlbum planned, CancellationToken cancellationToken)
    {
        _there = null;
        var others = (await ThereAsync(cancellationToken)).Where(album => album.Title == planned.Title).Select(album => album.Id!).ToArray();
        await WriteAsync(new(planned.Folder, null, others), cancellationToken);
    }

    /// <summary>Compares an album with the plan.</summary>
    public async Task VerifyAsync(PlannedAlbum planned, CancellationToken cancellationToken)
    {
        if (journal.Album(planned.Folder) is not { AlbumId: { } albumId })
        {
            return;
        }

        var found = new List<string>();
        string? page = null;
        do
        {
            SearchMediaItemsResponse answer;
            try
            {
                answer = await google.ReadAsync(
                    google.Service.MediaItems.Search(new() { AlbumId = albumId, PageSize = LibraryLimits.MediaItemsPage, PageToken = page }), cancellationToken);
            }
            catch (GoogleServiceException gone) when (gone.Failure is GoogleFailure.AlbumNotFound or GoogleFailure.NotFound)
            {
                _problems.Add($"{planned.Title}: the album was deleted meanwhile; the next run makes it anew.");
                await ForgetAsync(planned, cancellationToken);
                return;
            }

            found.AddRange((answer.MediaItems ?? []).Select(item => item.Id!));
            page = answer.NextPageToken;
            tracker.Moved();
        }
        while (page is not null);

        var expected = planned.Items.Select(journal.Item).OfType<ItemState>().Where(item => item is { MediaItemId: not null, Hidden: false })
            .Select(item => item.MediaItemId!).Distinct(StringComparer.Ordinal).ToArray();
        if (expected.Except(found, StringComparer.Ordinal).Count() is > 0 and var lacking)
        {
            _problems.Add($"{planned.Title}: {Text.Count(lacking, "item")} are not in the album.");
        }
        else if (!found.Where(id => expected.Contains(id, StringComparer.Ordinal)).SequenceEqual(expected, StringComparer.Ordinal))
        {
            _problems.Add($"{planned.Title}: the order is another one than in the backup.");
        }
    }

    private async Task<AlbumState> MakeAsync(PlannedAlbum planned, CancellationToken cancellationToken)
    {
        if (journal.Album(planned.Folder) is { AlbumId: not null } made)
        {
            return made;
        }

        var intent = journal.Album(planned.Folder);
        if (intent is not null)
        {
            // The process before this one died over it: whether it was made shows in the list.
            var ours = (await ThereAsync(cancellationToken)).FirstOrDefault(album => album.Title == planned.Title && !intent.Others.Contains(album.Id!) && !IsOfAnother(album.Id!));
            if (ours is not null)
            {
                return await WriteAsync(intent with { AlbumId = ours.Id }, cancellationToken);
            }
        }
        else
        {
            var others = (await ThereAsync(cancellationToken)).Where(album => album.Title == planned.Title).Select(album => album.Id!).ToArray();
            intent = await WriteAsync(new(planned.Folder, null, others), cancellationToken);
        }

        Album? created = null;
        for (var attempt = 0; created?.Id is null; attempt++)
        {
            try
            {
                created = await google.WriteAsync(google.Service.Albums.Create(new() { Album = new() { Title = planned.Title } }), repeats: false, cancellationToken);
            }
            catch (GoogleServiceException lost) when (lost.Failure is GoogleFailure.Network or GoogleFailure.ServerError && attempt < 3)
            {
                _there = null;
                created = (await ThereAsync(cancellationToken)).FirstOrDefault(album => album.Title == planned.Title && !intent.Others.Contains(album.Id!) && !IsOfAnother(album.Id!));
            }
        }

        _there?.Add(created);
        return await WriteAsync(intent with { AlbumId = created.Id }, cancellationToken);
    }

    /// <summary>Two albums of one title are told apart by what was made of the first.</summary>
    private bool IsOfAnother(string albumId) => journal.Albums.Any(album => album.AlbumId == albumId);

    private async Task<AlbumState> AddTextAsync(PlannedAlbum planned, AlbumState state, CancellationToken cancellationToken)
    {
        if (planned.Text is not { } text || state.Text == TextState.Added)
        {
            return state;
        }

        if (state.Text == TextState.Intended)
        {
            _problems.Add($"{planned.Title}: whether its text was added is not known; add it by hand if it is missing.");
            return state;
        }

        state = await WriteAsync(state with { Text = TextState.Intended }, cancellationToken);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await google.WriteAsync(
                    google.Service.Albums.AddEnrichment(
                        new() { NewEnrichmentItem = new() { TextEnrichment = new() { Text = text } }, AlbumPosition = new() { Position = AlbumPositionType.FirstInAlbum } }, state.AlbumId!),
                    repeats: false,
                    cancellationToken);
                return await WriteAsync(state with { Text = TextState.Added }, cancellationToken);
            }
            catch (GoogleServiceException gone) when (gone.Failure == GoogleFailure.NotFound)
            {
                await RequireAsync(state.AlbumId!, gone, cancellationToken);
                throw;
            }
            catch (GoogleServiceException trouble) when (trouble.Failure == GoogleFailure.ServerError && attempt < 3)
            {
                // An answer, and it says no: nothing was added.
            }
            catch (GoogleServiceException lost) when (lost.Failure is GoogleFailure.Network or GoogleFailure.ServerError)
            {
                _problems.Add($"{planned.Title}: whether its text was added is not known; add it by hand if it is missing.");
                return state;
            }
        }
    }

    private async Task<AlbumState> AddItemsAsync(PlannedAlbum planned, AlbumState state, string[] ids, CancellationToken cancellationToken)
    {
        while (state.Added < ids.Length)
        {
            var part = ids[state.Added..Math.Min(ids.Length, state.Added + LibraryLimits.Batch)];
            await AddAsync(planned, state.AlbumId!, part, cancellationToken);
            state = await WriteAsync(state with { Added = state.Added + part.Length }, cancellationToken);
        }

        return state;
    }

    /// <summary>Repeating is harmless: what is in an album is not added again. One id that Google does not take fails all, so it is looked for by halves.</summary>
    private async Task AddAsync(PlannedAlbum planned, string albumId, string[] ids, CancellationToken cancellationToken)
    {
        try
        {
            await google.WriteAsync(google.Service.Albums.BatchAddMediaItems(new() { MediaItemIds = ids }, albumId), repeats: true, cancellationToken);
        }
        catch (GoogleServiceException refused) when (refused.Failure is GoogleFailure.InvalidRequest or GoogleFailure.Forbidden or GoogleFailure.NotFound)
        {
            await RequireAsync(albumId, refused, cancellationToken);
            if (ids.Length == 1)
            {
                _problems.Add($"{planned.Title}: an item was refused: {refused.Message}");
                return;
            }

            await AddAsync(planned, albumId, ids[..(ids.Length / 2)], cancellationToken);
            await AddAsync(planned, albumId, ids[(ids.Length / 2)..], cancellationToken);
        }
    }

    private async Task<List<Album>> ThereAsync(CancellationToken cancellationToken)
    {
        if (_there is not null)
        {
            return _there;
        }

        var there = new List<Album>();
        string? page = null;
        do
        {
            var answer = await google.ReadAsync(new AlbumsResource.ListRequest(google.Service) { PageSize = LibraryLimits.AlbumsPage, PageToken = page }, cancellationToken);
            there.AddRange(answer.Albums ?? []);
            page = answer.NextPageToken;
        }
        while (page is not null);

        return _there = there;
    }

    private async Task<AlbumState> WriteAsync(AlbumState state, CancellationToken cancellationToken)
    {
        await journal.AppendAsync([new() { Album = state }], cancellationToken);
        return state;
    }
}
