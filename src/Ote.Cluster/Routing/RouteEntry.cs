using Ote.Cluster.Budgets;
using Google.Protobuf;
using Ote.Cluster.Handling;

namespace Ote.Cluster.Routing;

/// <summary>What one controller knows of one cluster. Immutable.</summary>
public sealed record RouteEntry
{
    /// <summary>The cluster's name, unique in the tree.</summary>
    public required string Name { get; init; }

    /// <summary>Identity that survives restarts and moves; a name held by another uid is another cluster.</summary>
    public required string Uid { get; init; }

    /// <summary>Name of the cluster it hangs below; empty at the root.</summary>
    public string Parent { get; init; } = "";

    /// <summary>Of the attachment to <see cref="Parent"/>; grows over the life of the uid, so the newest place wins everywhere.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The cluster's own tags.</summary>
    public TagSet Tags { get; init; } = TagSet.Empty;

    /// <summary>Whether every link from here down to it is up, as far as is known here.</summary>
    public bool Online { get; init; }

    /// <summary>host:port other clusters could dial; empty when there is none.</summary>
    public string Address { get; init; } = "";

    /// <summary>Product version of its controller, informational.</summary>
    public string Version { get; init; } = "";

    /// <summary>Unix milliseconds by the clock of whoever noticed; for people, never compared.</summary>
    public long Since { get; init; }

    /// <summary>Name of the parent it was set up with and returns to; empty at the root and until that has answered once.</summary>
    public string Home { get; init; } = "";

    /// <summary>Short name of the operator's wish about its place that is in force; 0: none.</summary>
    public ulong Placement { get; init; }

    /// <summary>Version of the tree's trust it holds; 0: none.</summary>
    public ulong Trust { get; init; }

    /// <summary>Beginning of the pin of the CA its certificate is of; 0: it did not say.</summary>
    public ulong Authority { get; init; }

    /// <summary>Short name of the budget of its link to the parent that is in force; 0: none.</summary>
    public ulong Budget { get; init; }

    /// <summary>What its link to the parent costs, as it told last; null: it did not say.</summary>
    public LinkReport? Link { get; init; }

    /// <summary>Short name of the wish about its lateral links that is in force; 0: it is of a build that knows of none.</summary>
    public ulong Lateral { get; init; }

    /// <summary>How its lateral links are, as it told last: encoded; empty when it did not say.</summary>
    public ByteString LateralLinks { get; init; } = ByteString.Empty;

    /// <summary>Whether the managed cluster behind it answers, as it told last; null: it did not say.</summary>
    public LocalReport? Local { get; init; }

    /// <summary>The proof that the root has admitted it, as it was shown; empty: none was. Only the root can check it.</summary>
    public ByteString Membership { get; init; } = ByteString.Empty;

    /// <summary>
    /// Of a cluster that the root has not admitted yet: the cluster above it that issued its provisional certificate, beyond which it is not
    /// told; empty otherwise.
    /// </summary>
    public string Issuer { get; init; } = "";

    /// <summary>Short name of the root's word of what it may issue that it holds; 0: none.</summary>
    public ulong Issuing { get; init; }

    /// <summary>Whether a managed cluster stands behind it, so that commands can be executed there.</summary>
    public bool Managed { get; init; }

    /// <summary>
    /// Where it has attached since, beyond what hangs below this controller, as one above told; null: nobody told of such. Of this controller's
    /// own view: it is neither announced nor kept, and one above tells of it again when a cluster is announced that hangs elsewhere.
    /// </summary>
    public LaterPlace? Later { get; init; }
}

/// <summary>Another place of a cluster.</summary>
/// <param name="Parent">The parent it has there.</param>
/// <param name="Epoch">Of its attachment there; an attachment here of a greater one is newer.</param>
public sealed record LaterPlace(string Parent, ulong Epoch)
{
}
