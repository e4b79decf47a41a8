using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Audit;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Mirrors;
using Ote.Protocol.Tunnel;
using Ote.Shim;

namespace Ote.Cluster.Handling;

/// <summary>What an operator says about one cluster controller.</summary>
public sealed record ClusterControllerOptions
{
    /// <summary>The root's fixed name.</summary>
    public const string RootName = "root";

    /// <summary>The cluster's name, unique in the whole tree: a DNS-1123 label. <c>root</c> exactly when there is no parent.</summary>
    public required string Name { get; init; }

    /// <summary>Where identity, journal and settings live; made when missing, readable by its owner only.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The parent's address, <c>https://host:port</c>; null for the root.</summary>
    public Uri? Parent { get; init; }

    /// <summary>Further parents, <c>https://host:port</c>, for when neither the parent nor any that it named can be reached.</summary>
    public IReadOnlyList<Uri> AlternateParents { get; init; } = [];

    /// <summary>How another parent is found and the way home taken.</summary>
    public FailoverOptions Failover { get; init; } = new();

    /// <summary>Tags to start with. They replace the ones set at run time only when they differ from those of the last start.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Where children connect; null: this controller takes no children.</summary>
    public IPEndPoint? Listen { get; init; }

    /// <summary>The host:port children are told; null: the listening address when it is not a wildcard.</summary>
    public string? Advertise { get; init; }

    /// <summary>One-time token for the first join; not needed once joined. Never logged.</summary>
    public string? JoinToken { get; init; }

    /// <summary><c>sha256:…</c> of the tree's CA, for the first join.</summary>
    public string? CaPin { get; init; }

    /// <summary>
    /// At the root: how long the certificates it issues are valid. Each is renewed between half and two thirds of that. 10 minutes to 10
    /// years; default one year.
    /// </summary>
    public TimeSpan CertificateLife { get; init; } = CertificateAuthority.DefaultClusterLife;

    /// <summary>
    /// At the root: how long after its end a certificate may still be renewed by its own key, unless the cluster is revoked. Zero to ten
    /// years; default 30 days.
    /// </summary>
    public TimeSpan RenewalGrace { get; init; } = TimeSpan.FromDays(30);

    /// <summary>
    /// File of <c>CommandPolicy</c> documents: nothing else is run here, or passed on from above, whatever ancestors allow. Null: no file.
    /// </summary>
    public string? CommandPolicyFile { get; init; }

    /// <summary>
    /// File of <c>MessagePolicy</c> documents: no other message is sent from here, taken or passed on. Null: no file.
    /// </summary>
    public string? MessagePolicyFile { get; init; }

    /// <summary>File where each command's acceptance and outcome here is noted, a JSON line each; null: nowhere.</summary>
    public string? AuditLogFile { get; init; }

    /// <summary>How large that file may grow before it takes the place of <c>FILE.1</c>. At least 64 KiB; default 64 MiB.</summary>
    public long AuditMaxBytes { get; init; } = AuditLog.DefaultMaxBytes;

    /// <summary>How links behave.</summary>
    public TunnelOptions Tunnel { get; init; } = new();

