using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.SystemTests.Tree;

namespace Ote.SystemTests.Faults;

/// <summary>Processes whose machine's clock is wrong (libfaketime): the calendar is another, while time passes as ever.</summary>
public sealed class WrongClockTests : IAsyncDisposable
{
    private readonly RoleProcesses _tree = new("clock", Ct);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Site_whoseClockIsThreeDaysBehind_saysSoAndStaysAway_andWithTheRightClockCarriesOutWhatWasSentMeanwhile_once()
    {
        string[] addresses = RoleProcesses.Addresses(2);
        await _tree.StartAsync("own-cluster", "ready: edge cluster", "edge-cluster", "--name", "own", "--data", _tree["own"]);
        await _tree.StartRootAsync(addresses[0], addresses[1]);
        ProductProcess site = await _tree.StartAsync(
            "shop-1", "ready ",
            [.. await _tree.JoiningAsync("shop-1", addresses[0], "--auto-accept"), "--managed-kubeconfig", Path.Combine(_tree["own"], "kubeconfig"), "--impersonate", "none"]);
        await _tree.ClusterAsync("root", "shop-1", "online");

        await site.KillAsync();
        SetClock(site, "-3d");
        await site.StartAsync();
        await _tree.LineAsync(site, "which this machine's clock has not reached");
        await _tree.ClusterAsync("root", "shop-1", "offline");
        await _tree.SendAsync(
            "root", "order", "shop-1", "POST", "/api/v1/namespaces/default/configmaps",
            new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["generateName"] = "order-" } });

        await site.KillAsync();
        site.Environment.Clear();
        await site.StartAsync();
        Assert.Equal("Succeeded", (await _tree.OverAsync("root", "order")).Text("status", "commandPhase"));
        using KubeClient own = _tree.Api("own");
        IReadOnlyList<JsonObject> made = (await own.ListAsync(Kinds.ConfigMaps, "default", null, Ct)).Items;
        Assert.Single(made, m => m.Name().StartsWith("order-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Site_thatWasOffUntilItsCertificateHadExpired_renewsItWithItsOldKey_andAttaches()
    {
        string[] addresses = RoleProcesses.Addresses(2);
        ProductProcess root = await _tree.StartRootAsync(addresses[0], addresses[1]);
        ProductProcess site = await _tree.StartAsync("shop-1", "ready ", await _tree.JoiningAsync("shop-1", addresses[0], "--auto-accept"));
        await _tree.ClusterAsync("root", "shop-1", "online");
        await site.KillAsync();
        await root.KillAsync();

        // A certificate lasts a year; the root's own of its last run has expired as well.
        foreach (ProductProcess process in (ProductProcess[])[root, site])
        {
            SetClock(process, "+380d");
            await process.StartAsync();
        }

        await _tree.LineAsync(site, "Renewed the certificate of shop-1");
        await _tree.LineAsync(site, "Attached to parent root");
    }

    public ValueTask DisposeAsync() => _tree.DisposeAsync();

    private static void SetClock(ProductProcess process, string offset)
    {
        process.Environment["LD_PRELOAD"] = Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1")).First(File.Exists);
        process.Environment["FAKETIME"] = offset;
        process.Environment["DONT_FAKE_MONOTONIC"] = "1"; // intervals are measured with it, on a machine with a wrong calendar too
    }
}
