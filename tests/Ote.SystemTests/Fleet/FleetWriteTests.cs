using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>What is shown at the fleet is not all that there is, and writing it back takes nothing away.</summary>
[Collection(nameof(Fleet))]
public sealed class FleetWriteTests(RealClusters clusters, Fleet fleet)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_side_apply_of_what_is_shown_is_refused_and_of_ones_own_manifest_is_done()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string name = RealClusters.FreshName("kept");
        string[] env = ["get", "deployment", name, "-o", "jsonpath={.spec.template.spec.containers[0].env[?(@.name==\"KEEP\")].value} {.spec.template.spec.containers[0].command[0]} {.spec.template.metadata.labels.v}"];
        (await tree.A.Kubectl.RunAsync(["apply", "--server-side", "-f", "-"], Manifest(name, "1"), s_soon, Ct)).Succeeded();
        string shown = await tree.Kubectl().UntilAsync(yaml => yaml.Contains("image:", StringComparison.Ordinal), s_soon, Ct, "get", "deployment", $"{name}-a", "-o", "yaml");
        Assert.DoesNotContain("env:", shown, StringComparison.Ordinal);

        foreach (string[] how in (string[][])[["apply", "--server-side", "-f", "-"], ["apply", "--server-side", "--force-conflicts", "-f", "-"]])
        {
            CommandResult refused = await tree.Kubectl().RunAsync(how, shown, s_soon, Ct);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("is shown without spec.template.spec.containers[].", refused.Error, StringComparison.Ordinal);
            Assert.Contains("otectl kubeconfig --cluster a", refused.Error, StringComparison.Ordinal);
        }
        Assert.Equal("kept sleep 1", await tree.A.Kubectl.ExpectAsync(env));

        (await tree.Kubectl().RunAsync(["apply", "-f", "-"], shown, s_soon, Ct)).Succeeded(); // by the client: a strategic merge patch
        await tree.Kubectl().ExpectAsync("set", "env", $"deployment/{name}-a", "MORE=yes");
        Assert.Equal("kept sleep 1", await tree.A.Kubectl.ExpectAsync(env));
        (await tree.Kubectl().RunAsync(["apply", "--server-side", "--force-conflicts", "-f", "-"], Manifest($"{name}-a", "2"), s_soon, Ct)).Succeeded();
        Assert.Equal("kept sleep 2", await tree.A.Kubectl.ExpectAsync(env));
        await tree.A.Kubectl.ExpectAsync("delete", "deployment", name);
    }

    private static string Manifest(string name, string v) => $$$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: {{{name}}}}
        spec:
          replicas: 0
          selector: {matchLabels: {app: kept} }
          template:
            metadata: {labels: {app: kept, v: "{{{v}}}"} }
            spec:
              containers:
              - name: main
                image: {{{LocalImage.Name}}}
                command: [sleep, "60"]
                env: [{name: KEEP, value: kept}]

        """;
}
