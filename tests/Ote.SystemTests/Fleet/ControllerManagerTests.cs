using System.Text.Json.Nodes;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>Two controller managers beside a root on a real Kubernetes divide its clusters; one dies, comes back, and then the other.</summary>
public sealed class ControllerManagerTests(ManagedRoot root) : IClassFixture<ManagedRoot>
{
    private const string Deployments = "deployments.fleet.ote.baidu.com";
    private const string Raw = "/apis/fleet.ote.baidu.com/v1/deployments";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_mirrors_its_part_and_shows_all_and_what_one_had_the_other_takes_from_its_own_store()
    {
        await root.StartAsync();
        Kubectl kubectl = root.Kubectl();
        await EvenAsync(kubectl);
        await SeesAllOnceAsync(kubectl);
        // Into a cluster by way of the manager, the root and the cluster's controller.
        JsonNode pods = JsonNode.Parse(await kubectl.ExpectAsync("get", "--raw", "/apis/fleet.ote.baidu.com/v1/clusters/c1/proxy/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"))!;
        Assert.Equal(2, pods["items"]!.AsArray().Count);
        await kubectl.ExpectAsync("scale", Deployments, "web-c2", "--replicas=3");
        Assert.Equal("3", await root.At("c2").ExpectAsync("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"));
        Assert.Equal("3", await kubectl.ExpectAsync("get", Deployments, "web-c2", "-o", "jsonpath={.spec.replicas}"));
        await WatchesBothAsync(kubectl);
        await KindsOfBothAsync(kubectl);
        await root.At("c2").ExpectAsync("create", "deployment", "going", "--image=example/web", "--replicas=0");
        await kubectl.UntilAsync(found => found.Length > 0, s_soon, Ct, "get", Deployments, "going-c2", "--ignore-not-found", "-o", "name");
        string version = JsonNode.Parse(await kubectl.ExpectAsync("get", "--raw", Raw))!["metadata"]!["resourceVersion"]!.ToString();

        // The one to which the API server does not lead. What it had is missing until the other takes it, and each answer says so.
        await root.Managers[1].KillAsync();
        CommandResult partial = (await kubectl.RunAsync("get", Deployments, "-A", "-o", "name")).Succeeded();
        Assert.Contains("not all clusters are in this answer: nobody answers for shards", partial.Error, StringComparison.Ordinal);
        Assert.Contains("/web-c1", partial.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("/web-c2", partial.Out, StringComparison.Ordinal);
        Assert.Contains("try again soon", (await kubectl.RunAsync("get", Deployments, "web-c2")).Error, StringComparison.Ordinal); // it may be there
        await root.At("c2").ExpectAsync("delete", "deployment", "going");
        await root.At("c2").ExpectAsync("create", "deployment", "coming", "--image=example/web", "--replicas=0");
        // What one has counted means nothing to another: who watched is told so, and lists anew.
        Assert.Contains("\"code\":410", await kubectl.ExpectAsync("get", "--raw", $"{Raw}?watch=true&resourceVersion={version}&timeoutSeconds=40", "--request-timeout=60s"), StringComparison.Ordinal);
        await WholeAsync(kubectl);
        Assert.DoesNotContain("deployment.fleet.ote.baidu.com/going-c2", (await kubectl.ExpectAsync("get", Deployments, "-A", "-o", "name")).Split('\n'));

        // It comes back, to a store that was there before, and has its part again.
        await root.Managers[1].StartAsync();
        await root.Managers[1].WaitForLineAsync("waiting controller-manager ", s_soon, Ct);
        await EvenAsync(kubectl);
        await WholeAsync(kubectl);

        // And the one to which the API server leads: the other leads it to itself.
        await root.Managers[0].KillAsync();
        await root.Managers[1].WaitForLineAsync("leading controller-manager ", s_soon, Ct);
        await root.Managers[1].WaitForLineAsync(" shards 0 1 2 3 4 5 6 7 of 8", s_soon, Ct);
        await WholeAsync(kubectl);
        await SeesAllOnceAsync(kubectl);
    }

    /// <summary>Each of the two holds half of the shards.</summary>
    private static Task<string> EvenAsync(Kubectl kubectl) => kubectl.UntilAsync(
        held => held.Split('\n').Select(l => l.Split(' ')).Where(l => l[0].StartsWith("ote-mirror-", StringComparison.Ordinal) && l.Length == 2 && l[1].Length > 0).GroupBy(l => l[1]).Select(g => g.Count()).Order().SequenceEqual([4, 4]),
        s_soon, Ct, "get", "leases", "-n", "ote-system", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.holderIdentity}{'\\n'}{end}");

    private static async Task SeesAllOnceAsync(Kubectl kubectl)
    {
        foreach (string chunk in (string[])["--chunk-size=1", "--chunk-size=0"])
        {
            string[] names = (await kubectl.ExpectAsync("get", Deployments, "-A", "-o", "name", chunk)).Split('\n');
            Assert.Equal(names.Order(StringComparer.Ordinal).Distinct(), names);
            Assert.Contains("deployment.fleet.ote.baidu.com/web-c1", names);
            Assert.Contains("deployment.fleet.ote.baidu.com/web-c2", names);
        }
    }

    private async Task WatchesBothAsync(Kubectl kubectl)
    {
        string name = RealClusters.FreshName("seen");
        Task<CommandResult> watching = root.Kubectl().RunAsync(["get", Deployments, "-A", "-w", "--output-watch-events", "--request-timeout=10s", "-l", $"app={name}"], null, s_soon, Ct);
        foreach (string cluster in (string[])["c1", "c2"])
        {
            await root.At(cluster).ExpectAsync("create", "deployment", name, "--image=example/web");
            await kubectl.UntilAsync(found => found.Length > 0, s_soon, Ct, "get", Deployments, $"{name}-{cluster}", "--ignore-not-found", "-o", "name");
            await root.At(cluster).ExpectAsync("delete", "deployment", name);
        }
        string told = (await watching).Out;
        foreach (string cluster in (string[])["c1", "c2"])
        {
            Assert.Matches($"(?m)^ADDED +default +{name}-{cluster} ", told);
            Assert.Matches($"(?m)^DELETED +default +{name}-{cluster} ", told);
        }
    }

    /// <summary>What clusters of both managers report besides is one kind, in the version that is preferred.</summary>
    private async Task KindsOfBothAsync(Kubectl kubectl)
    {
        await root.At("c1").ApplyAsync(WidgetKind.Definition.Replace("v1, served", "v1beta1, served", StringComparison.Ordinal));
        await root.At("c1").ApplyAsync(WidgetKind.Object("left", "red", "default").Replace("com/v1", "com/v1beta1", StringComparison.Ordinal));
        await root.At("c2").ApplyAsync(WidgetKind.Definition);
        await root.At("c2").ApplyAsync(WidgetKind.Object("right", "green", "default"));
        await kubectl.UntilAsync(
            names => names == "widget.fleet.ote.baidu.com/left-c1\nwidget.fleet.ote.baidu.com/right-c2", TimeSpan.FromSeconds(120), Ct, "get", "widgets.fleet.ote.baidu.com", "-A", "-o", "name");
        await kubectl.ExpectAsync("label", "widgets.fleet.ote.baidu.com", "left-c1", "right-c2", "tried=yes");
        Assert.Equal("yes", await root.At("c1").ExpectAsync("get", "widgets", "left", "-o", "jsonpath={.metadata.labels.tried}"));
        Assert.Equal("yes", await root.At("c2").ExpectAsync("get", "widgets", "right", "-o", "jsonpath={.metadata.labels.tried}"));
    }

    /// <summary>All is shown, as it is now.</summary>
    private static async Task WholeAsync(Kubectl kubectl)
    {
        await kubectl.UntilAsync(
            found => found.Contains("/coming-c2", StringComparison.Ordinal) && !found.Contains("/going-c2", StringComparison.Ordinal) && found.Contains("/web-c1", StringComparison.Ordinal) && found.Contains("/web-c2", StringComparison.Ordinal),
            s_soon, Ct, "get", Deployments, "-A", "-o", "name");
        await kubectl.UntilAsync(
            stale => stale.Length == 0, s_soon, Ct, "get", Deployments, "-A", "-o", "jsonpath={range .items[*]}{.metadata.annotations.ote\\.baidu\\.com/stale-since}{end}");
    }
}
