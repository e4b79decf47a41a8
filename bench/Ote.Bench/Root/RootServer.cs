using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Bench.Root;

/// <summary>The root of a tree as it is in production: control API and journal on disk, children over TLS.</summary>
internal sealed class RootServer : IAsyncDisposable
{
    /// <summary>The tag every light child carries.</summary>
    public const string Selector = "tier=bench";

    private const int CreateAtOnce = 32;
    private readonly ApiServer _api;
    private readonly ClusterController _controller;
    private readonly TimeProvider _time;
    private readonly ClusterGauge _gauge = new("root");

    private RootServer(ApiServer api, ClusterController controller, KubeClient client, string folder, TimeProvider time)
    {
        (_api, _controller, Client, _time) = (api, controller, client, time);
        IdentityDirectory = Path.Combine(folder, "root", "identity");
    }

    public KubeClient Client { get; }

    public ClusterController Controller => _controller;

    public IPEndPoint EndPoint => _controller.ListenAddress!;

    /// <summary>Writes to the control API's store between the last command's creation and its end.</summary>
    public long LastWrites { get; private set; }

    public string CaPin => _controller.CaPin!;

    /// <summary>Where the tree's CA is, for those who make identities without joining.</summary>
    public string IdentityDirectory { get; }

    public static async Task<RootServer> StartAsync(string folder, Surroundings around, CancellationToken ct, IPEndPoint? listen = null)
    {
        var api = await ApiServer.StartAsync(
            new ApiServerOptions { Name = "root", DataDirectory = Path.Combine(folder, "api"), InstallCrds = Crds.Load(), Namespaces = [ClusterController.SystemNamespace] },
            around.Loggers, around.Time, ct, around.Meters);
        var controller = await ClusterController.StartAsync(
            new ClusterControllerOptions { Name = "root", DataDirectory = Path.Combine(folder, "root"), Listen = listen ?? new IPEndPoint(IPAddress.Loopback, 0) },
            around.Parts(api.CreateClient(UserInfo.Component("cluster-controller"))),
            ct);
        return new RootServer(api, controller, api.CreateClient(UserInfo.Admin), folder, around.Time);
    }

    /// <summary>One command to all that carry the tag; the time until its status says that all answers are stored.</summary>
    public async Task<TimeSpan> CommandAsync(string name, string body, int targets, CancellationToken ct)
    {
        var query = new ListQuery(FieldSelector: $"metadata.name={name}");
        var seen = await Client.ListAsync(Kinds.ClusterControllers, "default", query, ct);
        var start = _time.GetTimestamp();
        var created = await CreateAsync(name, body, ct);
        await foreach (var change in Client.WatchAsync(Kinds.ClusterControllers, "default", query, seen.ResourceVersion, ct))
        {
            if (change.Object.Text("status", "completionTime") is null)
            {
                continue;
            }

            var elapsed = _time.GetElapsedTime(start);
            LastWrites = Revision(change.Object) - Revision(created);
            var succeeded = change.Object.Whole("status", "targetCounts", "succeeded");
            return succeeded == targets
                ? elapsed
                : throw new BenchException($"command {name}: {succeeded} of {targets} clusters succeeded; its status is {change.Object["status"]?.ToJsonString()}");
        }

        throw new BenchException($"command {name}: the watch ended before the command did");
    }

    /// <summary>So many commands to one cluster, all at once; the time until the last has ended.</summary>
    public async Task<TimeSpan> CommandsAsync(string prefix, string body, int count, CancellationToken ct)
    {
        var seen = await Client.ListAsync(Kinds.ClusterControllers, "default", null, ct);
        var start = _time.GetTimestamp();
        var creating = Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = CreateAtOnce, CancellationToken = ct }, async (i, stop) =>
            await CreateAsync(string.Create(CultureInfo.InvariantCulture, $"{prefix}-{i}"), body, stop));
        var over = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var change in Client.WatchAsync(Kinds.ClusterControllers, "default", null, seen.ResourceVersion, ct))
        {
            var whole = change.Object.Text("status", "completionTime") is not null && change.Object.Name().StartsWith(prefix, StringComparison.Ordinal);
            if (whole && change.Object.Whole("status", "targetCounts", "succeeded") != 1)
            {
                throw new BenchException($"command {change.Object.Name()} failed; its status is {change.Object["status"]?.ToJsonString()}");
            }

            if (whole && over.Add(change.Object.Name()) && over.Count == count)
            {
                break;
            }
        }

        var elapsed = _time.GetElapsedTime(start);
        await creating;
        return elapsed;
    }

    private Task<JsonObject> CreateAsync(string name, string body, CancellationToken ct) => Client.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
    {
        ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
        ["kind"] = Kinds.ClusterControllers.Kind,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["spec"] = new JsonObject
        {
            ["clusterSelector"] = Selector,
            ["destination"] = "api",
            ["method"] = "POST",
            ["url"] = "/apis/apps/v1/namespaces/default/deployments",
            ["body"] = body,
            ["contentType"] = "application/json",
        },
    }, ct);

    // This API server numbers every write of the whole store in one row.
    private static long Revision(JsonObject obj) => long.Parse(obj.ResourceVersion(), CultureInfo.InvariantCulture);

    /// <summary>A token that admits so many clusters at once without approval.</summary>
    public async Task<string> TokenAsync(int uses, CancellationToken ct)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        await Client.CreateAsync(Kinds.JoinTokens, null, new JsonObject
        {
            ["apiVersion"] = Kinds.JoinTokens.ApiVersion,
            ["kind"] = Kinds.JoinTokens.Kind,
            ["metadata"] = new JsonObject { ["name"] = token.Id },
            ["spec"] = new JsonObject { ["secretHash"] = token.SecretHash, ["uses"] = uses, ["autoAccept"] = true },
        }, ct);
        return token.Reveal();
    }

    /// <summary>Clusters below the root that its control API calls online.</summary>
    public async Task<int> OnlineAsync(CancellationToken ct)
    {
        var clusters = await Client.ListAsync(Kinds.Clusters, null, null, ct);
        return clusters.Items.Count(c => c.Name() != "root" && c.Text("status", "status") == "online");
    }

    /// <summary>Waits until so many are online; bounded by the token. Asks the API only once the routes have them all: it is not what is measured.</summary>
    public async Task WaitOnlineAsync(int count, CancellationToken ct)
    {
        while (_gauge.Read() <= count || await OnlineAsync(ct) < count)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), _time, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _gauge.Dispose();
        await _controller.DisposeAsync();
        await _api.DisposeAsync();
    }
}
