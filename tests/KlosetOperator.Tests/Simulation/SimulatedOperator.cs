using k8s;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Hosting;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KlosetOperator.Tests.Simulation;

/// <summary>The whole operator as it is composed in production, with its watches and its workers moved by hand.</summary>
internal sealed class SimulatedOperator : IAsyncDisposable
{
    private readonly OperatorHost _host;
    private readonly List<Feed> _feeds;
    private readonly IReadOnlyList<IRunningController> _controllers;

    public SimulatedOperator(SimulatedApi api, Line line, TimeProvider time, Func<NamespacedName, string?> logs, int mostJobs)
    {
        Line = line;
        var builder = OperatorHost.CreateBuilder(
            new KubernetesClientConfiguration { Host = "http://127.0.0.1:1" },
            new OperatorHostOptions { Name = "kloset-operator", HttpUrl = null, LeaderElection = null });
        builder.Services.AddSingleton(time).AddSingleton(new Random(1)).AddSingleton(line).AddSingleton(api)
            .AddSingleton(typeof(IApiClient<>), typeof(SimulatedClient<>))
            .AddSingleton<IPodLogs>(new Logs(logs));
        _host = OperatorComposition.Compose(builder, new OperatorOptions
        {
            WorkerImage = "worker",
            RestoreImage = "worker",
            ClusterName = "test",
            MostJobs = mostJobs,
            StartedAt = time.GetUtcNow(),
        });
        _feeds =
        [
            Of<MetadataOnly<V1Secret>>(api), Of<MetadataOnly<V1ConfigMap>>(api), Of<V1PersistentVolumeClaim>(api), Of<KlosetRepository>(api), Of<V1Job>(api), Of<V1Pod>(api),
            Of<PhotoBackup>(api), Of<PhotoRestore>(api),
        ];
        _feeds.ForEach(feed => feed.List(initial: true));
        _controllers = _host.Connect();
    }

    public Line Line { get; }

    public IReadOnlyList<Feed> Feeds => _feeds;

    /// <summary>Controllers that have something to do.</summary>
    public IReadOnlyList<IRunningController> Ready => [.. _controllers.Where(controller => controller.Waiting > 0)];

    /// <summary>One reconciliation.</summary>
    public static void Step(IRunningController controller)
    {
        var step = controller.StepAsync(CancellationToken.None);
        Assert.True(step.IsCompletedSuccessfully, step.Exception?.ToString() ?? "a step waited for something");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var controller in _controllers)
        {
            controller.Dispose();
        }

        await _host.DisposeAsync();
    }

    private Feed<T> Of<T>(SimulatedApi api)
        where T : class, IKubernetesObject<V1ObjectMeta> => new(api, _host.Services.GetRequiredService<Informer<T>>().Store);

    private sealed class Logs(Func<NamespacedName, string?> tail) : IPodLogs
    {
        public Task<string?> TailAsync(NamespacedName pod, string container, int tailLines, int limitBytes, CancellationToken cancellationToken) => Task.FromResult(tail(pod));
    }
}

/// <summary>One watch: how far it has come in the log, and what it lost on the way.</summary>
internal abstract class Feed
{
    /// <summary>Something was lost; only a list makes up for it.</summary>
    public bool HasGap { get; protected set; }

    public abstract bool IsBehind { get; }

    public abstract void Next();

    public abstract void Drop();

    public abstract void Repeat();

    public abstract void Swap();

    public abstract void List(bool initial = false);
}

internal sealed class Feed<T>(SimulatedApi api, Store<T> store) : Feed
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly string _kind = ApiResource.Of<T>().Plural;
    private int _read;

    public override bool IsBehind
    {
        get
        {
            while (_read < api.Log.Count && api.Log[_read].Kind != _kind)
            {
                _read++;
            }

            return _read < api.Log.Count;
        }
    }

    public override void Next()
    {
        if (IsBehind)
        {
            Tell(api.Log[_read++]);
        }
    }

    public override void Drop()
    {
        if (IsBehind)
        {
            _read++;
            HasGap = true;
        }
    }

    public override void Repeat()
    {
        if (IsBehind)
        {
            Tell(api.Log[_read]);
        }
    }

    public override void Swap()
    {
        if (!IsBehind)
        {
            return;
        }

        var first = api.Log[_read++];
        if (IsBehind)
        {
            Tell(api.Log[_read++]);
            HasGap = true; // an older state came last
        }

        Tell(first);
    }

    public override void List(bool initial = false)
    {
        _read = api.Log.Count;
        HasGap = false;
        store.Replace(null, [.. api.List(_kind).Select(api.Typed<T>)], initial: initial);
        store.MarkSynced();
    }

    private void Tell(Change change)
    {
        if (change.IsDeletion)
        {
            store.Remove(SimulatedApi.NameOf(change.Object), api.Typed<T>(change.Object));
        }
        else
        {
            store.Upsert(api.Typed<T>(change.Object));
        }
    }
}
