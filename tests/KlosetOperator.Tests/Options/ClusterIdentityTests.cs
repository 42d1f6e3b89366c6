using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;
using KlosetOperator.Options;
using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KlosetOperator.Tests.Options;

/// <summary>A wrong name would give up a repository that is ours, so a server that does not answer well yet is asked again.</summary>
public sealed class ClusterIdentityTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task The_name_is_the_uid_of_kube_system_however_long_the_server_refuses_to_tell()
    {
        var answers = new Queue<Func<string>>(
        [
            () => throw new ApiException("get: connection refused"),
            Refused(HttpStatusCode.Unauthorized),
            Refused(HttpStatusCode.Forbidden),
            Refused(HttpStatusCode.Forbidden),
            Refused(HttpStatusCode.Forbidden),
            Refused(HttpStatusCode.ServiceUnavailable),
            Refused(HttpStatusCode.Forbidden),
            () => "6a8b",
        ]);
        Assert.Equal("6a8b", await ResolveAsync(answers));
    }

    [Fact]
    public async Task Who_may_not_look_there_goes_by_no_name() =>
        Assert.Equal("unnamed", await ResolveAsync(new Queue<Func<string>>(Enumerable.Repeat(Refused(HttpStatusCode.Forbidden), 5))));

    [Fact]
    public async Task Who_was_given_a_name_asks_nobody() => Assert.Equal("home", await ResolveAsync([], "home"));

    [Fact]
    public void Nothing_acts_under_a_name_that_is_not_known_yet() =>
        Assert.Throws<InvalidOperationException>(() => new ClusterIdentity(new Namespaces([]), new OperatorOptions(), _time, NullLogger<ClusterIdentity>.Instance).Name);

    private static Func<string> Refused(HttpStatusCode code) => () => throw new ApiException("get: refused", code, "Refused");

    private async Task<string> ResolveAsync(Queue<Func<string>> answers, string given = "")
    {
        var identity = new ClusterIdentity(new Namespaces(answers), new OperatorOptions { ClusterName = given }, _time, NullLogger<ClusterIdentity>.Instance);
        var resolving = identity.ResolveAsync(TestContext.Current.CancellationToken);
        while (!resolving.IsCompleted)
        {
            await Task.Yield();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await resolving;
        return identity.Name;
    }

    /// <summary>Answers the one call that finding a name may make; any other would need rights that the operator does not have, and fails the test.</summary>
    private sealed class Namespaces(Queue<Func<string>> answers) : IApiClient<MetadataOnly<V1Namespace>>
    {
        public ApiResource Resource => ApiResource.Of<MetadataOnly<V1Namespace>>();

        public Task<MetadataOnly<V1Namespace>?> GetAsync(NamespacedName key, CancellationToken cancellationToken)
        {
            Assert.Equal("kube-system", key.ToString());
            return Task.FromResult<MetadataOnly<V1Namespace>?>(new MetadataOnly<V1Namespace> { Metadata = new V1ObjectMeta { Uid = answers.Dequeue()() } });
        }

        public Task<ObjectList<MetadataOnly<V1Namespace>>> ListAsync(ListQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<WatchEvent<MetadataOnly<V1Namespace>>> WatchAsync(WatchQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<MetadataOnly<V1Namespace>> CreateAsync(MetadataOnly<V1Namespace> entity, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<MetadataOnly<V1Namespace>> ReplaceAsync(MetadataOnly<V1Namespace> entity, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(NamespacedName key, Deletion deletion, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<MetadataOnly<V1Namespace>> PatchMergeAsync(NamespacedName key, JsonNode patch, CancellationToken cancellationToken, string? subresource = null) => throw new NotSupportedException();

        public Task<MetadataOnly<V1Namespace>> ApplyAsync(
            JsonObject configuration, string fieldManager, bool force, CancellationToken cancellationToken, string? subresource = null) => throw new NotSupportedException();
    }
}
