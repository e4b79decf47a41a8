using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.SystemTests.Faults;
using Ote.SystemTests.Kubernetes;
using Ote.Testing.Links;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A real hub on a disk that is really full, and then on a cache that was overwritten, before an embedded API server over a cable that can be pulled.</summary>
public sealed class HubDiskTests : IAsyncDisposable
{
    private const string Node = "small-node";
    private const string Pods = $"api/v1/pods?fieldSelector=spec.nodeName%3D{Node}&resourceVersion=0";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("hub-disk");
    private readonly int _observe = FreePorts.Take(1)[0];
    private readonly int _listen = FreePorts.Take(1)[0];
    private ApiServer? _api;
    private CuttableRelay? _cable;
    private SmallDisk? _disk;
    private ProductProcess? _hub;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_a_full_disk_the_node_goes_on_and_what_cannot_be_kept_is_refused_and_a_cache_that_was_overwritten_is_filled_anew()
    {
        using KubeClient upstream = await StartAsync();
        using KubeClient kubelet = Kubelet();
        await upstream.CreateAsync(Kinds.Pods, "default", Pod("first", 10), Ct);
        JsonObject list = await kubelet.SendAsync(HttpMethod.Get, Pods, null, null, Ct);
        await using IAsyncEnumerator<WatchEvent> watch =
            kubelet.WatchAsync(Kinds.Pods, null, new ListQuery(FieldSelector: $"spec.nodeName={Node}"), list.Text("metadata", "resourceVersion")!, Ct).GetAsyncEnumerator(Ct);

        // Online: what is new is watched and listed though nothing of it fits on the disk, and what was never asked for too.
        await _disk!.FillAsync(Ct);
        List<string> names = ["first"];
        while ((await MetricsAsync()).Contains("ote_edgehub_cache_troubled{otel_scope_name=\"Ote.EdgeHub\"} 0", StringComparison.Ordinal) || names.Count < 20)
        {
            names.Add(string.Create(CultureInfo.InvariantCulture, $"pod-{names.Count:000}"));
            Assert.True(names.Count < 70, "14 MB were kept on a disk without room");
            await upstream.CreateAsync(Kinds.Pods, "default", Pod(names[^1], 200_000), Ct);
            Assert.True(await watch.MoveNextAsync());
            Assert.Equal(names[^1], watch.Current.Object.Name());
        }

        Assert.Equal(names, await ListAsync(kubelet));
        await kubelet.SendAsync(HttpMethod.Get, "api/v1/services?resourceVersion=0", null, null, Ct);
        await StatusAsync(kubelet, "first", "10.0.0.1", 10);
        Assert.Equal("10.0.0.1", (await upstream.GetAsync(Kinds.Pods, "default", "first", Ct))!.Text("status", "podIP"));
        await UntilAsync(async () => await watch.MoveNextAsync() && watch.Current.Object.Text("status", "podIP") == "10.0.0.1");
        Assert.Contains("no room is left for it", await ReadyAsync(), StringComparison.Ordinal);

        // Cut off: it knows all that it was told, and a write that cannot be kept is refused, and seen by nobody.
        _cable!.Cut();
        await _hub!.WaitForLineAsync("cut off", s_soon, Ct);
        Assert.Equal(names, await ListAsync(kubelet));
        KubeStatusException refused = await Assert.ThrowsAsync<KubeStatusException>(() => StatusAsync(kubelet, "first", "10.0.0.2", 2_000_000));
        Assert.Equal(507, refused.Code);
        Assert.Equal(
            $"pods \"first\" cannot be written: while the node is cut off from its API servers this has to be kept on its disk: The database {_disk.Inside}/data/node.db cannot be written: no room is left for it. "
            + "Nothing of this was stored; make room on its disk, no restart is needed.",
            refused.Message);
        Assert.Equal("10.0.0.1", (await kubelet.GetAsync(Kinds.Pods, "default", "first", Ct))!.Text("status", "podIP"));
        string log = await File.ReadAllTextAsync(_hub.LogFile, Ct);
        Assert.Equal(1, log.Split('\n').Count(line => line.Contains("no room is left", StringComparison.Ordinal)));

        // Room again: no restart; the next that the watch hears is what was accepted, and it is merged on return.
        _disk.Free();
        await StatusAsync(kubelet, "first", "10.0.0.3", 300_000);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal("10.0.0.3", watch.Current.Object.Text("status", "podIP"));
        await _hub.WaitForLineAsync("can be written again", s_soon, Ct);
        Assert.Equal("ok", await ReadyAsync());
        _cable.Restore();
        await _hub.WaitForLineAsync("The node is connected; 1 journalled", s_soon, Ct);
        Assert.Equal("10.0.0.3", (await upstream.GetAsync(Kinds.Pods, "default", "first", Ct))!.Text("status", "podIP"));

        // It starts on a full disk too, with the kubeconfigs that it wrote, and knows what was held in memory before.
        await _disk.FillAsync(Ct);
        _cable.Cut();
        await RestartAsync(() => { });
        using (KubeClient again = Kubelet())
            Assert.Equal(names, await ListAsync(again));
        _disk.Free();

        // Overwritten while it is stopped.
        _cable.Restore();
        await RestartAsync(Overwrite);
        Assert.Contains("was damaged", await File.ReadAllTextAsync(_hub.LogFile, Ct), StringComparison.Ordinal);
        await _hub.WaitForLineAsync("The node is connected", s_soon, Ct);
        using KubeClient anew = Kubelet();
        Assert.Equal(names, await ListAsync(anew));
        _cable.Cut();
        await _hub.WaitForLineAsync("cut off", s_soon, Ct);
        Assert.Equal(names, await ListAsync(anew));
        Assert.True(File.Exists($"{_disk.Outside}/data/node.db.damaged"));
    }

