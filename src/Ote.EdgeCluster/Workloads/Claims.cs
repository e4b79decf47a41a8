using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Which of the objects at hand belong to an owner. Pure.</summary>
/// <param name="Owned">Controlled by it and selected by it.</param>
/// <param name="Adopt">Selected by it and controlled by nobody; to be made its own.</param>
/// <param name="Release">Controlled by it but no longer selected; to be let go.</param>
internal sealed record Claims(IReadOnlyList<JsonObject> Owned, IReadOnlyList<JsonObject> Adopt, IReadOnlyList<JsonObject> Release)
{
    /// <summary>Sorts the candidates of the owner's namespace. An owner that is going away neither adopts nor releases.</summary>
    public static Claims Sort(JsonObject owner, Func<JsonObject?, bool> selects, IEnumerable<JsonObject> candidates)
    {
        List<JsonObject> owned = [], adopt = [], release = [];
        foreach (var candidate in candidates)
        {
            if (candidate.Namespace() != owner.Namespace())
            {
                continue;
            }

            if (candidate.Controller() is { } controller)
            {
                if (controller.Uid != owner.Uid())
                {
                    continue;
                }

                if (selects(candidate.Labels()))
                {
                    owned.Add(candidate);
                }
                else if (!owner.IsDeleting())
                {
                    release.Add(candidate);
                }
            }
            else if (!owner.IsDeleting() && !candidate.IsDeleting() && selects(candidate.Labels()))
            {
                adopt.Add(candidate);
            }
        }

        return new Claims(owned, adopt, release);
    }
}
