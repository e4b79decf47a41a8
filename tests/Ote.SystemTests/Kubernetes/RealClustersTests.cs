namespace Ote.SystemTests.Kubernetes;

public sealed class RealClustersTests(RealClusters clusters)
{
    [Fact]
    public async Task ClusterA_deploymentOfTwoReplicas_runsOnTheRealKubeletAndAnswersHttp()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        RealCluster a = await clusters.AAsync();
        string name = RealClusters.FreshName("web");

        await a.Kubectl.ApplyAsync(Web(name));
        await a.Kubectl.ExpectAsync("rollout", "status", $"deployment/{name}", "--timeout=50s");

        string[] addresses = (await a.Kubectl.ExpectAsync("get", "pods", "-l", $"app={name}", "-o", "jsonpath={.items[*].status.podIP}")).Split(' ');
        Assert.Equal(2, addresses.Length);
        Assert.Equal("Running Running", await a.OldKubectl.ExpectAsync("get", "pods", "-l", $"app={name}", "-o", "jsonpath={.items[*].status.phase}"));
        if (a.Own is not null)
        {
            using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(5) };
            foreach (string address in addresses)
                Assert.Equal("hello from a pod", (await http.GetStringAsync(new Uri($"http://{address}:8080/"), ct)).Trim());
        }
        // The API server reaches the kubelet, too: what a pod printed and what a command in it prints.
        Assert.Contains("serving", await a.Kubectl.ExpectAsync("logs", $"deployment/{name}"), StringComparison.Ordinal);
        Assert.Equal("inside", await a.OldKubectl.ExpectAsync("exec", $"deployment/{name}", "--", "echo", "inside"));
        await a.Kubectl.ExpectAsync("delete", "deployment", name);
    }

    [Fact]
    public async Task Clusters_allThree_runAtOnceAndKeepTheirObjectsApart()
    {
        RealCluster[] all = await Task.WhenAll(clusters.RootAsync(), clusters.AAsync(), clusters.BAsync());
        string name = RealClusters.FreshName("apart");

        foreach (RealCluster cluster in all)
            await cluster.Kubectl.ExpectAsync("create", "configmap", name, $"--from-literal=cluster={cluster.Name}");

        foreach (RealCluster cluster in all)
            Assert.Equal(cluster.Name, await cluster.OldKubectl.ExpectAsync("get", "configmap", name, "-o", "jsonpath={.data.cluster}"));
    }

    private static string Web(string name) => $"""
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: {name}
        spec:
          replicas: 2
          selector:
            matchLabels:
              app: {name}
          template:
            metadata:
              labels:
                app: {name}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: web
                image: {LocalImage.Name}
                imagePullPolicy: Never
                command: ["sh", "-c", "echo 'hello from a pod' > /www/index.html; echo serving; exec httpd -f -p 8080 -h /www"]

        """;
}
