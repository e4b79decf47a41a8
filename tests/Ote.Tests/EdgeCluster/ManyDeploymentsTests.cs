using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Testing.Meters;

namespace Ote.Tests.EdgeCluster;

/// <summary>What hundreds of Deployments in one namespace cost the API server: so much for each pod, and nothing that grows with all of them.</summary>
public sealed class ManyDeploymentsTests
{
    private const int Deployments = 250;
    private const int Replicas = 3;

    [Fact]
    public async Task Hundreds_of_deployments_settle_with_a_bounded_number_of_requests_for_each_pod()
    {
        await using var world = await EdgeWorld.StartAsync(
            nodes: 4, new SimulatedRuntimeOptions { StartDelay = TimeSpan.Zero, MaxPods = 250 }, options: o => o with { MaxEvents = 64, Server = new ApiServerOptions { HistoryKept = 100_000 } });
        using var counts = new Counts(world.Meters);
        var settled = new HashSet<string>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Watch(Kinds.Deployments).Seen += (_, now) =>
        {
            if (now?.Condition("Progressing").Text("reason") == "NewReplicaSetAvailable" && settled.Add(now.Name()) && settled.Count == Deployments)
            {
                done.SetResult();
            }
        };
        await Task.WhenAll(Enumerable.Range(0, Deployments).Select(n => world.CreateAsync(Kinds.Deployments, $$$"""
            {"metadata":{"name":"d{{{n}}}"},"spec":{"replicas":{{{Replicas}}},"selector":{"matchLabels":{"app":"d{{{n}}}"} },
             "template":{"metadata":{"labels":{"app":"d{{{n}}}","tier":"edge"} },"spec":{"containers":[{"name":"c","image":"x"}]} } } }
            """)));
        while (!done.Task.IsCompleted)
        {
            await world.StepAsync(TimeSpan.FromMilliseconds(100));
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        double EachPod(params string[] verbs) => verbs.Sum(verb => counts.Of("ote.kube.server.requests", $"verb={verb}")) / (double)(Deployments * Replicas);
        var (writes, reads, lists) = (EachPod("create", "update", "patch", "delete"), EachPod("get"), counts.Of("ote.kube.server.requests", "verb=list"));
        TestContext.Current.SendDiagnosticMessage($"for a pod {writes:0.0} writes and {reads:0.0} reads; {lists} lists altogether");

        // A pod is made, bound, and shows two statuses; the rest is its share of its set, its Deployment and the events about them.
        Assert.InRange(writes, 4, 14);
        Assert.InRange(reads, 0, 4);
        Assert.InRange(lists, 0, 50);
        Assert.Equal(Deployments * Replicas, (await world.Client.ListAsync(Kinds.Pods, "default", null, TestContext.Current.CancellationToken)).Items.Count);
    }
}
