using System.Net;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Cache;

/// <summary>
/// Keeps one scope of a store like the server: lists, then watches from there, and lists again when the server has
/// forgotten where it was. client-go's reflector.
/// </summary>
internal sealed partial class Reflector<T>(
    IApiClient<T> client,
    Store<T> store,
    InformerOptions<T> options,
    string? scope,
    TimeProvider time,
    Random random,
    RuntimeMetrics metrics,
    ILogger logger)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Pages are for lists that the server must read from etcd; lists from its cache come whole.</summary>
    private const int PageSize = 500;

    // An idle watch that the server or a proxy closes at once must not become a busy loop.
    private static readonly TimeSpan VeryShortWatch = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestInternalError = TimeSpan.FromMinutes(1);
    private const int VeryShortWatchesBeforeList = 3;

    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Backoff _backoff = Backoff.ForReflector(time, random);
    private string? _version;
    private bool _versionUnavailable;
    private long _lastList;

    /// <summary>Completes when the first list is in the store and delivered.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Why it is not in sync, as far as known.</summary>
    public Exception? LastError { get; private set; }

    public string? Scope => scope;

    private string Resource => client.Resource.ToString();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await ListAsync(cancellationToken).ConfigureAwait(false))
            {
                await WatchUntilListIsNeededAsync(cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await WaitAsync(retryAfter: null, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> ListAsync(CancellationToken cancellationToken)
    {
        // Not older than what was seen, so that time does not run backwards; at first whatever the server has in its
        // cache; and if it cannot serve that, the truth from etcd.
        for (var fromEtcd = _versionUnavailable; ; fromEtcd = true)
        {
            try
            {
                metrics.WatchRestarts.Add(1, new KeyValuePair<string, object?>("resource", Resource));
                var list = await client.ListAsync(
                    new ListQuery(scope)
                    {
                        LabelSelector = options.LabelSelector,
                        FieldSelector = options.FieldSelector,
                        ResourceVersion = fromEtcd ? null : _version ?? "0",
                        Limit = fromEtcd ? PageSize : null,
                    },
                    cancellationToken).ConfigureAwait(false);
                Accept(list);
                return true;
            }
            catch (ApiException error) when (!fromEtcd && (error.IsExpired || error.IsTooLargeResourceVersion))
            {
                _versionUnavailable = true;
                LogVersionUnavailable(Resource, _version ?? "0");
            }
            catch (ApiException error)
            {
                LastError = error;
                LogListFailed(Resource, error.Message);
                return false;
            }
        }
    }

    private void Accept(ObjectList<T> list)
    {
        foreach (var item in list.Undecodable)
        {
            LogUndecodable(Resource, item.Key, item.Error);
        }

        var initial = !_synced.Task.IsCompleted;
        var resync = !initial && options.Resync > TimeSpan.Zero && time.GetElapsedTime(_lastList) >= options.Resync;
        store.Replace(
            scope,
            [.. list.Items.Select(Kept)],
            [.. list.Undecodable.Select(static item => item.Key)],
            initial,
            tellUnchanged: resync);
        _version = list.ResourceVersion;
        _versionUnavailable = false;
        LastError = null;
        if (initial || resync)
        {
            _lastList = time.GetTimestamp();
        }

        _synced.TrySetResult();
    }

    /// <summary>Watches again and again from the last version seen, while that is possible.</summary>
    private async Task WatchUntilListIsNeededAsync(CancellationToken cancellationToken)
    {
        long? internalErrorsSince = null;
        var veryShort = 0;
        while (options.Resync <= TimeSpan.Zero || time.GetElapsedTime(_lastList) < options.Resync)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var started = time.GetTimestamp();
            var (end, events) = await WatchOnceAsync(cancellationToken).ConfigureAwait(false);
            if (events > 0)
            {
                internalErrorsSince = null;
                veryShort = 0;
                LastError = null;
            }

            switch (end)
            {
                case WatchEnd.Expired expired:
                    LogExpired(Resource, expired.Message);
                    return;

                case WatchEnd.Closed when events == 0 && time.GetElapsedTime(started) < VeryShortWatch:
                    LogVeryShort(Resource);
                    await WaitAsync(retryAfter: null, cancellationToken).ConfigureAwait(false);
                    if (++veryShort == VeryShortWatchesBeforeList)
                    {
                        return;
                    }

                    break;

                case WatchEnd.Closed:
                    veryShort = 0;
                    break;

                case WatchEnd.Failed { Error: var error }:
                    LastError = error;
                    LogWatchFailed(Resource, error.Message);
                    await WaitAsync(error.RetryAfter, cancellationToken).ConfigureAwait(false);
                    if (error.IsTooLargeResourceVersion)
                    {
                        _versionUnavailable = true;
                        return;
                    }

                    if (error.StatusCode is null or HttpStatusCode.TooManyRequests)
                    {
                        // The server is away or busy; what we know is still good.
                        break;
                    }

                    internalErrorsSince ??= started;
                    if ((int)error.StatusCode < 500 || time.GetElapsedTime(internalErrorsSince.Value) > LongestInternalError)
                    {
                        return;
                    }

                    break;

                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }
    }

    private async Task<(WatchEnd End, int Events)> WatchOnceAsync(CancellationToken cancellationToken)
    {
        var query = new WatchQuery(scope, _version ?? "")
        {
            LabelSelector = options.LabelSelector,
            FieldSelector = options.FieldSelector,

            // Random, so that the watches of many clients do not all end together.
            Timeout = TimeSpan.FromSeconds(300 + (300 * random.NextDouble())),
        };
        var events = 0;
        await foreach (var item in client.WatchAsync(query, cancellationToken).ConfigureAwait(false))
        {
            switch (item)
            {
                case WatchEvent<T>.Added { Entity: var entity }:
                    Upsert(entity);
                    break;
                case WatchEvent<T>.Modified { Entity: var entity }:
                    Upsert(entity);
                    break;
                case WatchEvent<T>.Deleted { Entity: var entity }:
                    store.Remove(NamespacedName.Of(entity), Kept(entity));
                    Seen(entity.Metadata.ResourceVersion);
                    break;
                case WatchEvent<T>.Bookmark { ResourceVersion: var version }:
                    Seen(version);
                    break;
                case WatchEvent<T>.Undecodable { Item: var odd, IsDeletion: var deleted }:
                    LogUndecodable(Resource, odd.Key, odd.Error);
                    if (deleted)
                    {
                        store.Remove(odd.Key);
                    }

                    Seen(odd.ResourceVersion);
                    break;
                case WatchEvent<T>.Ended { End: var end }:
                    return (end, events);
                default:
                    throw new System.Diagnostics.UnreachableException();
            }

            events++;
        }

        return (new WatchEnd.Closed(), events);
    }

    /// <summary>kubectl keeps a copy of the whole object in an annotation, for itself alone.</summary>
    private T Kept(T entity)
    {
        entity.Metadata.Annotations?.Remove("kubectl.kubernetes.io/last-applied-configuration");
        return options.Transform(entity);
    }

    private void Upsert(T entity)
    {
        store.Upsert(Kept(entity));
        Seen(entity.Metadata.ResourceVersion);
    }

    private void Seen(string? version)
    {
        if (!string.IsNullOrEmpty(version))
        {
            _version = version;
        }
    }

    private Task WaitAsync(TimeSpan? retryAfter, CancellationToken cancellationToken)
    {
        var wait = _backoff.Next();
        return Task.Delay(retryAfter > wait ? retryAfter.Value : wait, time, cancellationToken);
    }
}
