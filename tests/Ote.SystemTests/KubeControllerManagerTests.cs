using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.SystemTests;

/// <summary>
/// The real kube-controller-manager v1.20 runs its controllers against the embedded API server, which collects nothing itself. No kubelet: the
/// test says what becomes of pods.
/// </summary>
public sealed class KubeControllerManagerTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("kcm");
    private ApiServer? _server;
    private KubeClient? _api;
    private GuardedProcess? _controllers;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deployments_jobs_namespaces_and_garbage_are_looked_after_by_the_real_controllers()
    {
        Kubectl kubectl = await StartAsync();

        await kubectl.ExpectAsync("create", "namespace", "team");
        await kubectl.ExpectAsync("create", "deployment", "web", "--image=nginx:1", "-n", "team", "--replicas=3");
        await ReadyAsync("team", "app=web", 3);
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "-n", "team", "--timeout=60s");
        await kubectl.ExpectAsync("set", "image", "deployment/web", "nginx=nginx:2", "-n", "team");
        Task<string> rolled = kubectl.ExpectAsync("rollout", "status", "deployment/web", "-n", "team", "--timeout=60s");
        while (!rolled.IsCompleted)
            await ReadyAsync("team", "app=web", 1);
        await rolled;
        Assert.Equal("nginx:2 nginx:2 nginx:2", await kubectl.ExpectAsync("get", "pods", "-n", "team", "-l", "app=web", "-o", "jsonpath={.items[*].spec.containers[0].image}"));
        await kubectl.ExpectAsync("rollout", "undo", "deployment/web", "-n", "team");
        await UntilAsync(async () => (await PodsAsync("team", "app=web")).Any(p => (string?)p["spec"]!["containers"]![0]!["image"] == "nginx:1"), "the former image");

        await kubectl.ExpectAsync("create", "job", "sum", "--image=busybox", "-n", "team");
        await UntilAsync(async () => (await PodsAsync("team", "job-name=sum")).Count == 1, "the job's pod");
        await PhaseAsync((await PodsAsync("team", "job-name=sum"))[0], "Succeeded");
        Assert.Contains("condition met", await kubectl.ExpectAsync("wait", "--for=condition=complete", "job/sum", "-n", "team", "--timeout=60s"), StringComparison.Ordinal);

        // Owners: in the background, with what hangs on them first, and without it.
        await kubectl.ExpectAsync("create", "deployment", "kept", "--image=nginx", "-n", "team");
        await UntilAsync(async () => (await PodsAsync("team", "app=kept")).Count == 1, "the pod of kept");
        await DeleteAsync("deployments", "team", "kept", "Orphan");
        Assert.Single(await PodsAsync("team", "app=kept"));
        Assert.Contains("kept", await kubectl.ExpectAsync("get", "replicasets", "-n", "team", "-o", "name"), StringComparison.Ordinal);
        await DeleteAsync("deployments", "team", "web", "Foreground");
        Assert.Empty(await PodsAsync("team", "app=web"));
        await DeleteAsync("jobs", "team", "sum", "Background", "batch");
        await UntilAsync(async () => (await PodsAsync("team", "job-name=sum")).Count == 0, "the job's pod to go");

        await kubectl.ExpectAsync("delete", "namespace", "team", "--timeout=60s");
        Assert.Empty(await PodsAsync("team", ""));
    }

    [Fact]
    public async Task Quotas_are_counted_by_the_real_controller_and_charged_by_the_server_and_the_two_agree()
    {
        const string Used = "jsonpath={.status.used.pods} {.status.used.configmaps}";
        Kubectl kubectl = await StartAsync();
        await kubectl.ExpectAsync("create", "namespace", "team");
        await kubectl.ExpectAsync("create", "quota", "small", "-n", "team", "--hard=pods=2,configmaps=40");
        async Task<string> UsedAsync() => await kubectl.ExpectAsync("get", "quota", "small", "-n", "team", "-o", Used);
        await UntilAsync(async () => await UsedAsync() == "0 0", "the quota to be counted");
        await kubectl.ExpectAsync("run", "a", "--image=x:1", "-n", "team");
        await kubectl.ExpectAsync("run", "b", "--image=x:1", "-n", "team");
        Assert.Equal("2 0", await UsedAsync());
        KubeStatusException refused = await Assert.ThrowsAsync<KubeStatusException>(() => _api!.CreateAsync(Kinds.Pods, "team", Pod("c"), Ct));
        Assert.Equal("pods \"c\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2", refused.Message);

        // What goes and what ends is counted by the controller, while the server charges: neither undoes what the other wrote.
        Task<JsonObject[]> maps = Task.WhenAll(Enumerable.Range(0, 30).Select(i => _api!.CreateAsync(Kinds.ConfigMaps, "team", Named($"m{i}"), Ct)));
        await kubectl.ExpectAsync("delete", "pod", "a", "-n", "team", "--grace-period=0", "--force");
        await PhaseAsync((await PodsAsync("team", "run=b"))[0], "Succeeded");
        await maps;
        await kubectl.ExpectAsync("delete", "configmap", "m0", "-n", "team");
        await UntilAsync(async () => await UsedAsync() == "0 29", "both counts to be right");
        await _api!.CreateAsync(Kinds.Pods, "team", Pod("c"), Ct);
        Assert.Equal("1 29", await UsedAsync());
    }

    private static JsonObject Named(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Pod(string name)
    {
        JsonObject pod = Named(name);
        pod["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "x:1" }) };
        return pod;
    }

    public async ValueTask DisposeAsync()
    {
        if (_controllers is not null)
            await _controllers.DisposeAsync();
        _api?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
        _scratch.Dispose();
    }

    private async Task<Kubectl> StartAsync()
    {
        KubernetesTools tools = await KubernetesTools.FindAsync(Ct);
        _server = await ApiServer.StartAsync(
            new ApiServerOptions { Name = "embedded", DataDirectory = _scratch["data"], BootstrapRoles = true, CollectsGarbage = false }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        IPEndPoint at = await _server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Ct);
        await _server.WriteAdminKubeconfigAsync(_scratch["kubeconfig"], new Uri($"https://{at}"), Ct);
        _api = _server.CreateClient(UserInfo.Admin);
        _controllers = await GuardedProcess.StartAsync(new(
            "kube-controller-manager", Path.Combine(tools.Folder, "kube-controller-manager"),
            [
                $"--kubeconfig={_scratch["kubeconfig"]}", "--kube-api-content-type=application/json", "--controllers=deployment,replicaset,job,namespace,garbagecollector,resourcequota",
                "--leader-elect=true", "--leader-elect-resource-lock=leases", "--port=0", $"--secure-port={FreePorts.Take(1)[0]}", "--bind-address=127.0.0.1", $"--cert-dir={_scratch["certs"]}",
            ],
            _scratch["controllers.log"]));
        return new Kubectl(tools.NewKubectl, _scratch["kubeconfig"], _scratch.Path);
    }

    /// <summary>Deletes, and waits until the object is gone.</summary>
    private async Task DeleteAsync(string plural, string ns, string name, string propagation, string group = "apps")
    {
        string path = $"apis/{group}/v1/namespaces/{ns}/{plural}/{name}";
        await _api!.SendAsync(HttpMethod.Delete, $"{path}?propagationPolicy={propagation}", null, null, Ct);
        await UntilAsync(async () =>
        {
            try
            {
                await _api.SendAsync(HttpMethod.Get, path, null, null, Ct);
                return false;
            }
            catch (KubeStatusException gone) when (gone.IsNotFound)
            {
                return true;
            }
        }, $"{name} to go ({propagation})");
    }

    /// <summary>As a kubelet would: makes pods ready that are not, until so many are.</summary>
    private Task ReadyAsync(string ns, string selector, int count) => UntilAsync(async () =>
    {
        IReadOnlyList<JsonObject> pods = await PodsAsync(ns, selector);
        foreach (JsonObject pod in pods.Where(p => !p.IsTrue("Ready")))
            await PhaseAsync(pod, "Running");
        return pods.Count(p => p.IsTrue("Ready")) >= count;
    }, $"{count} pods of {selector}");

    private async Task PhaseAsync(JsonObject pod, string phase)
    {
        JsonObject status = new()
        {
            ["phase"] = phase,
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "Ready", ["status"] = phase == "Running" ? "True" : "False", ["lastTransitionTime"] = TimeProvider.System.GetUtcNow().ToKubeTime(),
            }),
        };
        try
        {
            await _api!.PatchAsync(Kinds.Pods, pod.Namespace(), pod.Name(), PatchKind.Merge, new JsonObject { ["status"] = status }, Ct, "status");
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // The controllers took it away meanwhile.
        }
    }

    private async Task<IReadOnlyList<JsonObject>> PodsAsync(string ns, string selector) => (await _api!.ListAsync(Kinds.Pods, ns, new ListQuery(selector), Ct)).Items;

    private async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        while (!await condition())
        {
            if (time.GetElapsedTime(began) > s_soon || _controllers!.Exited.IsCompleted)
                throw _controllers!.Failure($"{what}: not within {s_soon.TotalSeconds:0} s");
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, Ct);
        }
    }
}
