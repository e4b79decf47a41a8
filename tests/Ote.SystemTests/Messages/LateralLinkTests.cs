using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Messages;

/// <summary>Two sites below one parent, as processes, and the parent is killed.</summary>
public sealed class LateralLinkTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("lateral");
    private readonly List<ProductProcess> _processes = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_betweenSitesWithALateralLink_arrivesThoughTheirParentIsKilled_andWithoutThePermissionItWaits()
    {
        string[] addresses = [.. FreePorts.Take(5).Select(port => $"127.0.0.1:{port}")];
        await StartAsync("root", "--listen", addresses[0], "--api-listen", addresses[1]);
        JsonNode token = JsonNode.Parse(await OtectlAsync("join-token", "create", "--auto-accept", "--uses", "0", "-o", "json"))!;
        await File.WriteAllTextAsync(_scratch["token"], (string)token["token"]!, Ct);
        string[] join = ["--join-token-file", _scratch["token"], "--ca-pin", (string)token["caPin"]!];
        ProductProcess north = await StartAsync("north", ["--parent", $"https://{addresses[0]}", "--listen", addresses[2], .. join]);
        foreach ((string site, string address) in new[] { ("s1", addresses[3]), ("s2", addresses[4]) })
            await StartAsync(site, ["--parent", $"https://{addresses[2]}", "--listen", address, "--message-socket", _scratch[$"{site}.sock"], .. join]);
        await StartAsync("s3", ["--parent", $"https://{addresses[2]}", "--message-socket", _scratch["s3.sock"], .. join]);
        using KubeClient api = new(Kubeconfig.Load(Path.Combine(_scratch["root"], "kubeconfig")).CreateHttpClient(TimeProvider.System));
        foreach (string site in (string[])["s1", "s2", "s3"])
        {
            await UntilAsync(async () => (await api.GetAsync(Kinds.Clusters, null, site, Ct))?.Text("status", "status") == "online", $"{site} to be online");
            await OtectlAsync("pin", site); // so that it goes nowhere else
            await UntilAsync(async () => (await api.GetAsync(Kinds.Clusters, null, site, Ct))!.IsTrue("PlacementInForce"), $"{site} to be pinned");
        }

        Assert.Contains("cluster s1 may have lateral links with s2", await OtectlAsync("lateral", "s1", "s2"), StringComparison.Ordinal);
        await UntilAsync(async () => (await OtectlAsync("describe", "cluster", "s1")).Contains("Lateral:      s2: up", StringComparison.Ordinal), "the link to be shown");
        await north.KillAsync();

        await OtectlAsync("send", "s2", "--topic", "stock", "--data", "red shoes: 3", "--socket", _scratch["s1.sock"]);
        string got = await OtectlAsync("receive", "--socket", _scratch["s2.sock"], "-o", "json");
        Assert.Contains("s1", got, StringComparison.Ordinal);
        Assert.Contains("stock", got, StringComparison.Ordinal);

        CommandResult waits = await CommandLine.RunAsync(
            "dotnet", [Repository.Executable("otectl"), "send", "s3", "--topic", "stock", "--data", "x", "--timeout", "5s", "--socket", _scratch["s1.sock"]], null, null, s_soon, Ct);
        Assert.NotEqual(0, waits.ExitCode);
        await north.StartAsync(); // the tree carries it
        await UntilAsync(async () => (await OtectlAsync("receive", "--socket", _scratch["s3.sock"], "-o", "json")).Contains("s1", StringComparison.Ordinal), "the message over the tree");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _scratch.Dispose();
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        while (!await condition())
        {
            if (time.GetElapsedTime(began) > s_soon)
                throw new TimeoutException($"waited {s_soon.TotalSeconds:0} s for {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), time, Ct);
        }
    }

    private async Task<ProductProcess> StartAsync(string name, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", ["cluster-controller", "--name", name, "--data", _scratch[name], .. arguments], _scratch.Path);
        _processes.Add(process);
        await process.StartAsync();
        await process.WaitForLineAsync("ready ", s_soon, Ct);
        return process;
    }

    private async Task<string> OtectlAsync(params string[] arguments) =>
        (await CommandLine.RunAsync(
            "dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", Path.Combine(_scratch["root"], "kubeconfig")], null, null, s_soon, Ct)).Succeeded().Out;
}
