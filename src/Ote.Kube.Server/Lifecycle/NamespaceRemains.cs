using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What keeps a namespace from going, and the conditions that say so, in the real server's words. One owner.</summary>
internal sealed class NamespaceRemains
{
    private readonly SortedDictionary<string, int> _resources = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _finalizers = new(StringComparer.Ordinal);

    /// <summary>How many objects are left.</summary>
    public int Count { get; private set; }

    /// <summary>An object was told to go and has not gone.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="json">It, as it is stored now.</param>
    public void Add(KindInfo kind, byte[] json)
    {
        Count++;
        var resource = $"{kind.Plural}.{kind.Group}";
        _resources[resource] = _resources.GetValueOrDefault(resource) + 1;
        foreach (var finalizer in (ObjectJson.Stored(json).Items("metadata", "finalizers") ?? []).Select(f => f.Text()).OfType<string>())
        {
            _finalizers[finalizer] = _finalizers.GetValueOrDefault(finalizer) + 1;
        }
    }

    /// <summary>Writes the conditions of a namespace that is being emptied.</summary>
    public void Write(JsonObject status, DateTimeOffset now)
    {
        Conditions.SetCondition(status, "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered", now);
        Conditions.SetCondition(status, "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", "All legacy kube types successfully parsed", now);
        Conditions.SetCondition(status, "NamespaceDeletionContentFailure", false, "ContentDeleted", "All content successfully deleted, may be waiting on finalization", now);
        var (remain, finalizers) = (Listed(_resources, "{0} has {1} resource instances"), Listed(_finalizers, "{0} in {1} resource instances"));
        Conditions.SetCondition(
            status, "NamespaceContentRemaining", remain.Length > 0, remain.Length > 0 ? "SomeResourcesRemain" : "ContentRemoved",
            remain.Length > 0 ? "Some resources are remaining: " + remain : "All content successfully removed", now);
        Conditions.SetCondition(
            status, "NamespaceFinalizersRemaining", finalizers.Length > 0, finalizers.Length > 0 ? "SomeFinalizersRemain" : "ContentHasNoFinalizers",
            finalizers.Length > 0 ? "Some content in the namespace has finalizers remaining: " + finalizers : "All content-preserving finalizers finished", now);
    }

    private static string Listed(SortedDictionary<string, int> counts, string each) =>
        string.Join(", ", counts.Select(c => string.Format(CultureInfo.InvariantCulture, each, c.Key, c.Value)));
}
