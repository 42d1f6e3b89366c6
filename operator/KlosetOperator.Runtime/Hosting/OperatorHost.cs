using k8s;
using Microsoft.AspNetCore.Builder;

namespace KlosetOperator.Runtime.Hosting;

/// <summary>
/// A running operator. Starts HTTP, then the caches, then the election, then the controllers; stops in the opposite
/// order and releases the lease last.
/// </summary>
public sealed class OperatorHost : IAsyncDisposable
{
    /// <param name="configuration">How to reach and authenticate to the API server: <see cref="KubernetesClientConfiguration.BuildDefaultConfig"/> in most programs.</param>
    /// <param name="options">See <see cref="OperatorHostOptions"/>.</param>
    public static OperatorHostBuilder CreateBuilder(KubernetesClientConfiguration configuration, OperatorHostOptions options)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new OperatorHostBuilder(WebApplication.CreateSlimBuilder(), options);
    }

    public IServiceProvider Services => throw new NotImplementedException();

    /// <summary>Where HTTP is served, once it runs; empty when nothing is served.</summary>
    public IReadOnlyCollection<string> HttpUrls => throw new NotImplementedException();

    /// <summary>Completes when the controllers have been started: the caches are filled and this process leads.</summary>
    public Task Started => throw new NotImplementedException();

    /// <summary>
    /// Runs until <paramref name="stop"/> is cancelled, the process gets SIGTERM or SIGINT, or leadership is lost.
    /// </summary>
    /// <returns>The process's exit code: 0 after a stop that was asked for, 1 otherwise. After a lost lease the
    /// process must end at once: return this from Main.</returns>
    public Task<int> RunAsync(CancellationToken stop = default) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
