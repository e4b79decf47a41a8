using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>From options to a controller: checks them, loads or obtains its identity, opens its files.</summary>
internal static class ClusterControllerStart
{
    /// <summary>What makes a controller of these options impossible.</summary>
    /// <exception cref="ClusterControllerException">They do not fit.</exception>
    public static void Check(ClusterControllerOptions options, ClusterControllerParts parts)
    {
        var faults = options.Faults().ToList();
        var isRoot = options.Parent is null;
        if ((isRoot ? ClusterName.Check(options.Name) : ClusterName.CheckChild(options.Name)) is { } nameFault)
        {
            faults.Add($"--name: {nameFault}");
        }

        if (isRoot && parts.ControlApi is null)
        {
            faults.Add("the root needs a control API: its own (--api-listen) or a real cluster's (--kubeconfig)");
        }

        if (faults.Count > 0)
        {
            throw new ClusterControllerException(string.Join("; ", faults));
        }
    }

    /// <summary>Makes one that does not work yet, of a cluster that has joined; one that has not joins first. It owns the journal, also when it fails.</summary>
    public static async Task<ClusterController> MakeAsync(
        ClusterControllerOptions options, ClusterControllerParts parts, IJournal journal, CancellationToken cancellation)
    {
        AuditLog? audit = null;
        try
        {
            audit = options.AuditLogFile is null ? null : OpenAudit(options, parts);
            var policies = (
                options.CommandPolicyFile is { } file ? PolicyFile.Load(file, options.Name) : null,
                options.MessagePolicyFile is { } other ? PolicyFile.LoadMessages(other, options.Name) : null);
            var tags = OwnTags.Load(journal, options.Tags);
            var directory = ClusterController.IdentityDirectory(options.DataDirectory);
            var hosts = OwnHosts.Of(options);
            if (options.Parent is null)
            {
                var authority = parts.Root is { } shared
                    ? RootAuthorities.Of(CertificateAuthority.FromPem(shared.CertificatePem, shared.KeyPem, parts.Time, options.CertificateLife))
                    : RootAuthorities.LoadOrCreate(directory, parts.Time, options.CertificateLife);
                var uid = parts.Root?.Uid ?? OwnUid.LoadOrCreate(directory);
                return new ClusterController(options, parts, journal, authority, authority.Active.CreateIdentity(new PeerIdentity(options.Name, uid), hosts), tags, policies, audit);
            }

            var known = parts.Identity ?? ClusterIdentity.Load(directory);
            var joined = known is null ? await JoinAsync(options, parts, directory, hosts, cancellation).ConfigureAwait(false) : null;
            var identity = known ?? joined!.Identity;
            if (identity.Peer.Name != options.Name)
            {
                throw new ClusterControllerException(
                    $"--name: {options.DataDirectory} holds the identity of cluster '{identity.Peer.Name}', not '{options.Name}'; use that name, or another --data to join anew");
            }

            return new ClusterController(options, parts, journal, null, identity, tags, policies, audit, joined?.Connection);
        }
        catch (Exception failed)
        {
            audit?.Dispose();
            await journal.DisposeAsync().ConfigureAwait(false);
            if (failed is IdentityException or JoinRefusedException or FormatException)
            {
                throw new ClusterControllerException($"cluster '{options.Name}': {failed.Message}", failed);
            }

            throw;
        }
    }

    private static AuditLog OpenAudit(ClusterControllerOptions options, ClusterControllerParts parts)
    {
        try
        {
            return AuditLog.Open(options.AuditLogFile!, options.AuditMaxBytes, parts.Loggers.CreateLogger("Ote.Cluster.Audit"));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new ClusterControllerException($"--audit-log: {refused.Message} Choose a file in a directory that is there and that this user may write to.", refused);
        }
    }

    private static Task<Joined> JoinAsync(
        ClusterControllerOptions options, ClusterControllerParts parts, string directory, IReadOnlyCollection<string> hosts, CancellationToken cancellation)
    {
        if (options.JoinToken is null || options.CaPin is null)
        {
            throw new ClusterControllerException(
                $"cluster '{options.Name}' has not joined yet; give --join-token-file and --ca-pin, which otectl join-token create prints");
        }

        if (!Identity.CaPin.TryParse(options.CaPin, out var pin))
        {
            throw new ClusterControllerException($"--ca-pin: '{options.CaPin}' is not sha256: and 64 hexadecimal digits, as otectl join-token create prints it");
        }

        var ticket = new JoinTicket(options.Parent!, pin, options.JoinToken, new PeerIdentity(options.Name, OwnUid.LoadOrCreate(directory)), hosts);
        return new JoinClient(parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Identity"), waits: parts.JoinWaits).JoinAsync(ticket, directory, cancellation);
    }
}
