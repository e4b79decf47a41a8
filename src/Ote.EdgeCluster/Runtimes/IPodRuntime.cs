using System.Text.Json.Nodes;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// What runs the pods of one node; the shape is that of virtual-kubelet's pod provider. Thread-safe. Pods handed in stay the
/// caller's: a runtime copies what it keeps and never changes them.
/// </summary>
public interface IPodRuntime : IAsyncDisposable
{
    /// <summary>
    /// The status of a pod changed without a call having asked for it. Raised outside of any lock, from any thread; handlers
    /// must be quick. The truth is read with <see cref="GetPodStatus"/>.
    /// </summary>
    event Action<PodId>? PodChanged;

    /// <summary>What the node can do or its health changed. As quick as <see cref="PodChanged"/>.</summary>
    event Action? NodeChanged;

    /// <summary>What the node is made of and how it is.</summary>
    RuntimeNode Node { get; }

    /// <summary>
    /// Starts a pod, or takes up again one whose object says that it already ran here. Asking twice for the same uid is the
    /// same as asking once.
    /// </summary>
    /// <exception cref="PodRuntimeException">The pod can be started neither now nor later as it stands, or the runtime is in trouble.</exception>
    ValueTask CreatePodAsync(JsonObject pod, CancellationToken cancellation);

    /// <summary>Takes over what may change in a running pod (labels, annotations, images). Unknown pods are created.</summary>
    /// <exception cref="PodRuntimeException">The change cannot be carried out.</exception>
    ValueTask UpdatePodAsync(JsonObject pod, CancellationToken cancellation);

    /// <summary>
    /// Asks the containers of a pod to end. True when all have; until then <see cref="PodChanged"/> tells of the end, and asking again is the
    /// same as asking once. Unknown pods have ended.
    /// </summary>
    /// <param name="pod">The pod.</param>
    /// <param name="asked">When it was asked for: a runtime that comes back takes the time before into account.</param>
    /// <param name="deadline">When they are ended without being asked.</param>
    bool StopPod(PodId pod, DateTimeOffset asked, DateTimeOffset deadline);

    /// <summary>The node's object as it is now: a runtime may find wishes on it. Quick.</summary>
    void SeeNode(JsonObject node);

    /// <summary>Ends a pod and forgets it. Unknown pods are no error.</summary>
    ValueTask DeletePodAsync(PodId pod, CancellationToken cancellation);

    /// <summary>A copy of the object a pod was created or updated from last, with its present status; null when unknown.</summary>
    JsonObject? GetPod(PodId pod);

    /// <summary>A fresh <c>status</c> object of a pod as it is now; null when unknown.</summary>
    JsonObject? GetPodStatus(PodId pod);

    /// <summary>Every pod the runtime knows, in no order.</summary>
    IReadOnlyList<PodId> GetPods();
}
