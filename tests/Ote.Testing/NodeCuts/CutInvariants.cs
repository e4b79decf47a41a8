using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>What must be so in the end, what must never have been, and what must be so each time that a merge is over. (No container is started again without a cause: <see cref="NodeContainers"/> sees to that.) One thread.</summary>
internal sealed class CutInvariants(CutWorld world)
{
    private static readonly ListQuery OfNode = new(FieldSelector: $"spec.nodeName={CutWorld.Node}");
    private bool _wasConnected = true;

    /// <summary>To be asked when all is at rest, after each thing that happens: begins what is looked at when a merge is over.</summary>
    public void Check()
    {
        var isConnected = world.Hub.IsConnected;
        if (isConnected && !_wasConnected)
        {
            _ = ReturnedAsync(new SortedDictionary<string, JsonObject>(world.Acknowledged.Statuses, StringComparer.Ordinal));
        }

        _wasConnected = isConnected;
    }

    /// <summary>What is not yet as it must become; null: all is well.</summary>
    public async Task<string?> UnsettledAsync()
    {
        if (!world.Hub.IsConnected || world.Hub.Hub!.Journalled > 0)
        {
            return $"the hub is {world.Hub.Hub?.State.ToString() ?? "not running"}, with {world.Hub.Hub?.Journalled} to tell";
        }

        var pods = await ListAsync().ConfigureAwait(false);
        var view = world.Agent.Pods!;
        return Unlike(pods, view.View) ?? pods.Values.Select(Unwell).FirstOrDefault(unwell => unwell is not null)
            ?? world.Centre.Pods.Where(pod => !pod.IsUnwanted && !pods.ContainsKey("default/" + pod.Name)).Select(pod => $"the pod {pod.Name} ({pod.Uid}), which users want, is not there").FirstOrDefault()
            ?? world.Agent.Manifests.Where(one => !pods.ContainsKey($"default/{one.Key}-{CutWorld.Node}")).Select(one => $"the static pod {one.Key} has no mirror").FirstOrDefault()
            ?? world.Containers.Running.Where(uid => !uid.StartsWith("static-", StringComparison.Ordinal) && !pods.Values.Any(pod => pod.Uid() == uid)).Select(uid => $"a container of the pod {uid} runs, which is not there").FirstOrDefault()
            ?? await UnlikeNodeAsync().ConfigureAwait(false);
    }

    /// <summary>What must not have been and was; null: nothing.</summary>
    public async Task<string?> UntruthAsync()
    {
        var (pods, centre, seen) = (await ListAsync().ConfigureAwait(false), world.Centre, world.Witness);
        var events = (await world.Admin.ListAsync(Kinds.Events, null, null, CancellationToken.None).ConfigureAwait(false)).Items;
        var dropped = events.Where(one => one.Text("reason") == "OfflineWriteDropped").ToList();
        return seen.Made.Where(one => centre.Pods.All(pod => pod.Uid != one.Key)).Select(one => $"the pod {one.Value} ({one.Key}) was made by nobody").FirstOrDefault()
            ?? seen.Gone.Where(uid => centre.Pods.Any(pod => pod.Uid == uid && !pod.IsUnwanted)).Select(uid => $"the pod {seen.Made[uid]} ({uid}) was deleted, and nobody wanted that").FirstOrDefault()
            ?? centre.Pods.Where(pod => !pod.IsUnwanted).Select(pod => Overwritten(pod, pods["default/" + pod.Name])).FirstOrDefault(lost => lost is not null)
            ?? world.Acknowledged.Events.Except(events.Select(one => one.Name())).Select(name => $"the event {name} was taken, and is nowhere").FirstOrDefault()
            ?? world.Acknowledged.Ended.Where(uid => pods.Values.Any(pod => pod.Uid() == uid)).Select(uid => $"the pod {uid} was deleted for good by the kubelet, and is there").FirstOrDefault()
            ?? await LostLabelAsync(dropped).ConfigureAwait(false);
    }

    private static string? Overwritten(WishedPod wished, JsonObject pod)
    {
        foreach (var (part, wants) in (IEnumerable<(string, SortedDictionary<string, string>)>)[("labels", wished.Labels), ("annotations", wished.Annotations)])
        {
            foreach (var (key, value) in wants)
            {
                if (pod.Text("metadata", part, key) != value)
                {
                    return $"{part} {key}={value} of {wished.Name}, which a user set, is {pod.Text("metadata", part, key) ?? "gone"}";
                }
            }
        }

        return pod.Items("spec", "containers")![0].Text("image") == wished.Image ? null : $"the image {wished.Image} of {wished.Name}, which a user set, is {pod.Items("spec", "containers")![0].Text("image")}";
    }