    /// <summary>All that is wrong with these options, each with the way out; empty when they can work.</summary>
    public IReadOnlyList<string> Faults()
    {
        var faults = new List<string>();
        if (Name != RootName && ClusterName.CheckChild(Name) is { } misnamed)
        {
            faults.Add($"--name: {misnamed}");
        }

        if (Name == RootName && Parent is not null)
        {
            faults.Add("--parent: the root has no parent; give the cluster another --name, or leave --parent out");
        }

        if (Name != RootName && Parent is null)
        {
            faults.Add($"--parent: cluster '{Name}' needs the address of its parent, such as https://host:8287; only '{RootName}' has none");
        }

        if (Parent is not null && Parent.Scheme != Uri.UriSchemeHttps)
        {
            faults.Add($"--parent: '{Parent}' must be https; links are always encrypted");
        }

        faults.AddRange(AlternateParents
            .Where(a => a.Scheme != Uri.UriSchemeHttps || Parent is null)
            .Select(a => $"--alternate-parent: '{a}' must be https, and beside a --parent"));

        if (Name == RootName && Listen is null)
        {
            faults.Add("--listen: the root needs an address for its children, such as 0.0.0.0:8287");
        }

        if (Advertise is not null && Listen is null)
        {
            faults.Add("--advertise: only a controller with --listen takes children");
        }

        if (CertificateLife < CertificateAuthority.ShortestClusterLife || CertificateLife > CertificateAuthority.AuthorityLife)
        {
            faults.Add($"--certificate-life: {CertificateLife} is not between 10 minutes and 10 years");
        }

        if (AuditMaxBytes < AuditLog.LeastMaxBytes)
        {
            faults.Add($"--audit-max-bytes: {AuditMaxBytes} is less than {AuditLog.LeastMaxBytes}");
        }

        if (RenewalGrace < TimeSpan.Zero || RenewalGrace > CertificateAuthority.AuthorityLife)
        {
            faults.Add($"--renewal-grace: {RenewalGrace} is not between nothing and 10 years");
        }

        return faults;
    }
}

/// <summary>What a controller is given by its process.</summary>
/// <param name="Loggers">Where it logs.</param>
/// <param name="Meters">Where its meters are made.</param>
/// <param name="Time">The clock.</param>
/// <param name="Random">Uniform in [0, 1), for jitter. Called from several threads.</param>
public sealed record ClusterControllerParts(ILoggerFactory Loggers, IMeterFactory Meters, TimeProvider Time, Func<double> Random)
{
    /// <summary>
    /// The API that holds this controller's Cluster and ClusterController objects, its control entry; the root needs one. The
    /// CRDs are installed there already.
    /// </summary>
    public KubeClient? ControlApi { get; init; }

    /// <summary>
    /// Whether that API server notes on each command who wrote it and lets nobody forge it, as the embedded one does. Commands of any
    /// other act as this controller.
    /// </summary>
    public bool ControlApiNamesRequester { get; init; }

    /// <summary>Drives the cluster this controller manages; null when it manages none. The controller disposes it.</summary>
    public IClusterShim? Shim { get; init; }

    /// <summary>
    /// What the clusters below report, by which commands are seen to have taken effect; null: their last receipt is that they were carried out. The caller's to dispose,
    /// after the controller.
    /// </summary>
    public IObjectMirror? Mirror { get; init; }

    /// <summary>Opens connections to other controllers; null: TLS with this controller's certificate.</summary>
    public IDialer? Dialer { get; init; }

    /// <summary>Lets children in; null: TLS with this controller's certificate. The children's <see cref="Dialer"/> must fit.</summary>
    public IListener? Listener { get; init; }

    /// <summary>Asks a parent, by its address, to join or to renew a certificate while there is no link to it; null: at its HTTPS endpoint.</summary>
    public Func<Uri, JoinRequest, CancellationToken, Task<JoinAnswer>>? Door { get; init; }

    /// <summary>Who a cluster below the root is, when that is not to be read from its directory or joined for.</summary>
    public ClusterIdentity? Identity { get; init; }

    /// <summary>At the root: who it is, when several replicas are it by turns; null: kept in the data directory.</summary>
    public Replicas.RootIdentity? Root { get; init; }

    /// <summary>Numbers the attachments, at the root the beats; null: kept in the data directory.</summary>
    public EpochCounter? Epochs { get; init; }

    /// <summary>Told what a first join waits for, whenever that changes; return quickly. Null: the log alone says it.</summary>
    public Action<string>? JoinWaits { get; init; }

    /// <summary>What survives the process; null: a file in the data directory. The controller disposes it.</summary>
    public IJournal? Journal { get; init; }
}
