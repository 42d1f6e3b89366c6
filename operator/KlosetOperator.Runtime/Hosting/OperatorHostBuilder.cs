using System.Security.Cryptography;
using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Apply;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Events;
using KlosetOperator.Runtime.Leader;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>
/// Puts an operator together. Besides what the application adds, its services are: <c>IApiClient&lt;T&gt;</c>,
/// <c>IPodLogs</c>, <c>ICache&lt;T&gt;</c> and <c>IInformer&lt;T&gt;</c> (of kinds that have an informer),
/// <c>IEntityQueue&lt;T&gt;</c> (of kinds that have a controller), <c>IEventRecorder</c>, <c>IStatusApplier</c>,
/// <c>Expectations&lt;T&gt;</c>, <c>ILeadership</c>, <c>RuntimeMetrics</c>, <c>TimeProvider</c>, <c>Random</c>,
/// <c>OperatorHostOptions</c>. A <c>TimeProvider</c>, <c>Random</c>,
/// <c>IApiClient&lt;T&gt;</c> or <c>IPodLogs</c> that the application registers is used instead.
/// </summary>
public sealed class OperatorHostBuilder
{
    private readonly WebApplicationBuilder _web;
    private readonly KubernetesClientConfiguration _configuration;
    private readonly InformerRegistry _informers = new();
    private readonly List<Func<DelegatingHandler>> _handlers = [];
    private readonly List<Action<WebApplication>> _http = [];
    private readonly List<Func<IServiceProvider, IRunningController>> _controllers = [];

    /// <summary>Replaces the network in tests.</summary>
    internal Func<DelegatingHandler>? Transport { get; set; }

    internal OperatorHostBuilder(WebApplicationBuilder web, KubernetesClientConfiguration configuration, OperatorHostOptions options)
    {
        _web = web;
        _configuration = configuration;
        Options = options;
    }

    public OperatorHostOptions Options { get; }

    public IServiceCollection Services => _web.Services;

    public ILoggingBuilder Logging => _web.Logging;

    /// <summary>Holds the environment's variables; add what else the application reads.</summary>
    public IConfigurationManager Configuration => _web.Configuration;

    /// <summary>Watches a kind and keeps its cache. Controllers' own, owned and watched kinds get an informer by themselves; call this to set its options.</summary>
    public OperatorHostBuilder AddInformer<T>(Action<InformerOptions<T>>? configure = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var options = _informers.Ensure<T>();
        configure?.Invoke(options);
        return this;
    }

    /// <summary>Adds a controller of a kind; one per kind. It is made once, with its dependencies injected.</summary>
    public OperatorHostBuilder AddController<TEntity, TController>(Action<ControllerBuilder<TEntity>>? configure = null)
        where TEntity : class, IKubernetesObject<V1ObjectMeta>
        where TController : class, IEntityController<TEntity>
    {
        var definition = new ControllerBuilder<TEntity>(ApiResource.Of<TEntity>().Kind.ToLowerInvariant());
        configure?.Invoke(definition);
        _informers.Ensure<TEntity>();
        foreach (var source in definition.Sources)
        {
            source.EnsureInformer(_informers);
        }

        Services.TryAddSingleton<TController>();

        // The queue exists before the controller does, so that the controller may have the queue injected.
        Services.AddSingleton(services => new EntityQueue<TEntity>(
            definition.Name, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<RuntimeMetrics>()));
        Services.AddSingleton<IEntityQueue<TEntity>>(static services => services.GetRequiredService<EntityQueue<TEntity>>());
        _controllers.Add(services => new Controller<TEntity>(
            definition,
            services.GetRequiredService<TController>(),
            definition.Finalizer?.Invoke(services),
            services.GetRequiredService<IApiClient<TEntity>>(),
            services.GetRequiredService<IInformer<TEntity>>(),
            services.GetRequiredService<EntityQueue<TEntity>>().Queue,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<RuntimeMetrics>(),
            services.GetRequiredService<ILogger<Controller<TEntity>>>()));
        return this;
    }

    /// <summary>Adds endpoints beside <c>/healthz</c>, <c>/livez</c> and <c>/readyz</c>, for instance <c>/metrics</c>.</summary>
    public OperatorHostBuilder ConfigureHttp(Action<WebApplication> configure)
    {
        _http.Add(configure);
        return this;
    }

    /// <summary>Puts a handler between this program and the API server, outside the back-off: it sees every call once.</summary>
    public OperatorHostBuilder AddHttpHandler(Func<DelegatingHandler> create)
    {
        _handlers.Add(create);
        return this;
    }

    public OperatorHost Build()
    {
        Services.TryAddSingleton(TimeProvider.System);
        Services.TryAddSingleton<Random>(static _ => new SynchronizedRandom(RandomNumberGenerator.GetInt32(int.MaxValue)));
        Services.AddMetrics();
        Services.TryAddSingleton<RuntimeMetrics>();
        Services.AddSingleton(Options);
        Services.AddSingleton(services => new ApiConnection(
            _configuration,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<RuntimeMetrics>(),
            Options.RequestTimeout,
            _handlers.Select(static create => create()),
            Transport is { } transport ? [transport()] : null));
        Services.TryAddSingleton(typeof(IApiClient<>), typeof(ApiClient<>));
        Services.TryAddSingleton<IPodLogs, PodLogs>();

        Services.AddSingleton(_informers);
        Services.AddSingleton(typeof(Informer<>));
        Services.AddSingleton(typeof(IInformer<>), typeof(RegisteredInformer<>));
        Services.AddSingleton(typeof(ICache<>), typeof(RegisteredInformer<>));
        Services.AddSingleton(services => new InformerGroup(_informers.Create(services), services.GetRequiredService<TimeProvider>()));

        Services.AddSingleton(typeof(Expectations<>));
        Services.AddSingleton<IStatusApplier, StatusApplier>();
        Services.AddSingleton<EventRecorder>();
        Services.AddSingleton<IEventRecorder>(static services => services.GetRequiredService<EventRecorder>());
        AddLeadership();

        if (Options.HttpUrl is { } url)
        {
            _web.WebHost.UseKestrelCore().UseUrls(url);
        }
        else
        {
            Services.AddSingleton<IServer, NoServer>();
        }

        Services.AddRoutingCore();
        var app = _web.Build();
        Probes.Map(app);
        foreach (var configure in _http)
        {
            configure(app);
        }

        return new OperatorHost(app, Options, _controllers);
    }

    private void AddLeadership()
    {
        if (Options.LeaderElection is not { } election)
        {
            Services.AddSingleton<ILeadership, SoleLeader>();
            return;
        }

        Services.AddSingleton(services =>
        {
            var random = services.GetRequiredService<Random>();
            return new LeaseElector(
                services.GetRequiredService<IApiClient<V1Lease>>(),
                new NamespacedName(Options.Namespace, Options.Name),
                LeaseElector.UniqueIdentity(Options.Identity, random),
                election,
                services.GetRequiredService<TimeProvider>(),
                random,
                services.GetRequiredService<RuntimeMetrics>(),
                services.GetRequiredService<ILogger<LeaseElector>>());
        });
        Services.AddSingleton<ILeadership>(static services => services.GetRequiredService<LeaseElector>());
    }
}
