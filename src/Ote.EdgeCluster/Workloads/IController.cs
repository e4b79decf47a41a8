using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Brings the world to what the objects of one kind ask. Level-triggered: it is told of keys, never of changes.</summary>
internal interface IController
{
    /// <summary>The kind it works for.</summary>
    ResourceRef Kind { get; }

    /// <summary>What its keys in the queue begin with: the kind's plural, or another word where a kind has several controllers.</summary>
    string Work => Kind.Plural;

    /// <summary>Works on one object. Never runs twice at once for one key; a throw means that it is tried again later.</summary>
    Task<Next> ReconcileAsync(string key, CancellationToken cancellation);
}
