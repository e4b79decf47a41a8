using System.Text.Json.Nodes;

namespace Ote.SystemTests.Fleet;

/// <summary>Two controller managers beside a root on a real Kubernetes; the one that mirrors dies.</summary>
public sealed class ControllerManagerTests(ManagedRoot root) : IClassFixture<ManagedRoot>
{
    private const string Deployments = "deployments.fleet.ote.baidu.com";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_mirrors_is_followed_by_the_other_from_its_own_store_and_what_happened_meanwhile_is_made_up_for()
    {
        await root.StartAsync();
        Kubectl kubectl = root.Kubectl();
        string all = await kubectl.ExpectAsync("get", Deployments, "-A", "-o", "name");
        Assert.Contains("/web-c1", all, StringComparison.Ordinal);
        Assert.Contains("/web-c2", all, StringComparison.Ordinal);
        // Into a cluster by way of the manager, the root and the cluster's controller.
        JsonNode pods = JsonNode.Parse(await kubectl.ExpectAsync("get", "--raw", "/apis/fleet.ote.baidu.com/v1/clusters/c1/proxy/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"))!;
        Assert.Equal(2, pods["items"]!.AsArray().Count);
        await kubectl.ExpectAsync("scale", Deployments, "web-c2", "--replicas=3");
        Assert.Equal("3", await root.At("c2").ExpectAsync("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"));
        await root.At("c1").ExpectAsync("create", "deployment", "going", "--image=example/web", "--replicas=0");
        await kubectl.UntilAsync(found => found.Length > 0, s_soon, Ct, "get", Deployments, "going-c1", "--ignore-not-found", "-o", "name");
        string version = JsonNode.Parse(await kubectl.ExpectAsync("get", "--raw", "/apis/fleet.ote.baidu.com/v1/deployments"))!["metadata"]!["resourceVersion"]!.ToString();

        await root.Managers[0].KillAsync();
        await root.At("c1").ExpectAsync("delete", "deployment", "going");
        await root.At("c1").ExpectAsync("create", "deployment", "coming", "--image=example/web", "--replicas=0");
        await root.Managers[1].WaitForLineAsync("leading controller-manager ", s_soon, Ct);
        string[] names = (await kubectl.UntilAsync(
            found => found.Contains("coming-c1", StringComparison.Ordinal) && found.Contains("web-c2", StringComparison.Ordinal), s_soon, Ct, "get", Deployments, "-A", "-o", "name")).Split('\n');
        Assert.DoesNotContain("deployment.fleet.ote.baidu.com/going-c1", names);
        // What the other has counted means nothing here: who watched there is told so, and lists anew.
        Assert.Contains("\"code\":410", await kubectl.ExpectAsync("get", "--raw", $"/apis/fleet.ote.baidu.com/v1/deployments?watch=true&resourceVersion={version}&timeoutSeconds=5"), StringComparison.Ordinal);

        // And back, to a store that was there before.
        await root.Managers[0].StartAsync();
        await root.Managers[0].WaitForLineAsync("waiting controller-manager ", s_soon, Ct);
        await root.Managers[1].KillAsync();
        await root.Managers[0].WaitForLineAsync("leading controller-manager ", s_soon, Ct);
        await kubectl.UntilAsync(
            found => found.Contains("coming-c1", StringComparison.Ordinal) && !found.Contains("going-c1", StringComparison.Ordinal) && found.Contains("web-c2", StringComparison.Ordinal), s_soon, Ct, "get", Deployments, "-A", "-o", "name");
        await kubectl.UntilAsync(
            stale => stale.Length == 0, s_soon, Ct, "get", Deployments, "-A", "-o", "jsonpath={range .items[*]}{.metadata.annotations.ote\\.baidu\\.com/stale-since}{end}");
    }
}
