using System.Net;
using k8s;

namespace KlosetOperator.Tests.Clusters;

/// <summary>The generated roles before the real authoriser.</summary>
public sealed class LeastPowerTests
{
    [Fact]
    public async Task The_generated_roles_are_enough_and_Secrets_are_never_read()
    {
        await using var world = await OperatorOnRealServer.StartAsync();
        await world.ApplyAsync("-k", Path.Combine(OperatorOnCluster.Root(), "config/samples"));
        await world.CreatePassphraseAsync();
        world.StartOperator();
        await OperatorOnCluster.UntilAsync(
            () => world.Admin.BatchV1.ListNamespacedJob(OperatorOnRealServer.Namespace).Items.FirstOrDefault(job => job.Metadata.Name.StartsWith("klr-lab-", StringComparison.Ordinal)),
            "a Job for the repository in the claim", () => string.Join('\n', world.Calls.Where(call => (int)call.Status >= 400)));
        await OperatorOnCluster.UntilAsync(
            () => world.Admin.EventsV1.ListNamespacedEvent(OperatorOnRealServer.Namespace).Items.FirstOrDefault(entry => entry.Reason == "RunStarted"), "an Event");
        Assert.Equal(0, await world.StopOperatorAsync());

        Assert.DoesNotContain(world.Calls, call => call.Status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized);
        Assert.All(
            world.Calls.Where(call => call.Call.Contains("/secrets", StringComparison.Ordinal)),
            call => Assert.Contains("as=PartialObjectMetadata", call.Accept, StringComparison.Ordinal));
        Assert.Contains(world.Calls, call => call.Call.Contains("/secrets", StringComparison.Ordinal));
    }
}
