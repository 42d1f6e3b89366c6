using System.Text.Json.Nodes;
using System.Threading.Channels;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Hosting;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Events;

/// <summary>Takes events without waiting and publishes them one after the other.</summary>
internal sealed partial class EventRecorder(
    IApiClient<Eventsv1Event> events, OperatorHostOptions options, TimeProvider time, Random random, ILogger<EventRecorder> logger) : IEventRecorder
{
    /// <summary>The API's limit.</summary>
    public const int MaxNoteBytes = 1024;

    private const int MaxNameLength = 253;
    private const int MaxReasonLength = 128;
    private const int MaxTries = 4;

    // Full means that the API server is away: events are the first thing to do without.
    private readonly Channel<Recorded> _recorded = Channel.CreateBounded<Recorded>(
        new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly EventCorrelator _correlator = new();

    public void Record(
        IKubernetesObject<V1ObjectMeta> regarding, EventKind kind, string reason, string action, string note, IKubernetesObject<V1ObjectMeta>? related = null)
    {
        ArgumentNullException.ThrowIfNull(regarding);
        _recorded.Writer.TryWrite(new Recorded(
            Reference(regarding),
            related is null ? null : Reference(related),
            kind,
            CutTo(reason),
            CutTo(action),
            Conditions.Cut(note ?? "", MaxNoteBytes - EventCorrelator.CombinedPrefix.Length),
            time.GetUtcNow()));
    }

    /// <summary>Publishes until <see cref="Complete"/> and everything is out, or cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var recorded in _recorded.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var decision = _correlator.Decide(ObjectKey(recorded.Regarding), recorded.Kind, recorded.Reason, recorded.Action, recorded.Note, recorded.Time);
            if (decision is EventDecision.Drop)
            {
                continue;
            }

            try
            {
                await PublishAsync(recorded, decision, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // One event that cannot be told must not silence all that follow.
                LogDropped(recorded.Reason, ObjectKey(recorded.Regarding), error.Message);
            }
        }
    }

    /// <summary>Takes nothing more.</summary>
    public void Complete() => _recorded.Writer.TryComplete();

    private static string ObjectKey(V1ObjectReference reference) => $"{reference.Kind}/{reference.NamespaceProperty}/{reference.Name}/{reference.Uid}";

    private static V1ObjectReference Reference(IKubernetesObject<V1ObjectMeta> entity)
    {
        var resource = ApiResource.Of(entity.GetType());
        return new V1ObjectReference
        {
            ApiVersion = resource.ApiVersion,
            Kind = resource.Kind,
            Name = entity.Metadata.Name,
            NamespaceProperty = entity.Metadata.NamespaceProperty,
            Uid = entity.Metadata.Uid,
            ResourceVersion = entity.Metadata.ResourceVersion,
        };
    }

    private static string CutTo(string text) => text.Length <= MaxReasonLength ? text : text[..MaxReasonLength];

    private async Task PublishAsync(Recorded recorded, EventDecision decision, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                switch (decision)
                {
                    case EventDecision.Create create:
                        create.Series.Published = await events.CreateAsync(New(recorded, create.Note), cancellationToken).ConfigureAwait(false);
                        break;
                    case EventDecision.CountUp { Series: { Published: { } published } series }:
                        await CountUpAsync(published, series, cancellationToken).ConfigureAwait(false);
                        break;
                    case EventDecision.CountUp { Series: var series }:
                        // Its first one never got out.
                        series.Published = await events.CreateAsync(New(recorded, recorded.Note), cancellationToken).ConfigureAwait(false);
                        break;
                    default:
                        break;
                }

                return;
            }
            catch (ApiException error) when (error.IsNotFound && decision is EventDecision.CountUp { Series.Published: not null } gone)
            {
                // Events live an hour. This one is told anew.
                gone.Series.Published = null;
                gone.Series.Count = 1;
            }
            catch (ApiException error) when (error.IsTransient && attempt < MaxTries)
            {
                await Task.Delay(TimeSpan.FromSeconds(attempt) * (1 + random.NextDouble()), time, cancellationToken).ConfigureAwait(false);
            }
            catch (ApiException error)
            {
                if (!error.IsNamespaceTerminating)
                {
                    LogDropped(recorded.Reason, ObjectKey(recorded.Regarding), error.Message);
                }

                return;
            }
        }
    }

    private Task<Eventsv1Event> CountUpAsync(Eventsv1Event published, EventSeries series, CancellationToken cancellationToken) =>
        events.PatchMergeAsync(
            NamespacedName.Of(published),
            new JsonObject
            {
                ["series"] = ApiJson.ToNode(new Eventsv1EventSeries { Count = series.Count, LastObservedTime = series.LastSeen.UtcDateTime }),
            },
            cancellationToken);

    private Eventsv1Event New(Recorded recorded, string note)
    {
        Span<byte> unique = stackalloc byte[8];
        random.NextBytes(unique);
        var suffix = "." + Convert.ToHexStringLower(unique);
        var name = recorded.Regarding.Name;
        return new Eventsv1Event
        {
            Metadata = new V1ObjectMeta
            {
                Name = (name.Length + suffix.Length <= MaxNameLength ? name : name[..(MaxNameLength - suffix.Length)].TrimEnd('.', '-')) + suffix,

                // The server takes events about objects of the cluster's scope nowhere else.
                NamespaceProperty = string.IsNullOrEmpty(recorded.Regarding.NamespaceProperty) ? "default" : recorded.Regarding.NamespaceProperty,
            },
            EventTime = recorded.Time.UtcDateTime,
            ReportingController = options.Name,
            ReportingInstance = CutTo(options.Identity),
            Type = recorded.Kind == EventKind.Warning ? "Warning" : "Normal",
            Reason = recorded.Reason,
            Action = recorded.Action,
            Note = note,
            Regarding = recorded.Regarding,
            Related = recorded.Related,
        };
    }

    private sealed record Recorded(
        V1ObjectReference Regarding, V1ObjectReference? Related, EventKind Kind, string Reason, string Action, string Note, DateTimeOffset Time);
}
