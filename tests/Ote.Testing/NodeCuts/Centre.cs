using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>Who uses the API server meanwhile, and its controllers: pods come, go and are changed, the node is labelled and called unknown when it is not heard. What is wanted is noted here, and must be so in the end. One thread.</summary>
internal sealed class Centre(CutWorld world)
{
    /// <summary>A label of the node that the node writes too.</summary>
    public const string Contested = "zone";

    private const int MostPods = 6;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(40);
    private readonly List<WishedPod> _pods = [];
    private int _count;

    /// <summary>Every pod that was made.</summary>
    public IReadOnlyList<WishedPod> Pods => _pods;

    /// <summary>Labels of the node that were set.</summary>
    public SortedDictionary<string, string> NodeLabels { get; } = new(StringComparer.Ordinal);

    /// <summary>What the configmap holds.</summary>
    public string Settings { get; private set; } = "0";

    /// <summary>The contested label's values that were written here, the oldest first.</summary>
    public List<string> Zones { get; } = [];

    private static CancellationToken None => CancellationToken.None;

    /// <summary>Makes what there is from the beginning.</summary>
    public async Task BeginAsync()
    {
        await world.Admin.CreateAsync(Kinds.ConfigMaps, "default", CutWorld.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"word":"0"}}"""), None).ConfigureAwait(false);
        for (var i = 0; i < 3; i++)
        {
            await CreateAsync(isOnce: false).ConfigureAwait(false);
        }
    }

    /// <summary>Does something, while <paramref name="goesOn"/>.</summary>
    public async Task RunAsync(Func<bool> goesOn)
    {
        while (goesOn())
        {
            await ActAsync().ConfigureAwait(false);
            await world.PassAsync(world.Between(0.3, 7)).ConfigureAwait(false);
        }
    }

    /// <summary>The controller that calls nodes unknown of which nothing is heard, and their pods not ready.</summary>
    public async Task WatchNodeAsync(Func<bool> goesOn)
    {
        while (goesOn())
        {
            await world.PassAsync(TimeSpan.FromSeconds(5)).ConfigureAwait(false);
            var lease = await world.Admin.GetAsync(Kinds.Leases, "kube-node-lease", CutWorld.Node, None).ConfigureAwait(false);
            var node = await world.Admin.GetAsync(Kinds.Nodes, null, CutWorld.Node, None).ConfigureAwait(false);
            if (lease.Time("spec", "renewTime") is { } renewed && world.Clock.GetUtcNow() - renewed > Silence && node is not null && node.IsTrue("Ready"))
            {
                world.Story.Tell("centre calls the node unknown");
                await ConditionAsync(Kinds.Nodes, null, CutWorld.Node, "Ready", "Unknown").ConfigureAwait(false);
                foreach (var pod in (await world.Admin.ListAsync(Kinds.Pods, null, new ListQuery(FieldSelector: $"spec.nodeName={CutWorld.Node}"), None).ConfigureAwait(false)).Items.Where(pod => pod.IsTrue("Ready")))
                {
                    await ConditionAsync(Kinds.Pods, "default", pod.Name(), "Ready", "False").ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>So much happens elsewhere that the API server forgets what was before.</summary>
    public async Task ChurnAsync()
    {
        world.Story.Tell("centre is busy elsewhere");
        for (var i = 0; i < 45; i++)
        {
            await world.Admin.PatchAsync(Kinds.Namespaces, null, "kube-public", PatchKind.Merge, CutWorld.Parse($$$"""{"metadata":{"annotations":{"busy":"{{{++_count}}}" } } }"""), None).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a pod away without waiting for its node.</summary>
    public static async Task EraseAsync(KubeClient admin, JsonObject pod) => await PodWorkers.DeleteAsync(admin, pod, None).ConfigureAwait(false);

    private async Task ActAsync()
    {
        var wanted = _pods.Where(pod => !pod.IsUnwanted).ToList();
        var pod = wanted.Count == 0 ? null : world.One(wanted);
        var number = (++_count).ToString(CultureInfo.InvariantCulture);
        switch (world.Random())
        {
            case < 0.2 when wanted.Count < MostPods:
                await CreateAsync(world.Chance(0.3)).ConfigureAwait(false);
                break;
            case < 0.3 when pod is not null:
                world.Story.Tell($"centre deletes {pod.Name}");
                pod.IsUnwanted = true;
                await DeleteAsync(pod.Name, grace: 2).ConfigureAwait(false);
                break;
            case < 0.36 when pod is not null:
                world.Story.Tell($"centre erases {pod.Name}");
                (pod.IsUnwanted, pod.IsErased) = (true, true);
                await DeleteAsync(pod.Name, grace: 0).ConfigureAwait(false);
                break;
            case < 0.5 when pod is not null:
                var (key, part) = ($"k{world.Random() * 3:0}", world.Chance(0.5));
                world.Story.Tell($"centre sets {(part ? "label" : "annotation")} {key}={number} of {pod.Name}");
                (part ? pod.Labels : pod.Annotations)[key] = number;
                await PatchAsync(Kinds.Pods, "default", pod.Name, $$$"""{"metadata":{"{{{(part ? "labels" : "annotations")}}}":{"{{{key}}}":"{{{number}}}" } } }""").ConfigureAwait(false);
                break;
            case < 0.56 when pod is { IsOnce: false }:
                world.Story.Tell($"centre gives {pod.Name} the image app:{number}");
                pod.Image = "app:" + number;
                await PatchAsync(Kinds.Pods, "default", pod.Name, $$$"""{"spec":{"containers":[{"name":"c","image":"app:{{{number}}}"}]}}""", PatchKind.StrategicMerge).ConfigureAwait(false);
                break;
            case < 0.66 when pod is not null:
                await ConditionAsync(Kinds.Pods, "default", pod.Name, "example.com/gate", world.Chance(0.5) ? "True" : "False").ConfigureAwait(false);
                break;
            case < 0.76:
                Settings = number;
                await PatchAsync(Kinds.ConfigMaps, "default", "settings", $$$"""{"data":{"word":"{{{number}}}"}}""").ConfigureAwait(false);
                break;
            case < 0.86:
                NodeLabels["users"] = number;
                await PatchAsync(Kinds.Nodes, null, CutWorld.Node, $$$"""{"metadata":{"labels":{"users":"{{{number}}}" } } }""").ConfigureAwait(false);
                break;
            case < 0.92:
                world.Story.Tell($"centre labels the node zone=c{number}");
                Zones.Add("c" + number);
                await PatchAsync(Kinds.Nodes, null, CutWorld.Node, $$$"""{"metadata":{"labels":{"{{{Contested}}}":"c{{{number}}}" } } }""").ConfigureAwait(false);
                break;
            case < 0.95:
                await DeleteAsync($"etcd-{CutWorld.Node}", grace: 0).ConfigureAwait(false);
                world.Story.Tell("centre erases a mirror pod");
                break;
            default:
                await ChurnAsync().ConfigureAwait(false);
                break;
        }
    }

    private async Task CreateAsync(bool isOnce)
    {
        var name = _pods.FirstOrDefault(pod => pod.IsUnwanted && !_pods.Any(other => other.Name == pod.Name && !other.IsUnwanted))?.Name;
        // Half of them take the name of one that went, as those of a StatefulSet do.
        name = name is not null && world.Chance(0.5) && await world.Admin.GetAsync(Kinds.Pods, "default", name, None).ConfigureAwait(false) is null ? name : $"p{++_count}";
        var made = await world.Admin.CreateAsync(
            Kinds.Pods, "default",
            CutWorld.Parse($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"},"spec":{"nodeName":"{{{CutWorld.Node}}}","restartPolicy":"{{{(isOnce ? "Never" : "Always")}}}","containers":[{"name":"c","image":"app:1"}]}}"""), None).ConfigureAwait(false);
        _pods.Add(new WishedPod(name, made.Uid(), isOnce));
        world.Story.Tell($"centre makes {name} ({made.Uid()})");
    }

    private async Task DeleteAsync(string name, int grace)
    {
        try
        {
            await world.Admin.SendAsync(
                HttpMethod.Delete, Kinds.Pods.Path("default", name), CutWorld.Parse($$"""{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":{{grace}}}"""), new MediaTypeHeaderValue("application/json"), None).ConfigureAwait(false);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // As wanted.
        }
    }

    private async Task PatchAsync(ResourceRef kind, string? ns, string name, string body, PatchKind how = PatchKind.Merge, string? subresource = null)
    {
        try
        {
            await world.Admin.PatchAsync(kind, ns, name, how, CutWorld.Parse(body), None, subresource).ConfigureAwait(false);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // The node has not registered yet.
            NodeLabels.Clear();
            Zones.Clear();
        }
    }

    private Task ConditionAsync(ResourceRef kind, string? ns, string name, string type, string status) => PatchAsync(
        kind, ns, name, $$$"""{"status":{"conditions":[{"type":"{{{type}}}","status":"{{{status}}}","lastTransitionTime":"{{{world.Clock.GetUtcNow().ToKubeTime()}}}"}]}}""", PatchKind.StrategicMerge, "status");
}
