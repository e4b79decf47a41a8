using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Which kinds count their generations, and what moves the count.</summary>
internal static class Generations
{
    private static readonly HashSet<string> Groups = ["apps", "batch", "networking.k8s.io", "policy", "apiextensions.k8s.io", "autoscaling"];

    /// <summary>Custom kinds and those built-in ones whose spec somebody works on.</summary>
    public static bool Counts(KindInfo kind) =>
        kind.IsCustom || Groups.Contains(kind.Group) || (kind.Group.Length == 0 && kind.Plural is "pods" or "replicationcontrollers");

    /// <summary>For custom kinds anything outside metadata and status counts, for built-in ones the spec.</summary>
    public static bool Moved(KindInfo kind, JsonObject old, JsonObject obj)
    {
        if (!kind.IsCustom)
        {
            return !JsonNode.DeepEquals(old["spec"], obj["spec"]);
        }

        return Names(old).Union(Names(obj)).Any(name => !JsonNode.DeepEquals(old[name], obj[name]));
    }

    /// <summary>The generation that follows an object's.</summary>
    /// <param name="obj">As it is stored.</param>
    /// <param name="least">See <see cref="Store.ObjectStore.LeastGeneration"/>.</param>
    public static long After(JsonObject obj, long least) => Math.Max(obj.Generation() + 1, least);

    private static IEnumerable<string> Names(JsonObject obj) =>
        obj.Select(field => field.Key).Where(name => name is not ("metadata" or "status" or "apiVersion" or "kind"));
}
