using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What becomes of the objects that hang on one that is deleted.</summary>
internal enum Propagation
{
    /// <summary>What its finalizers say already; else as in the background.</summary>
    Default,

    /// <summary>It goes at once, they after it.</summary>
    Background,

    /// <summary>They go first: those whose reference says that it blocks.</summary>
    Foreground,

    /// <summary>They stay and lose their owner, before it goes.</summary>
    Orphan,
}

/// <summary>
/// The finalizers by which a deletion waits for the garbage collector, be it this server's or a kube-controller-manager's:
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/. Pure.
/// </summary>
internal static class PropagationFinalizers
{
    public const string Foreground = "foregroundDeletion";
    public const string Orphan = "orphan";

    /// <summary>Gives an object the finalizers of a policy. Whether that changed any.</summary>
    public static bool Mark(JsonObject obj, Propagation policy)
    {
        if (policy == Propagation.Default)
        {
            return false;
        }

        string[] before = [.. Of(obj)];
        string[] after = [.. before.Where(f => f is not (Foreground or Orphan))];
        after = policy switch
        {
            Propagation.Foreground => [.. after, Foreground],
            Propagation.Orphan => [.. after, Orphan],
            _ => after,
        };
        Put(obj, after);
        return !before.Order(StringComparer.Ordinal).SequenceEqual(after.Order(StringComparer.Ordinal));
    }

    /// <summary>Takes one away.</summary>
    public static void Remove(JsonObject obj, string finalizer) => Put(obj, [.. Of(obj).Where(f => f != finalizer)]);

    /// <summary>Whether an object has it.</summary>
    public static bool Has(JsonObject obj, string finalizer) => Of(obj).Contains(finalizer);

    private static IEnumerable<string> Of(JsonObject obj) => (obj.Items("metadata", "finalizers") ?? []).OfType<JsonValue>().Select(v => v.ToString());

    private static void Put(JsonObject obj, string[] finalizers) =>
        ObjectRules.Put(obj.Child("metadata"), "finalizers", finalizers.Length == 0 ? null : new JsonArray([.. finalizers.Select(f => (JsonNode)f)]));
}
