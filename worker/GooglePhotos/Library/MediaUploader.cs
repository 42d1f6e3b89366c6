using GooglePhotos.Services;

namespace GooglePhotos.Library;

/// <summary>
/// Gets bytes to Google whatever happens to the connection. Small files go raw, which costs one call of the daily quota; large ones in a session that
/// goes on where it broke, for two. A broken session is asked how far it came before anything is sent again.
/// </summary>
/// <param name="sent">Told of bytes as they go out, of those that are sent again, too.</param>
public sealed class MediaUploader(PhotosLibraryService service, GoogleCalls calls, TimeProvider time, Action<long>? sent = null)
{
    private const int MaxRestarts = 5;

    /// <summary>From this size on a session is worth its second call: a raw upload that breaks at its end costs all its bytes again.</summary>
    public long ResumableFrom { get; init; } = 64 << 20;

    /// <summary>Told before each request, for a budget per day.</summary>
    public Func<CancellationToken, ValueTask>? Request { get; init; }

    /// <returns>The upload token.</returns>
    /// <exception cref="GoogleServiceException"/>
    public async Task<string> UploadAsync(UploadSource source, CancellationToken cancellationToken)
    {
        for (var restart = 0; ; restart++)
        {
            try
            {
                return source.Length < ResumableFrom
                    ? await calls.RunAsync(service.DisplayName, token => WatchedAsync((inner, moved) => service.Uploads.RawAsync(source, inner, moved), token), cancellationToken, timeout: Timeout.InfiniteTimeSpan)
                    : await ResumeAsync(source, cancellationToken);
            }
            catch (GoogleServiceException broken) when (broken.Failure is GoogleFailure.ChecksumMismatch or GoogleFailure.NotFound && restart < MaxRestarts)
            {
                // Bytes that were damaged on their way, or a session that Google forgot: begin again.
            }
        }
    }

    private async Task<string> ResumeAsync(UploadSource source, CancellationToken cancellationToken)
    {
        var session = await calls.RunAsync(
            service.DisplayName,
            async token =>
            {
                await AnnounceAsync(token);
                return await service.Uploads.StartAsync(source, token);
            },
            cancellationToken);
        var offset = 0L;
        var broken = false;
        return await calls.RunAsync(
            service.DisplayName,
            async token =>
            {
                if (broken)
                {
                    await AnnounceAsync(token);
                    var state = await service.Uploads.QueryAsync(session, token);
                    if (state.Status != UploadStatus.Active || state.Received > source.Length)
                    {
                        // The token of a finalised upload is not given out twice.
                        throw new GoogleServiceException(service.DisplayName, GoogleFailure.NotFound, "The upload's session ended before its token arrived.");
                    }

                    offset = state.Received;
                }

                broken = true;
                return await WatchedAsync((inner, moved) => service.Uploads.SendAsync(session, source, offset, source.Length - offset, inner, moved), token)
                    ?? throw new System.Diagnostics.UnreachableException();
            },
            cancellationToken,
            timeout: Timeout.InfiniteTimeSpan);
    }

    private ValueTask AnnounceAsync(CancellationToken cancellationToken) => Request?.Invoke(cancellationToken) ?? ValueTask.CompletedTask;

    private async Task<T> WatchedAsync<T>(Func<CancellationToken, Action<long>, Task<T>> transfer, CancellationToken cancellationToken)
    {
        await AnnounceAsync(cancellationToken);
        using var watch = new TransferWatch(time, cancellationToken);
        return await transfer(watch.Token, bytes =>
        {
            watch.Moved();
            sent?.Invoke(bytes);
        });
    }
}
