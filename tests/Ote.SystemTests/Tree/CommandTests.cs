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

    [Fact]
    public async Task Small_command_has_the_originals_fields_in_its_status_and_shows_its_columns_in_plain_kubectl()
    {
        await tree.EnsureStartedAsync(Ct);
        string name = RealClusters.FreshName("small");
        Kubectl root = tree.Kubectl("root");
        await root.ApplyAsync($$"""
            apiVersion: ote.baidu.com/v1
            kind: ClusterController
            metadata: {name: {{name}}, namespace: default}
            spec: {clusterSelector: "a,d", method: GET, url: /api/v1/namespaces/default/configmaps/{{name}}}
            """);

        string over = await root.UntilAsync(text => text.EndsWith('Z'), Soon, Ct, "get", "ccs", name, "-o", "jsonpath={.status.commandPhase} {.status.completionTime}");
        Assert.StartsWith("Failed ", over, StringComparison.Ordinal);
        Assert.Equal("404 404", await root.ExpectAsync("get", "ccs", name, "-o", "jsonpath={.status.a.code} {.status.d.code}"));
        Assert.Contains($"configmaps \\\"{name}\\\" not found", await root.ExpectAsync("get", "ccs", name, "-o", "jsonpath={.status.a.body}"), StringComparison.Ordinal);
        Assert.NotEqual("", await root.ExpectAsync("get", "ccs", name, "-o", "jsonpath={.status.a.timestamp}"));

        string[] commands = Rows(await root.ExpectAsync("get", "ccs", name));
        Assert.Equal("NAME SELECTOR METHOD PHASE SUCCEEDED FAILED TARGETS REASON AGE", commands[0]);
        Assert.StartsWith($"{name} a,d GET Failed 0 2 2 ", commands[1], StringComparison.Ordinal);
        Assert.StartsWith("NAME SELECTOR METHOD URL PHASE ", Rows(await root.ExpectAsync("get", "ccs", name, "-o", "wide"))[0], StringComparison.Ordinal);
        await root.ApplyAsync($$"""
            apiVersion: ote.baidu.com/v1
            kind: ClusterController
            metadata: {name: {{name}}-nobody, namespace: default}
            spec: {clusterSelector: tier=moon, method: GET, url: /api}
            """);
        await root.UntilAsync(phase => phase == "Failed", Soon, Ct, "get", "ccs", $"{name}-nobody", "-o", "jsonpath={.status.commandPhase}");
        Assert.StartsWith($"{name}-nobody tier=moon GET Failed 0 0 0 NoClusterMatched ", Rows(await root.ExpectAsync("get", "ccs", $"{name}-nobody"))[1], StringComparison.Ordinal);
        string[] pages = Rows(await root.ExpectAsync("get", "ccr", "-l", $"ote.baidu.com/command={name}"));
        Assert.Equal("NAME COMMAND GENERATION PAGE INDEX AGE", pages[0]);
        Assert.Contains(pages, row => row.Contains($" {name} 1 targets 0 ", StringComparison.Ordinal));
        Assert.Contains(pages, row => row.Contains($" {name} 1 results 0 ", StringComparison.Ordinal));
        string[] clusters = Rows(await root.ExpectAsync("get", "clusters.ote.baidu.com", "d"));
        Assert.Equal("NAME PARENT STATUS AGE", clusters[0]);
        Assert.Matches("^d (region|root) online ", clusters[1]); // below the root for a while after its parent was killed
    }

    /// <summary>The lines of a table, with one space between columns.</summary>
    private static string[] Rows(string table) =>
        [.. table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
}
