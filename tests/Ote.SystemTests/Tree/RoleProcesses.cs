using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.Tree;

/// <summary>
/// Roles of a tree as processes of their own, each with its data in a folder of its name, looked at through their control APIs and otectl.
/// All end, and their data goes, when this is disposed of.
/// </summary>
internal sealed class RoleProcesses(string name, CancellationToken ct) : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new(name);
    private readonly List<ProductProcess> _processes = [];

    /// <summary>A file or folder of this tree.</summary>
    public string this[string file] => _scratch[file];

    /// <summary>Free addresses of loopback.</summary>
    public static string[] Addresses(int count) => [.. FreePorts.Take(count).Select(port => $"127.0.0.1:{port}")];

    /// <summary>Starts a root with a control API, and waits until it is ready.</summary>
    public Task<ProductProcess> StartRootAsync(string listen, string api) =>
        StartAsync("root", "ready ", "cluster-controller", "--name", "root", "--data", this["root"], "--listen", listen, "--api-listen", api);

    /// <summary>Starts <c>ote</c> in a role, and waits until it says that it is ready.</summary>
    public async Task<ProductProcess> StartAsync(string process, string ready, params string[] arguments)
    {
        ProductProcess started = new(process, "ote", arguments, _scratch.Path);
        _processes.Add(started);
        await started.StartAsync();
        await started.WaitForLineAsync(ready, s_soon, ct);
        return started;
    }

    /// <summary>The line a process has written in this run, or writes soon.</summary>
    public Task<string> LineAsync(ProductProcess process, string text) => process.WaitForLineAsync(text, s_soon, ct);

    /// <summary>The arguments of a controller that joins a parent with a token made for it at the root.</summary>
    /// <param name="controller">Its name.</param>
    /// <param name="parent">Its parent's address.</param>
    /// <param name="options">Of <c>otectl join-token create</c>.</param>
    public async Task<string[]> JoiningAsync(string controller, string parent, params string[] options)
    {
        JsonNode token = JsonNode.Parse(await OtectlAsync("root", ["join-token", "create", .. options, "-o", "json"]))!;
        await File.WriteAllTextAsync(this[controller + "-token"], (string)token["token"]!, ct);
        return
        [
            "cluster-controller", "--name", controller, "--data", this[controller], "--parent", $"https://{parent}",
            "--join-token-file", this[controller + "-token"], "--ca-pin", (string)token["caPin"]!,
        ];
    }

    /// <summary>Sends a command from a controller's control API, without waiting for it.</summary>
    public async Task SendAsync(string at, string command, string target, string method, string url, JsonObject? body = null)
    {
        JsonObject spec = new() { ["clusterSelector"] = target, ["method"] = method, ["url"] = url };
        if (body is not null)
            spec["body"] = body.ToJsonString();
        using KubeClient api = Api(at);
        await api.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "ClusterController",
            ["metadata"] = new JsonObject { ["name"] = command, ["namespace"] = "default" },
            ["spec"] = spec,
        }, ct);
    }

    /// <summary>The command once it is over.</summary>
    public Task<JsonObject> OverAsync(string at, string command) =>
        UntilAsync(at, Kinds.ClusterControllers, "default", command, c => c.Text("status", "completionTime") is not null);

    /// <summary>A cluster as soon as it has the status (<c>online</c>, <c>offline</c>).</summary>
    public Task<JsonObject> ClusterAsync(string at, string cluster, string status) =>
        UntilAsync(at, Kinds.Clusters, null, cluster, c => c.Text("status", "status") == status);

    /// <summary>The object as soon as it is as wanted; a control API that is away is asked again.</summary>
    public async Task<JsonObject> UntilAsync(string at, ResourceRef kind, string? ns, string instance, Func<JsonObject, bool> condition)
    {
        JsonObject? last = null;
        await UntilAsync(async () =>
        {
            try
            {
                using KubeClient api = Api(at);
                last = await api.GetAsync(kind, ns, instance, ct);
            }
            catch (HttpRequestException)
            {
                return false;
            }
            return last is not null && condition(last);
        }, () => $"{kind.Kind} {instance} at {at}, which is {last?.ToJsonString() ?? "not there"}");
        return last!;
    }

    /// <summary>Returns once the condition holds.</summary>
    public Task UntilAsync(Func<Task<bool>> condition, Func<string> what) => Eventually.HoldsAsync(condition, what, s_soon, ct);

    /// <summary>A client of a controller's control API, or of an edge cluster's, as its administrator.</summary>
    public KubeClient Api(string at) => new(Kubeconfig.Load(Path.Combine(this[at], "kubeconfig")).CreateHttpClient(TimeProvider.System));

    /// <summary>What otectl printed, which has to succeed.</summary>
    public async Task<string> OtectlAsync(string at, params string[] arguments) =>
        (await TryOtectlAsync([.. arguments, "--kubeconfig", Path.Combine(this[at], "kubeconfig")])).Succeeded().Out;

    /// <summary>otectl's outcome, without a kubeconfig.</summary>
    public Task<CommandResult> TryOtectlAsync(params string[] arguments) =>
        CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments], null, null, s_soon, ct);

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _scratch.Dispose();
    }
}
