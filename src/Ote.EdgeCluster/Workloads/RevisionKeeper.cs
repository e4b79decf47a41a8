using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Carries out what <see cref="RevisionHistory"/> says.</summary>
internal sealed class RevisionKeeper(ClusterView view, ILogger log)
{
    /// <summary>Sees to it that the present template has its revision. Null when its name was taken: <paramref name="owner"/> then counts one more collision.</summary>
    /// <param name="owner">The set; not one that is going.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="inUse">Whether pods of a revision still run.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<JsonObject?> KeepAsync(JsonObject owner, ResourceRef kind, Func<JsonObject, bool> inUse, CancellationToken cancellation)
    {
        var owned = view.Revisions.OwnedBy(owner, kind).Where(r => r.Controller()?.Uid == owner.Uid()).ToList();
        var history = RevisionHistory.Decide(owner, kind, owned, inUse);
        var current = history.Current;
        if (history.Create)
        {
            try
            {
                current = await view.CreateAsync(Kinds.ControllerRevisions, current, cancellation).ConfigureAwait(false);
            }
            catch (KubeStatusException taken) when (taken.IsAlreadyExists)
            {
                var collisions = (owner.Whole("status", "collisionCount") ?? 0) + 1;
                log.RevisionCollided(owner.Key(), current.Name(), collisions);
                var status = new JsonObject { ["status"] = new JsonObject { ["collisionCount"] = collisions } };
                await view.PatchAsync(kind, owner, status, cancellation, "status").ConfigureAwait(false);
                return null;
            }
        }
        else if (history.Renumber is { } number)
        {
            current = await view.PatchAsync(Kinds.ControllerRevisions, current, new JsonObject { ["revision"] = number }, cancellation).ConfigureAwait(false);
        }

        foreach (var old in history.Delete)
        {
            await view.DeleteAsync(Kinds.ControllerRevisions, old, cancellation).ConfigureAwait(false);
        }

        return current;
    }
}
