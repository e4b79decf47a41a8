using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// The root's side of revocation: turns <c>spec.accepted</c> of the <c>Cluster</c> objects into the list of who is shut out. An object that
/// is deleted changes nothing, or deleting would undo a revocation; one that is made anew with the same name and uid and <c>accepted: true</c> lets in
/// again as accepting the former would have. Thread-safe.
/// </summary>
/// <param name="keeper">Of the list.</param>
/// <param name="authority">Signs it.</param>
/// <param name="rootUid">The root's, which cannot be shut out.</param>
/// <param name="grace">How long after its end a certificate may still be renewed.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where refusals are told.</param>
/// <param name="audit">Where changes are noted; null: nowhere.</param>
/// <param name="namesRequester">Whether the API server itself notes on an object who accepted it or shut it out; what another one holds may be written by anyone.</param>
internal sealed class Revoker(
    RevocationKeeper keeper, RootAuthorities authority, string rootUid, TimeSpan grace, TimeProvider time, ILogger log, AuditLog? audit = null, bool namesRequester = false)
{
    /// <summary>
    /// Whether an operator has shut a cluster out: not accepted, though it once had a certificate. One that never had any only waits.
    /// </summary>
    public static bool IsShutOut(JsonObject cluster) =>
        cluster.Truth("spec", "accepted") == false && (CertificateRecord.Of(cluster) is not null || cluster.Text("status", "uid") is not null);

    /// <summary>Brings the list in line with one object. Completes when that is on disk.</summary>
    public Task ObserveAsync(JsonObject cluster)
    {
        if (cluster.Text("spec", "uid") is not { Length: > 0 } uid || uid == rootUid)
        {
            return Task.CompletedTask;
        }

        var listed = keeper.Current.Find(uid);
        if (listed is null && IsShutOut(cluster) && Until(cluster) is var until && until > time.GetUtcNow())
        {
            var entry = new RevokedCluster { Name = cluster.Name(), Uid = uid, UntilUnixSeconds = until.ToUnixTimeSeconds() };
            return keeper.ChangeAsync(now => Add(now, entry, By(cluster)), authority, time.GetUtcNow());
        }

        if (listed is null || cluster.Truth("spec", "accepted") != true)
        {
            return Task.CompletedTask;
        }

        // A uid that was typed for another cluster must not let that one in.
        if (listed.Name != cluster.Name())
        {
            log.RevokedUnderAnotherName(cluster.Name(), uid, listed.Name);
            return Task.CompletedTask;
        }

        return keeper.ChangeAsync(now => Remove(now, uid, By(cluster)), authority, time.GetUtcNow());
    }

    /// <summary>Drops entries whose certificates can neither be used nor renewed any more. Call now and then.</summary>
    public Task PruneAsync()
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        return keeper.Current.All.Any(c => c.UntilUnixSeconds <= now)
            ? keeper.ChangeAsync(list => list.All.Where(c => c.UntilUnixSeconds > now), authority, time.GetUtcNow())
            : Task.CompletedTask;
    }

    /// <summary>Has the CAs there are now sign the list: those who know one of them must be able to read it.</summary>
    public Task ResignAsync() => keeper.Current.Version == 0 ? Task.CompletedTask : keeper.ChangeAsync(list => list.All, authority, time.GetUtcNow());

    private IEnumerable<RevokedCluster>? Add(Revocations list, RevokedCluster entry, Requester? by)
    {
        if (list.Contains(entry.Uid))
        {
            return null;
        }

        if (list.Count >= Revocations.Most)
        {
            log.RevocationsFull(entry.Name, Revocations.Most);
            return null;
        }

        Note("revoked", entry, by);
        return list.All.Append(entry);
    }

    private IEnumerable<RevokedCluster>? Remove(Revocations list, string uid, Requester? by)
    {
        if (list.Find(uid) is not { } entry)
        {
            return null;
        }

        Note("let-in-again", entry, by);
        return list.All.Where(c => c.Uid != uid);
    }

    // Before it counts.
    private void Note(string @event, RevokedCluster cluster, Requester? by) =>
        audit?.Write(AuditLine.Shutting(@event, Handling.ClusterControllerOptions.RootName, cluster.Name, cluster.Uid, by, time.GetUtcNow()));

    private Requester? By(JsonObject cluster) => namesRequester ? StampedRequester.Of(cluster, "ote.baidu.com/accepted-by") : null;

    // Of a cluster that joined before the ends were written down, the CA's own end is the only sure one.
    private DateTimeOffset Until(JsonObject cluster) =>
        (CertificateRecord.Of(cluster)?.LastEnd ?? new DateTimeOffset(authority.Active.Authority.NotAfter)) + grace;
}
