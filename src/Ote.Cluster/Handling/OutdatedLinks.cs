using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Ends the older of two links of one cluster, at whatever depth: where the newer one is seen, the older one's parent is told, hop by hop
/// down the branch in which it was known. Where that link has ended already, each on the way is told that the cluster has moved. And has what an operator forgot above be forgotten on the same way. For several threads.
/// </summary>
/// <param name="routes">Who is where.</param>
/// <param name="linkTo">The link to a direct child while it is up.</param>
/// <param name="end">Ends the link of a direct child's uid if its epoch is no greater than this.</param>
internal sealed class OutdatedLinks(RouteKeeper routes, Func<string, ILink?> linkTo, Action<string, ulong> end)
{
    /// <summary>Raised when a cluster, by its name and uid, was forgotten here because it was above; on the thread that brought the word: queue, do not work.</summary>
    public event Action<string, string>? Forgotten;

    /// <summary>Tells of what a step of the routes found to be outdated. Call without the routes' lock.</summary>
    public void End(RouteStep step)
    {
        Tell(step);
        foreach (var old in step.Outdated)
        {
            End(old.Child, new AttachedElsewhere { Name = old.Name, Uid = old.Uid, Epoch = old.Epoch });
        }

        // One that has no room for it hears it again when it announces that cluster the next time.
        foreach (var moved in step.Moved)
        {
            End(moved.Child, new AttachedElsewhere { Name = moved.Name, Uid = moved.Uid, Epoch = moved.Later.Epoch, Parent = moved.Later.Parent });
        }
    }

    /// <summary>Tells the child behind which it is known that a cluster was forgotten. One that has no room for it, or is away, hears it when it tells of that cluster the next time.</summary>
    public void Tell(RouteStep step)
    {
        foreach (var gone in step.Forgotten)
        {
            linkTo(gone.Child)?.TrySend(new Message { Lane = Lane.Control, ForgetCluster = new ForgetCluster { Name = gone.Name, Uid = gone.Uid, Epoch = gone.Epoch } });
        }
    }

    /// <summary>An operator has forgotten a cluster above, says the parent: it is forgotten here and further down too.</summary>
    public void Forget(ForgetCluster word)
    {
        var step = routes.Apply(t => t.Forget(word.Name, word.Uid, word.Epoch));
        if (step.Changes.Count > 0)
        {
            Forgotten?.Invoke(word.Name, word.Uid);
        }

        Tell(step);
    }

    /// <summary>A cluster below has attached elsewhere since, says the parent: whoever is its parent here ends that link.</summary>
    public void End(AttachedElsewhere since)
    {
        var hop = routes.Read(t => t.Find(since.Name) is { } entry && entry.Uid == since.Uid && entry.Epoch <= since.Epoch ? t.NextHop(since.Name) : null);
        if (since.Parent.Length > 0 && ClusterName.Check(since.Parent) is null)
        {
            routes.Apply(t => t.Moved(since.Name, since.Uid, new LaterPlace(since.Parent, since.Epoch)));
        }

        if (hop is not null)
        {
            End(hop, since);
        }
    }

    private void End(string hop, AttachedElsewhere since)
    {
        if (hop == since.Name)
        {
            end(since.Uid, since.Epoch);
        }
        else
        {
            linkTo(hop)?.TrySend(new Message { Lane = Lane.Control, AttachedElsewhere = since });
        }
    }
}
