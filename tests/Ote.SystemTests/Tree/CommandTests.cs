using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>What an operator does at the root with nothing but kubectl.</summary>
[Collection(nameof(RealTree))]
public sealed class CommandTests(RealTree tree)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Command_appliedAtTheRoot_makesTheDeploymentInExactlyTheSelectedClusters()
    {
        await tree.EnsureStartedAsync(Ct);
        string name = RealClusters.FreshName("web");
        Kubectl root = tree.Kubectl("root");

        await root.ApplyAsync($$$"""
            apiVersion: ote.baidu.com/v1
            kind: ClusterController
            metadata: {name: {{{name}}}, namespace: default}
            spec:
              clusterSelector: tier=edge
              method: PATCH
              url: /apis/apps/v1/namespaces/default/deployments/{{{name}}}?fieldManager=tree
              contentType: application/apply-patch+yaml
              body: |
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: {{{name}}}}
                spec:
                  replicas: 1
                  selector: {matchLabels: {app: {{{name}}}}}
                  template:
                    metadata: {labels: {app: {{{name}}}}}
                    spec:
                      terminationGracePeriodSeconds: 0
                      containers:
                      - {name: web, image: "{{{LocalImage.Name}}}", imagePullPolicy: Never, command: [sleep, infinity]}
            """);

        string over = await root.UntilAsync(
            text => text.EndsWith('Z'), Soon, Ct,
            "get", "ccs", name, "-o", "jsonpath={.status.commandPhase} {.status.targetCounts.succeeded} of {.status.targetCounts.targets} {.status.completionTime}");
        Assert.StartsWith("Succeeded 2 of 2 ", over, StringComparison.Ordinal);
        string results = await root.ExpectAsync(
            "get", "ccr", "-l", $"ote.baidu.com/command={name},ote.baidu.com/page=results", "-o", "jsonpath={range .items[*].results[*]}{.cluster} {.code},{end}");
        Assert.Equal(["a 201", "c 201"], results.Split(',', StringSplitOptions.RemoveEmptyEntries).Order());
        foreach (string selected in (string[])["a", "c"])
            await tree.Kubectl(selected).ExpectAsync("rollout", "status", $"deployment/{name}", "--timeout=60s");
        foreach (string spared in (string[])["b", "d"])
            Assert.Equal("", await tree.Kubectl(spared).ExpectAsync("get", "deployments", "-A", "-o", $"jsonpath={{.items[?(@.metadata.name==\"{name}\")].metadata.name}}"));
        Assert.Equal("Running", await tree.Kubectl("a").ExpectAsync("get", "pods", "-l", $"app={name}", "-o", "jsonpath={.items[*].status.phase}"));
    }
}
