namespace Ote.Testing.NodeCuts;

/// <summary>
/// The container runtime of the node, which outlives the kubelet and the hub. It is where the promise is kept or broken: of a pod whose spec did not change no container is started again, but when one ended by itself or with the node. One thread.
/// </summary>
internal sealed class NodeContainers(CutStory story)
{
    private readonly SortedDictionary<string, Container> _last = new(StringComparer.Ordinal);

    /// <summary>Containers that were started.</summary>
    public int Started { get; private set; }

    /// <summary>By the uid of their pod, the last of each.</summary>
    public IReadOnlyDictionary<string, Container> Last => _last;

    /// <summary>Uids of the pods whose container runs.</summary>
    public IReadOnlyList<string> Running => [.. _last.Where(one => one.Value.End is null).Select(one => one.Key)];

    /// <summary>The last container of a pod; null: it never had one.</summary>
    public Container? Of(string uid) => _last.GetValueOrDefault(uid);

    /// <summary>The kubelet starts one.</summary>
    public void Start(string uid, string pod, string hash, DateTimeOffset now)
    {
        var before = Of(uid);
        if (before is { End: ContainerEnd.Killed or ContainerEnd.Completed or null } && before.Hash == hash)
        {
            story.Violate($"a container of the pod {pod} ({uid}), whose spec did not change, is started again after it was {before.End?.ToString() ?? "running"}");
        }

        Started++;
        // An address is the sandbox's, which lives on when a container crashes or is made anew.
        var ip = before is { End: not ContainerEnd.Rebooted } ? before.Ip : $"10.1.{Started / 250}.{Started % 250}";
        _last[uid] = new Container(Started, pod, hash, ip, before is null ? 0 : before.Restarts + 1, now);
        story.Tell($"container {Started} of {pod} ({uid}) starts");
    }

    /// <summary>One ends. Nothing when none runs.</summary>
    public void End(string uid, ContainerEnd how)
    {
        if (Of(uid) is { End: null } running)
        {
            _last[uid] = running with { End = how };
            story.Tell($"container {running.Id} of {running.Pod} ({uid}) ends: {how}");
        }
    }

    /// <summary>The node goes down, and all with it.</summary>
    public void Reboot()
    {
        foreach (var uid in Running)
        {
            End(uid, ContainerEnd.Rebooted);
        }
    }
}
