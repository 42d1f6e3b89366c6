using GooglePhotos.Library;
using GooglePhotos.Services;

namespace KlosetWorker.Restoring.GoogleLibrary;

/// <summary>
/// How calls to one person's library go out: counted against the project's day, writes spaced below the person's minute, and one after the
/// other, because Google refuses those that overlap: not for several threads.
/// </summary>
internal sealed class GoogleWrites(PhotosLibraryService service, GoogleCalls calls, RequestBudget budget, TimeProvider time)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly Queue<long> _recent = new();

    public PhotosLibraryService Service => service;

    public RequestBudget Budget => budget;

    public Task<T> ReadAsync<T>(GoogleRequest<T> request, CancellationToken cancellationToken) => SendAsync(request, repeats: true, cancellationToken);

    /// <param name="repeats">Whether a call whose answer was lost may be sent again here.</param>
    public async Task<T> WriteAsync<T>(GoogleRequest<T> request, bool repeats, CancellationToken cancellationToken)
    {
        if (_recent.Count >= UploadPlanner.WritesPerMinute && Minute - time.GetElapsedTime(_recent.Dequeue()) is { } wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, time, cancellationToken);
        }

        _recent.Enqueue(time.GetTimestamp());
        return await SendAsync(request, repeats, cancellationToken);
    }

    private Task<T> SendAsync<T>(GoogleRequest<T> request, bool repeats, CancellationToken cancellationToken) => calls.RunAsync(
        service.DisplayName,
        async token =>
        {
            await budget.TakeAsync(token);
            return await request.ExecuteAsync(token);
        },
        cancellationToken,
        repeats);
}
