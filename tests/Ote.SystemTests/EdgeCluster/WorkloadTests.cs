using System.Globalization;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.EdgeCluster;

/// <summary>What people do to workloads with kubectl, old and new, on <c>ote edge-cluster</c>, also when it is killed in the middle.</summary>
public sealed class WorkloadTests(RealClusters clusters)
{
    private const string Workloads = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: c, image: "x:1", ports: [{containerPort: 8080, name: http}]}]}
        ---
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: db}
        spec:
          replicas: 2
          serviceName: db
          selector: {matchLabels: {app: db}}
          template:
            metadata: {labels: {app: db}}
            spec: {containers: [{name: c, image: "x:1"}]}
          volumeClaimTemplates:
          - metadata: {name: data}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: agent}
        spec:
          selector: {matchLabels: {app: agent}}
          template:
            metadata: {labels: {app: agent}}
            spec: {containers: [{name: c, image: "x:1"}]}
        ---
        apiVersion: batch/v1
        kind: Job
        metadata: {name: work}
        spec:
          completions: 3
          parallelism: 3
          template: {spec: {restartPolicy: Never, containers: [{name: c, image: "x:1"}]}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
        ---
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: web}
        spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
        """;

    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);
    private static readonly string[] s_sets = ["deployment/web", "statefulset/db", "daemonset/agent"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task Kubectl_rollsOutAndBack_waitsForJobs_findsEndpointsAndDrains(string age)
    {
        using Scratch scratch = new("workloads");
        await using ProductProcess cluster = await StartAsync(scratch, nodes: 3);
        Kubectl kubectl = await KubectlAsync(scratch, age);
        await kubectl.ApplyAsync(Workloads);
        await RolledOutAsync(kubectl);
        Assert.Contains("condition met", await kubectl.ExpectAsync("wait", "--for=condition=complete", "job/work", "--timeout=30s"), StringComparison.Ordinal);
        Assert.Equal("3", await kubectl.ExpectAsync("get", "job", "work", "-o", "jsonpath={.status.succeeded}"));

        await Task.WhenAll(s_sets.Select(set => kubectl.ExpectAsync("set", "image", set, "c=x:2")));
        await RolledOutAsync(kubectl);
        await Task.WhenAll(s_sets.Select(async set =>
        {
            Assert.Matches(@"(?s)REVISION.*\b1\b.*\b2\b", await kubectl.ExpectAsync("rollout", "history", set));
            Assert.Contains("x:1", await kubectl.ExpectAsync("rollout", "history", set, "--revision=1"), StringComparison.Ordinal);
            Assert.Contains("rolled back", await kubectl.ExpectAsync("rollout", "undo", set), StringComparison.Ordinal);
        }));
        await RolledOutAsync(kubectl);
        foreach (string app in (string[])["web", "db", "agent"])
        {
            string images = await kubectl.UntilAsync(
                t => !t.Contains("x:2", StringComparison.Ordinal), s_soon, Ct, "get", "pods", "-l", $"app={app}", "-o", "jsonpath={.items[*].spec.containers[0].image}");
            Assert.All(images.Split(' '), image => Assert.Equal("x:1", image));
        }

        await kubectl.ExpectAsync("rollout", "pause", "deployment/web");
        await kubectl.ExpectAsync("set", "image", "deployment/web", "c=x:3");
        Assert.Equal("x:1 x:1 x:1", await kubectl.ExpectAsync("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.containers[0].image}"));
        await kubectl.ExpectAsync("rollout", "resume", "deployment/web");
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "--timeout=30s");

        Assert.StartsWith("10.96.", await kubectl.ExpectAsync("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"), StringComparison.Ordinal);
        await kubectl.UntilAsync(t => t.Split(' ').Length == 3, s_soon, Ct, "get", "endpoints", "web", "-o", "jsonpath={.subsets[*].addresses[*].ip}");
        Assert.Equal("8080", await kubectl.ExpectAsync("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "jsonpath={.items[*].ports[*].port}"));
        Assert.Equal("default", await kubectl.ExpectAsync("get", "serviceaccount", "default", "-o", "jsonpath={.metadata.name}"));
        await DrainAsync(kubectl);
        if (age == "new")
        {
            // kubectl 1.20 knows CronJobs of batch/v1beta1 alone, which no server has had since 1.25.
            await kubectl.ExpectAsync("create", "cronjob", "tick", "--image=x:1", "--schedule=0 0 1 1 *");
            await kubectl.ExpectAsync("create", "job", "tock", "--from=cronjob/tick");
            Assert.Contains("condition met", await kubectl.ExpectAsync("wait", "--for=condition=complete", "job/tock", "--timeout=30s"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ClusterThatIsKilledInTheMiddleOfARollout_goesOnAsItWas()
    {
        using Scratch scratch = new("killed");
        await using ProductProcess cluster = await StartAsync(scratch, nodes: 2);
        Kubectl kubectl = await KubectlAsync(scratch, "new");
        await kubectl.ApplyAsync("""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web}
            spec:
              replicas: 6
              strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
              selector: {matchLabels: {app: web}}
              template:
                metadata: {labels: {app: web}, annotations: {simulated.ote.baidu.com/ready-after: 1500ms}}
                spec: {containers: [{name: c, image: "x:1"}]}
            """);
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "--timeout=30s");
        await kubectl.ExpectAsync("set", "image", "deployment/web", "c=x:2");
        await kubectl.UntilAsync(t => t.Length > 0 && int.Parse(t, CultureInfo.InvariantCulture) is >= 2 and < 6, s_soon, Ct, "get", "deployment", "web", "-o", "jsonpath={.status.updatedReplicas}");
        string[] before = (await NamesAsync(kubectl, "x:2")).Split(' ');
        await cluster.KillAsync();
        Assert.InRange(before.Length, 1, 5);

        await cluster.StartAsync();
        await cluster.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "--timeout=40s");
        string[] after = (await NamesAsync(kubectl, "x:2")).Split(' ');
        Assert.Subset(after.ToHashSet(), before.ToHashSet());
        Assert.Equal("0 0 0 0 0 0", await kubectl.ExpectAsync("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}"));
    }

    /// <summary>Pods that run an image, not those that are on their way out.</summary>
    private static async Task<string> NamesAsync(Kubectl kubectl, string image) =>
        await kubectl.ExpectAsync("get", "pods", "-l", "app=web", "-o", $"jsonpath={{.items[?(@.spec.containers[0].image==\"{image}\")].metadata.name}}");

    private static Task<string[]> RolledOutAsync(Kubectl kubectl) => Task.WhenAll(s_sets.Select(set => kubectl.ExpectAsync("rollout", "status", set, "--timeout=40s")));

    private static async Task DrainAsync(Kubectl kubectl)
    {
        CommandResult drained = await kubectl.RunAsync("drain", "edge-node-1", "--ignore-daemonsets", "--force", "--timeout=50s");
        Assert.True(drained.ExitCode == 0, drained.Out + drained.Error);
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "--timeout=30s");
        Assert.DoesNotContain("edge-node-1", await kubectl.ExpectAsync("get", "pods", "-l", "app in (web,db)", "-o", "jsonpath={.items[*].spec.nodeName}"), StringComparison.Ordinal);
        await kubectl.ExpectAsync("uncordon", "edge-node-1");
    }

    private static async Task<ProductProcess> StartAsync(Scratch scratch, int nodes)
    {
        ProductProcess cluster = new("cluster", "ote", ["edge-cluster", "--data", scratch["data"], "--nodes", $"{nodes}"], scratch.Path);
        await cluster.StartAsync();
        await cluster.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
        return cluster;
    }

    private async Task<Kubectl> KubectlAsync(Scratch scratch, string age)
    {
        KubernetesTools tools = await clusters.ToolsAsync();
        return new(age == "old" ? tools.OldKubectl : tools.NewKubectl, Path.Combine(scratch["data"], "kubeconfig"), Directory.CreateDirectory(scratch["home"]).FullName);
    }
}