    [Fact]
    public async Task First_start_on_a_full_disk_ends_with_one_line_and_the_next_one_starts_when_there_is_room()
    {
        using KubeClient upstream = await StartAsync();
        await _hub!.StopAsync(s_soon);
        Directory.Delete($"{_disk!.Outside}/data", recursive: true);
        await _disk.FillAsync(Ct);
        string[] command = [.. _disk.Within, "dotnet", Repository.Executable("ote-node"), .. Arguments(_disk)];
        CommandResult run = await CommandLine.RunAsync(command[0], command[1..], null, null, s_soon, Ct);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal($"error: {_disk.Inside}/data/node.key.new cannot be written: no room is left for it. Make room on its disk, and start again", run.Error.TrimEnd('\n'));

        _disk.Free();
        await RestartedAsync();
        using KubeClient kubelet = Kubelet();
        Assert.Empty(await ListAsync(kubelet));
    }

    public async ValueTask DisposeAsync()
    {
        if (_hub is not null)
            await _hub.DisposeAsync();
        if (_disk is not null)
            await _disk.DisposeAsync();
        if (_cable is not null)
            await _cable.DisposeAsync();
        if (_api is not null)
            await _api.DisposeAsync();
        _scratch.Dispose();
    }

    private static JsonObject Pod(string name, int bytes) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = new JsonObject { ["name"] = name, ["annotations"] = new JsonObject { ["text"] = new string('x', bytes) } },
        ["spec"] = new JsonObject { ["nodeName"] = Node, ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "i" }) },
    };

    private static Task<JsonObject> StatusAsync(KubeClient client, string pod, string ip, int bytes) => client.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = ip, ["message"] = new string('y', bytes) } }, Ct, "status");

    private static async Task<IEnumerable<string>> ListAsync(KubeClient client) =>
        (await client.SendAsync(HttpMethod.Get, Pods, null, null, Ct)).Items("items")!.OfType<JsonObject>().Select(pod => pod.Name());

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        while (!await holds())
            Ct.ThrowIfCancellationRequested();
    }

    private string[] Arguments(SmallDisk disk) =>
    [
        "edgehub", "--node-name", Node, "--kubeconfig", _scratch["kubelet.kubeconfig"], "--client-ca-file", _scratch["ca.crt"], "--data", $"{disk.Inside}/data", "--listen", $"127.0.0.1:{_listen}",
        "--write-kubeconfigs", $"{disk.Inside}/to-hub", "--observe", $"127.0.0.1:{_observe}",
    ];

    private async Task<KubeClient> StartAsync()
    {
        _api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up", PodsEndGracefully = true }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _cable = new CuttableRelay(await _api.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Ct));
        _disk = await SmallDisk.StartAsync(_scratch.Path, 24, Ct);
        (string certificate, string key) = _api.IssueClientCertificate(new UserInfo($"system:node:{Node}", [UserInfo.Masters]));
        await File.WriteAllTextAsync(_scratch["kubelet.kubeconfig"], Kubeconfig.Write(new Uri($"https://127.0.0.1:{_cable.Port}"), "up", _api.AuthorityPem, certificate, key), Ct);
        await File.WriteAllTextAsync(_scratch["ca.crt"], _api.AuthorityPem, Ct);
        _hub = new ProductProcess("hub", "ote-node", Arguments(_disk), _scratch.Path) { Within = _disk.Within };
        await _hub.StartAsync();
        await _hub.WaitForLineAsync("The node is connected", s_soon, Ct);
        await _hub.WaitForLineAsync("ready: ", s_soon, Ct);
        return _api.CreateClient(UserInfo.Admin);
    }

    private KubeClient Kubelet() => new(Kubeconfig.Load($"{_disk!.Outside}/to-hub/kubelet.kubeconfig").CreateHttpClient(TimeProvider.System));

    private async Task RestartAsync(Action between)
    {
        await _hub!.StopAsync(s_soon);
        between();
        await RestartedAsync();
    }

    private async Task RestartedAsync()
    {
        await _hub!.StartAsync();
        await _hub.WaitForLineAsync("ready: ", s_soon, Ct);
    }

    /// <summary>Pages in the middle of the file: its head is as it was.</summary>
    private void Overwrite()
    {
        using FileStream file = new($"{_disk!.Outside}/data/node.db", FileMode.Open, FileAccess.Write);
        file.Position = file.Length / 2 / 4096 * 4096;
        file.Write(RandomNumberGenerator.GetBytes(16 * 4096));
    }

    private async Task<string> MetricsAsync()
    {
        using HttpClient http = new();
        return await http.GetStringAsync(new Uri($"http://127.0.0.1:{_observe}/metrics"), Ct);
    }

    private async Task<string> ReadyAsync()
    {
        using HttpClient http = new();
        using HttpResponseMessage answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_observe}/readyz"), Ct);
        return (await answer.Content.ReadAsStringAsync(Ct)).TrimEnd('\n');
    }
}
