using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;

namespace Ote.Kube.Server.Admission.Limits;

/// <summary>
/// What kube-apiserver's plugin LimitRanger does: new pods are given the resources that a LimitRange of their namespace gives to whoever names none, and pods and claims that it
/// does not allow are refused. Thread-safe.
/// </summary>
internal sealed class LimitRanger(LimitRangeTable table)
{
    private const string Annotation = "kubernetes.io/limit-ranger";
    private const string Pods = "/pods";
    private const string Claims = "/persistentvolumeclaims";

    /// <summary>Gives a new pod what it names no amount of. True when it changed the pod.</summary>
    public bool Fill(WriteContext context, JsonObject obj)
    {
        if (context.Subresource is not null || ServedCatalog.ResourceOf(context.Kind) != Pods)
        {
            return false;
        }

        var filled = false;
        foreach (var range in table.Of(context.Namespace))
        {
            // Each LimitRange that gives something tells of it, the last one in the end; so it is in the real server.
            var given = ContainerDefaults.Fill(obj, range);
            if (given.Count > 0)
            {
                obj.Child("metadata").Child("annotations")[Annotation] = "LimitRanger plugin set: " + string.Join("; ", given);
                filled = true;
            }
        }

        if (filled)
        {
            obj.Child("status")["qosClass"] = QualityOfService.Of(obj);
        }

        return filled;
    }

    /// <summary>Refuses what a LimitRange does not allow.</summary>
    /// <exception cref="ApiError">403 with each limit that is broken.</exception>
    public void Check(WriteContext context, JsonObject obj, JsonObject? old)
    {
        var resource = ServedCatalog.ResourceOf(context.Kind);
        // The resources of a pod stay as they are; of a claim that goes nobody asks.
        if (context.Subresource is not null || resource is not (Pods or Claims) || (old is not null && (resource == Pods || obj.IsDeleting())))
        {
            return;
        }

        foreach (var range in table.Of(context.Namespace))
        {
            var faults = (resource == Pods ? LimitCheck.OfPod(obj, range) : LimitCheck.OfClaim(obj, range)).Distinct().ToList();
            if (faults.Count > 0)
            {
                throw ApiError.Forbidden(context.Kind, obj.Name(), faults.Count == 1 ? faults[0] : $"[{string.Join(", ", faults)}]");
            }
        }
    }
}
