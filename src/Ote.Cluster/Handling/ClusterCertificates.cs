using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.Cluster.Handling;

/// <summary>What <c>Cluster</c> objects say of certificates, and what follows from what operators say there. Thread-safe.</summary>
/// <param name="identity">The own certificate.</param>
/// <param name="revocations">Who is shut out.</param>
/// <param name="revoker">Acts on <c>spec.accepted</c>; null when this is not the root.</param>
/// <param name="grace">How long after its end a certificate may still be renewed; null when this is not the root.</param>
/// <param name="time">The clock.</param>
internal sealed class ClusterCertificates(IdentitySource identity, RevocationKeeper revocations, Revoker? revoker, TimeSpan? grace, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private readonly ConcurrentDictionary<string, bool> _late = new(StringComparer.Ordinal);

    /// <summary>Raised after the own certificate was renewed.</summary>
    public event Action OwnChanged
    {
        add => identity.Changed += _ => value();
        remove => throw new NotSupportedException("who listens does so for life");
    }

    /// <summary>How many clusters should have renewed their certificate.</summary>
    public int Late => _late.Count;

    /// <summary>Whether a uid is shut out: an object made anew for it must not let it back in.</summary>
    public bool IsRevoked(string uid) => revocations.Current.Contains(uid);

    /// <summary>Acts on what an operator wishes; completes when it is on disk.</summary>
    public Task ObserveAsync(JsonObject cluster) => revoker?.ObserveAsync(cluster) ?? Task.CompletedTask;

    /// <summary>Writes what is known into the status; returns when to look again.</summary>
    public Next Write(JsonObject cluster, bool isOwn)
    {
        var own = identity.Current.Certificate;
        var record = isOwn ? new CertificateRecord(own.NotBefore, own.NotAfter, own.NotAfter) : CertificateRecord.Of(cluster);
        var now = time.GetUtcNow();
        var (isLate, changes) = ClusterStatus.WriteCertificate(cluster.Child("status"), record, grace, now);
        if (isLate)
        {
            _late[cluster.Name()] = true;
        }
        else
        {
            Forget(cluster.Name());
        }

        return changes is { } at ? Next.After(at - now < LongestWait ? at - now : LongestWait) : Next.Done;
    }

    /// <summary>The cluster is gone.</summary>
    public void Forget(string name) => _late.TryRemove(name, out _);
}
