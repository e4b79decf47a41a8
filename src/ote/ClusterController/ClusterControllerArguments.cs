using System.Net;
using Ote.Cluster.Handling;
using Ote.Kube.Server.Audit;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Roles.Following;

namespace Ote.Roles.ClusterController;

/// <summary>The command line of <c>ote cluster-controller</c>, read.</summary>
internal sealed record ClusterControllerArguments
{
    public required ClusterControllerOptions Options { get; init; }

    /// <summary>Serve an embedded control API here; null: none.</summary>
    public IPEndPoint? Api { get; init; }

    /// <summary>What the clusters of the subtree report is mirrored and shown: by the embedded control API, or by <see cref="Fleet"/>.</summary>
    public bool ShowsTree { get; init; }

    /// <summary>Show it to the real cluster of <see cref="ControlKubeconfig"/>, whose API server passes requests on; null: not so.</summary>
    public FleetAt? Fleet { get; init; }

    /// <summary>Let controller managers follow the reports of the tree; null: there are none.</summary>
    public FollowAt? Follow { get; init; }

    /// <summary>How much of that is kept; its folder is the data directory's.</summary>
    public MirrorOptions Mirror { get; init; } = new();

    /// <summary>File of bearer tokens of the embedded control API; null: none.</summary>
    public string? ApiTokens { get; init; }

    /// <summary>Where the embedded control API notes its requests; null: nowhere.</summary>
    public AuditOptions? ApiAudit { get; init; }

    /// <summary>Use this cluster's API server as control API; null: the embedded one, if any.</summary>
    public string? ControlKubeconfig { get; init; }

    /// <summary>One of several replicas of the root, by turns.</summary>
    public bool LeaderElect { get; init; }

    public string? Shim { get; init; }

    public IReadOnlyList<string> ShimTls { get; init; } = [];

    public string? ManagedKubeconfig { get; init; }

    public required string ManagedKind { get; init; }

    /// <summary>requester or none; how the cluster of <see cref="ManagedKubeconfig"/> is acted upon.</summary>
    public required string Impersonate { get; init; }

    /// <summary>What the cluster of <see cref="ManagedKubeconfig"/> reports; null: the default kinds.</summary>
    public IReadOnlyList<ReportedKind>? Reported { get; init; }

    /// <summary>Where applications of this machine send and take messages; null: nowhere.</summary>
    public string? MessageSocket { get; init; }

    public IPEndPoint? Observe { get; init; }
}
