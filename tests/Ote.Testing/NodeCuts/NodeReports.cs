using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>What the kubelet says of the node (v1.20): registers it, patches its status when it changes and every five minutes, renews its lease, posts events. One thread.</summary>
internal sealed class NodeReports(CutWorld world, KubeClient client, TimeProvider clock)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private int _events;

    /// <summary>Registers the node, and says how it is until stopped.</summary>
    public async Task ReportAsync(CancellationToken stop)
    {
        DateTimeOffset? last = null;
        var isRegistered = false;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!isRegistered)
                {
                    await RegisterAsync(stop).ConfigureAwait(false);
                    isRegistered = true;
                }

                last = await SayAsync(last, stop).ConfigureAwait(false);
            }
            catch (Exception refused) when (Calls.IsRefusal(refused) && !stop.IsCancellationRequested)
            {
                world.Story.Tell($"kubelet cannot say how the node is: {Calls.Cause(refused)}");
            }

            await Task.Delay(Every, clock, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Renews the node's lease until stopped.</summary>
    public async Task LeaseAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var lease = await client.GetAsync(Kinds.Leases, "kube-node-lease", CutWorld.Node, stop).ConfigureAwait(false);
                var now = clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
                if (lease is null)
                {
                    await client.CreateAsync(
                        Kinds.Leases, "kube-node-lease",
                        CutWorld.Parse($$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{CutWorld.Node}}}"},"spec":{"holderIdentity":"{{{CutWorld.Node}}}","leaseDurationSeconds":40,"renewTime":"{{{now}}}"}}"""), stop).ConfigureAwait(false);
                }
                else
                {
                    lease.Child("spec")["renewTime"] = now;
                    await client.ReplaceAsync(Kinds.Leases, lease, stop).ConfigureAwait(false);
                }
            }
            catch (Exception refused) when (Calls.IsRefusal(refused) && !stop.IsCancellationRequested)
            {
                // The next one will do.
            }

            await Task.Delay(Every, clock, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Posts an event on a pod; once, and whoever does not take it does without.</summary>
    public async Task TellAsync(JsonObject pod, string uid, string reason)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{pod.Name()}.{clock.GetTimestamp():x}.{++_events}");
        try
        {
            await client.CreateAsync(
                Kinds.Events, "default",
                CutWorld.Parse($$$"""
                    {"apiVersion":"v1","kind":"Event","metadata":{"name":"{{{name}}}","namespace":"default"},"involvedObject":{"apiVersion":"v1","kind":"Pod","namespace":"default","name":"{{{pod.Name()}}}","uid":"{{{uid}}}"},
                     "type":"Normal","reason":"{{{reason}}}","message":"container","firstTimestamp":"{{{clock.GetUtcNow().ToKubeTime()}}}","lastTimestamp":"{{{clock.GetUtcNow().ToKubeTime()}}}","count":1}
                    """),
                CancellationToken.None).ConfigureAwait(false);
            world.Acknowledged.Events.Add(name);
        }
        catch (Exception refused) when (Calls.IsRefusal(refused))
        {
            // Kubelets try again a few times; nobody relies on it.
        }
    }

    /// <summary>Writes the label of the node that users write too.</summary>
    public async Task LabelAsync(string value)
    {
        try
        {
            var node = await client.GetAsync(Kinds.Nodes, null, CutWorld.Node, CancellationToken.None).ConfigureAwait(false);
            var wasCut = !world.Hub.IsConnected;
            await client.PatchAsync(
                Kinds.Nodes, null, CutWorld.Node, PatchKind.StrategicMerge, CutWorld.Parse($$$"""{"metadata":{"labels":{"{{{Centre.Contested}}}":"{{{value}}}" } } }"""), CancellationToken.None).ConfigureAwait(false);
            world.Acknowledged.Labels.Add(new LabelWrite(node?.Labels().Text(Centre.Contested), value, wasCut && !world.Hub.IsConnected));
            world.Story.Tell($"kubelet labels the node {value}{(wasCut ? " here" : "")}");
        }
        catch (Exception refused) when (Calls.IsRefusal(refused))
        {
            world.Story.Tell($"kubelet cannot label the node {value}: {Calls.Cause(refused)}");
        }
    }

    private async Task RegisterAsync(CancellationToken stop)
    {
        try
        {
            await client.CreateAsync(
                Kinds.Nodes, null,
                CutWorld.Parse($$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{CutWorld.Node}}}","labels":{"kubernetes.io/hostname":"{{{CutWorld.Node}}}"}},"status":{"conditions":[]}}"""), stop).ConfigureAwait(false);
        }
        catch (KubeStatusException there) when (there.IsAlreadyExists)
        {
            // Its own, from before.
        }
    }

    private async Task<DateTimeOffset?> SayAsync(DateTimeOffset? last, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        var node = await client.SendAsync(HttpMethod.Get, Kinds.Nodes.Path(null, CutWorld.Node) + "?resourceVersion=0", null, null, stop).ConfigureAwait(false);
        var said = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["Ready"] = "True", ["DiskPressure"] = world.Agent.HasPressure ? "True" : "False" };
        var conditions = (node.Items("status", "conditions") ?? []).ToDictionary(condition => condition.Text("type")!, condition => condition);
        if (said.All(one => conditions.GetValueOrDefault(one.Key).Text("status") == one.Value) && now - last < Longest)
        {
            return last;
        }

        var changed = new JsonArray([.. said.Select(one => new JsonObject
        {
            ["type"] = one.Key, ["status"] = one.Value, ["lastHeartbeatTime"] = now.ToKubeTime(),
            ["lastTransitionTime"] = conditions.GetValueOrDefault(one.Key) is { } before && before.Text("status") == one.Value ? before.Text("lastTransitionTime") : now.ToKubeTime(),
        })]);
        await client.PatchAsync(Kinds.Nodes, null, CutWorld.Node, PatchKind.StrategicMerge, new JsonObject { ["status"] = new JsonObject { ["conditions"] = changed } }, stop, "status").ConfigureAwait(false);
        foreach (var (type, status) in said)
        {
            world.Acknowledged.Conditions[type] = status;
        }

        return now;
    }
}
