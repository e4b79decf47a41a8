using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>How a deletion begins, and what holds it. Pure.</summary>
internal static class Deletion
{
    /// <summary>Namespaces and definitions are held by their content without a finalizer in the metadata.</summary>
    public static bool IsHeld(KindInfo kind, JsonObject obj) => ObjectRules.IsHeld(obj) || ServedCatalog.ResourceOf(kind) switch
    {
        NamespaceTable.Resource => obj.Items("spec", "finalizers") is { Count: > 0 },
        ServedCatalog.CrdResource => true,
        _ => false,
    };

    /// <summary>Marks an object as going.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="obj">The object, which is changed.</param>
    /// <param name="now">The time of the request.</param>
    /// <param name="leastGeneration">See <see cref="Generations.After"/>.</param>
    /// <param name="grace">Seconds until it is due; 0 but for pods.</param>
    public static void Begin(KindInfo kind, JsonObject obj, DateTimeOffset now, long leastGeneration, long grace)
    {
        var metadata = obj.Child("metadata");
        metadata["deletionTimestamp"] = now.AddSeconds(grace).ToKubeTime();
        // What the server itself takes apart has no grace period.
        if (ServedCatalog.ResourceOf(kind) is not (NamespaceTable.Resource or ServedCatalog.CrdResource))
        {
            metadata["deletionGracePeriodSeconds"] = grace;
        }

        if (Generations.Counts(kind))
        {
            metadata["generation"] = Generations.After(obj, leastGeneration);
        }

        switch (ServedCatalog.ResourceOf(kind))
        {
            case NamespaceTable.Resource:
                obj.Child("status")["phase"] = "Terminating";
                break;
            case ServedCatalog.CrdResource:
                Conditions.SetCondition(obj.Child("status"), "Terminating", true, "InstanceDeletionPending", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now);
                break;
        }
    }
}
