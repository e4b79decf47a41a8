using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>How a deletion begins, and what holds it. Pure.</summary>
internal static class Deletion
{
    /// <summary>Holds a definition while there are objects of it.</summary>
    public const string CleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

    /// <summary>Namespaces are held by their content without a finalizer in the metadata; definitions get one when their deletion begins.</summary>
    public static bool IsHeld(KindInfo kind, JsonObject obj) => ObjectRules.IsHeld(obj) || ServedCatalog.ResourceOf(kind) switch
    {
        NamespaceTable.Resource => obj.Items("spec", "finalizers") is { Count: > 0 },
        ServedCatalog.CrdResource => !obj.IsDeleting(),
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

        if (Generations.Counts(kind) && ServedCatalog.ResourceOf(kind) != ServedCatalog.CrdResource)
        {
            metadata["generation"] = Generations.After(obj, leastGeneration);
        }

        switch (ServedCatalog.ResourceOf(kind))
        {
            case NamespaceTable.Resource:
                obj.Child("status")["phase"] = "Terminating";
                break;
            case ServedCatalog.CrdResource:
                if (!Finalizers(obj).Contains(CleanupFinalizer))
                {
                    metadata["finalizers"] = new JsonArray([.. Finalizers(obj).Append(CleanupFinalizer).Select(f => (JsonNode)f)]);
                }

                Conditions.SetCondition(obj.Child("status"), "Terminating", true, "InstanceDeletionPending", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now);
                break;
        }
    }

    /// <summary>Whether a definition is going and its objects are still to be taken away; one that has no finalizer at all was marked by an earlier release.</summary>
    public static bool AwaitsItsObjects(JsonObject definition) =>
        definition.IsDeleting() && (!ObjectRules.IsHeld(definition) || Finalizers(definition).Contains(CleanupFinalizer));

    /// <summary>Says in a definition's status that its objects are being taken away.</summary>
    public static void Proceed(JsonObject definition, DateTimeOffset now) =>
        Conditions.SetCondition(definition.Child("status"), "Terminating", true, "InstanceDeletionInProgress", "CustomResource deletion is in progress", now);

    /// <summary>Takes from a definition without objects what held it for them. Others may hold it still.</summary>
    public static bool Release(JsonObject definition, DateTimeOffset now)
    {
        var others = Finalizers(definition).Where(f => f != CleanupFinalizer).ToList();
        if (others.Count == Finalizers(definition).Count())
        {
            return false;
        }

        ObjectRules.Put(definition.Child("metadata"), "finalizers", others.Count == 0 ? null : new JsonArray([.. others.Select(f => (JsonNode)f)]));
        Conditions.SetCondition(definition.Child("status"), "Terminating", false, "InstanceDeletionCompleted", "removed all instances", now);
        return true;
    }

    private static IEnumerable<string> Finalizers(JsonObject obj) => (obj.Items("metadata", "finalizers") ?? []).Select(f => f.Text()).OfType<string>();
}