    private static string? Unlike(SortedDictionary<string, JsonObject> there, SortedDictionary<string, JsonObject> here)
    {
        foreach (var key in there.Keys.Union(here.Keys))
        {
            var (one, other) = (there.GetValueOrDefault(key), here.GetValueOrDefault(key));
            if (!JsonNode.DeepEquals(one, other))
            {
                return $"the kubelet sees the pod {key} as {other?.ToJsonString() ?? "none"}, and the API server has {one?.ToJsonString() ?? "none"}";
            }
        }

        return null;
    }

    private string? Unwell(JsonObject pod)
    {
        var uid = pod.Annotation(PodWorkers.MirrorHash) ?? pod.Uid();
        var said = world.Agent.Statuses!.Said.GetValueOrDefault(uid);
        return pod.IsDeleting() ? $"the pod {pod.Name()} is still going"
            : said is null ? $"the kubelet says nothing of {pod.Name()} ({uid})"
            : !PodStatuses.Says(pod["status"], said) ? $"the status of {pod.Name()} is {pod["status"]?.ToJsonString()}, and its kubelet says {said.ToJsonString()}"
            : said.Text("phase") == "Running" && world.Containers.Of(uid) is not { End: null } ? $"nothing of {pod.Name()} runs"
            : null;
    }

    private async Task<string?> UnlikeNodeAsync()
    {
        var node = await world.Admin.GetAsync(Kinds.Nodes, null, CutWorld.Node, CancellationToken.None).ConfigureAwait(false);
        var map = await world.Admin.GetAsync(Kinds.ConfigMaps, "default", "settings", CancellationToken.None).ConfigureAwait(false);
        return world.Centre.NodeLabels.Where(label => node.Text("metadata", "labels", label.Key) != label.Value).Select(label => $"the node's label {label.Key}={label.Value} is {node.Text("metadata", "labels", label.Key) ?? "gone"}").FirstOrDefault()
            ?? world.Acknowledged.Conditions.Where(one => node!.Condition(one.Key).Text("status") != one.Value).Select(one => $"the node's {one.Key} is {node!.Condition(one.Key).Text("status")}, and its kubelet says {one.Value}").FirstOrDefault()
            ?? (map.Text("data", "word") != world.Centre.Settings ? "the configmap is not as it was set" : null)
            ?? (world.Agent.Settings!.View.GetValueOrDefault("default/settings").Text("data", "word") != world.Centre.Settings ? "the kubelet does not see the configmap" : null);
    }

    /// <summary>A label that the node wrote, while a user did, gives way; but not without a word.</summary>
    private async Task<string?> LostLabelAsync(List<JsonObject> dropped)
    {
        var node = await world.Admin.GetAsync(Kinds.Nodes, null, CutWorld.Node, CancellationToken.None).ConfigureAwait(false);
        var zone = node!.Labels().Text(Centre.Contested);
        var last = world.Acknowledged.Labels.LastOrDefault();
        var wasTold = dropped.Any(one => one.Text("involvedObject", "kind") == "Node" && one.Text("message")!.Contains("metadata.labels." + Centre.Contested, StringComparison.Ordinal));
        return last is null || zone == last.Value || (zone is not null && world.Centre.Zones.Contains(zone) && (wasTold || !last.WasCut)) || world.Centre.Zones.LastOrDefault() == zone && world.Witness.Zones.Contains(last.Value) ? null
            : $"the node's zone is {zone}; its kubelet's {last.Value} was taken, and is lost without a word";
    }

    /// <summary>A merge is over: what the kubelet was told before that has been done, the API server has.</summary>
    private async Task ReturnedAsync(SortedDictionary<string, JsonObject> taken)
    {
        var pods = await ListAsync().ConfigureAwait(false);
        foreach (var pod in pods.Values)
        {
            if (taken.GetValueOrDefault(pod.Uid()) is { } said && ReferenceEquals(said, world.Acknowledged.Statuses.GetValueOrDefault(pod.Uid())))
            {
                // Conditions are no part of it: the cluster's own controllers change those too.
                var own = said.Copy();
                own["conditions"] = new JsonArray();
                if (!PodStatuses.Says(pod["status"], own))
                {
                    world.Story.Violate($"after a merge the status of {pod.Name()} ({pod.Uid()}) is {pod["status"]?.ToJsonString()}, and its kubelet had said {said.ToJsonString()}");
                }
            }
        }
    }

    private async Task<SortedDictionary<string, JsonObject>> ListAsync()
    {
        var pods = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var pod in (await world.Admin.ListAsync(Kinds.Pods, null, OfNode, CancellationToken.None).ConfigureAwait(false)).Items)
        {
            pods[pod.Key()] = pod;
        }

        return pods;
    }
}
