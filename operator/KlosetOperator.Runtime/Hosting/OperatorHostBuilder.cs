using k8s;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Cache;
using KlosetOperator.Runtime.Control;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>
/// Puts an operator together. Besides what the application adds, its services are: <c>IApiClient&lt;T&gt;</c>,
/// <c>IPodLogs</c>, <c>ICache&lt;T&gt;</c> and <c>IInformer&lt;T&gt;</c> (of kinds that have an informer),
/// <c>IEntityQueue&lt;T&gt;</c>, <c>IEventRecorder</c>, <c>IStatusApplier</c>, <c>Expectations&lt;T&gt;</c>,
/// <c>ILeadership</c>, <c>TimeProvider</c>, <c>Random</c>, <c>OperatorHostOptions</c>.
/// </summary>
public sealed partial class OperatorHostBuilder
{
    private readonly WebApplicationBuilder _web;

    internal OperatorHostBuilder(WebApplicationBuilder web, OperatorHostOptions options)
    {
        _web = web;
        Options = options;
    }

    public OperatorHostOptions Options { get; }

    public IServiceCollection Services => _web.Services;

    public ILoggingBuilder Logging => _web.Logging;

    internal InformerRegistry Informers { get; } = new();

    internal List<Action<WebApplication>> HttpSetup { get; } = [];

    /// <summary>Watches a kind and keeps its cache. Controllers' own, owned and watched kinds get an informer by themselves; call this to set its options.</summary>
    public OperatorHostBuilder AddInformer<T>(Action<InformerOptions<T>>? configure = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        configure?.Invoke(Informers.Ensure<T>());
        return this;
    }

    /// <summary>Adds a controller of a kind. It is made once, with its dependencies injected.</summary>
    public OperatorHostBuilder AddController<TEntity, TController>(Action<ControllerBuilder<TEntity>>? configure = null)
        where TEntity : class, IKubernetesObject<V1ObjectMeta>
        where TController : class, IEntityController<TEntity>
    {
        var builder = new ControllerBuilder<TEntity>(ApiResource.Of<TEntity>().Kind.ToLowerInvariant());
        configure?.Invoke(builder);
        Services.AddSingleton<TController>();
        return this;
    }

    /// <summary>Adds endpoints beside <c>/healthz</c>, <c>/livez</c> and <c>/readyz</c>, for instance <c>/metrics</c>.</summary>
    public OperatorHostBuilder ConfigureHttp(Action<WebApplication> configure)
    {
        HttpSetup.Add(configure);
        return this;
    }

    public OperatorHost Build() => throw new NotImplementedException();
}
