using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>Sees every change of pods and of the node at the API server itself: what was for a moment only, and would not be found in the end. One thread.</summary>
internal sealed class ApiWitness(CutWorld world)
{
    private readonly CancellationTokenSource _ends = new();
    private string? _zone;

    /// <summary>Values that the contested label of the node had.</summary>
    public SortedSet<string> Zones { get; } = new(StringComparer.Ordinal);

    /// <summary>Uids of pods that were made, and their names; mirror pods aside.</summary>
    public SortedDictionary<string, string> Made { get; } = new(StringComparer.Ordinal);

    /// <summary>Uids of pods that are gone, mirror pods aside.</summary>
    public SortedSet<string> Gone { get; } = new(StringComparer.Ordinal);

    /// <summary>Begins.</summary>
    public void Start()
    {
        _ = FollowAsync(Kinds.Pods, Pod);
        _ = FollowAsync(Kinds.Nodes, Node);
    }

    /// <summary>Ends.</summary>
    public void Stop() => _ends.Cancel();

    private async Task FollowAsync(ResourceRef kind, Action<WatchEvent> see)
    {
        try
        {
            while (true)
            {
                var version = (await world.Admin.ListAsync(kind, null, null, _ends.Token).ConfigureAwait(false)).ResourceVersion;
                await foreach (var change in world.Admin.WatchAsync(kind, null, null, version, _ends.Token).ConfigureAwait(false))
                {
                    if (change.Type != WatchEventType.Bookmark)
                    {
                        see(change);
                    }
                }
            }
        }
        catch (Exception end) when (_ends.IsCancellationRequested && Calls.IsRefusal(end))
        {
            // The end.
        }
        catch (KubeStatusException lost)
        {
            world.Story.Violate($"the witness lost sight of {kind.Plural}: {lost.Message}");
        }
    }

    private void Pod(WatchEvent change)
    {
        var pod = change.Object;
        if (pod.Annotation(PodWorkers.MirrorHash) is not null)
        {
            return;
        }

        if (change.Type == WatchEventType.Added)
        {
            Made[pod.Uid()] = pod.Name();
        }
        else if (change.Type == WatchEventType.Deleted)
        {
            Gone.Add(pod.Uid());
        }
    }

    /// <summary>A label that a user set while the node was cut off must not give way to what the node wrote meanwhile without having seen it.</summary>
    private void Node(WatchEvent change)
    {
        var (before, now) = (_zone, change.Object.Labels().Text(Centre.Contested));
        _zone = now;
        Zones.Add(now ?? "");
        if (before == now)
        {
            return;
        }

        world.Story.Tell($"the node's zone is {now}, and was {before}");
        var write = world.Acknowledged.Labels.FirstOrDefault(one => one.Value == now);
        if (write is { WasCut: true } && before is not null && world.Centre.Zones.Contains(before) && write.Seen != before && !world.Acknowledged.Labels.Any(one => one.WasCut && one.Seen == before))
        {
            world.Story.Violate($"a user labelled the node {before}; the node, which had seen {write.Seen}, wrote {now} while cut off, and the user's label is lost");
        }
    }
}
