using ControlPlane;
using k8s.Models;
using KlosetOperator.Runtime.Api;
using KlosetOperator.Runtime.Diagnostics;
using KlosetOperator.Runtime.Tests.Support;

[assembly: AssemblyFixture(typeof(KlosetOperator.Runtime.Tests.Real.RealServerFixture))]

namespace KlosetOperator.Runtime.Tests.Real;

/// <summary>One real API server for all tests that want one, with the Widget kind installed.</summary>
public sealed class RealServerFixture : IAsyncLifetime
{
    private readonly RuntimeMetrics _metrics = new();
    private readonly SemaphoreSlim _starting = new(1);
    private ApiConnection? _connection;
    private RealApiServer? _server;

    /// <summary>Starts it when the first test asks; skips the test where there is none.</summary>
    internal async Task<ApiConnection> ConnectAsync()
    {
        Assert.SkipWhen(RealApiServer.WhyUnavailable is not null, RealApiServer.WhyUnavailable ?? "");
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (_connection is null)
            {
                _server = await RealApiServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
                _connection = new ApiConnection(_server.Configuration(), TimeProvider.System, _metrics, TimeSpan.FromSeconds(30));
                var definitions = new ApiClient<V1CustomResourceDefinition>(_connection);
                await definitions.CreateAsync(WidgetStatus.Definition(), TestContext.Current.CancellationToken);
                await Eventually.Holds(
                    async () => (await definitions.GetAsync(new NamespacedName(null, "widgets.example.org"), default))!.Status?.Conditions?
                        .Any(static condition => condition.Type == "Established" && condition.Status == "True") ?? false,
                    "the Widget kind is established");
                await Eventually.Holds(
                    async () =>
                    {
                        try
                        {
                            await new ApiClient<Widget>(_connection).ListAsync(new ListQuery(), default);
                            return true;
                        }
                        catch (ApiException error) when (error.IsNotFound)
                        {
                            return false;
                        }
                    },
                    "the Widget kind is served");
            }

            return _connection;
        }
        finally
        {
            _starting.Release();
        }
    }

    internal RealApiServer Server => _server!;

    /// <summary>A namespace that no other test uses.</summary>
    internal async Task<string> NamespaceAsync(string name)
    {
        await new ApiClient<V1Namespace>(await ConnectAsync()).CreateAsync(
            new V1Namespace { Metadata = new V1ObjectMeta { Name = name } }, TestContext.Current.CancellationToken);
        return name;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        _metrics.Dispose();
        _starting.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }
}
