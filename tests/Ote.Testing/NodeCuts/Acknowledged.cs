using System.Text.Json.Nodes;

namespace Ote.Testing.NodeCuts;

/// <summary>What the kubelet was told that it has been done: none of it may be lost without a word. One thread.</summary>
internal sealed class Acknowledged
{
    /// <summary>By uid, the status of a pod that was taken last.</summary>
    public SortedDictionary<string, JsonObject> Statuses { get; } = new(StringComparer.Ordinal);

    /// <summary>Uids of pods whose status was taken while cut off.</summary>
    public SortedSet<string> StatusesWhileCut { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of events.</summary>
    public SortedSet<string> Events { get; } = new(StringComparer.Ordinal);

    /// <summary>Uids of pods that were deleted for good.</summary>
    public SortedSet<string> Ended { get; } = new(StringComparer.Ordinal);

    /// <summary>The node's conditions that were taken last, by their type.</summary>
    public SortedDictionary<string, string> Conditions { get; } = new(StringComparer.Ordinal);

    /// <summary>Writes of the label that users write too, the oldest first.</summary>
    public List<LabelWrite> Labels { get; } = [];
}
