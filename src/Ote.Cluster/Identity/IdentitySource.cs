namespace Ote.Cluster.Identity;

/// <summary>The identity in use now; changes when the certificate is renewed. Thread-safe.</summary>
/// <param name="first">The identity to begin with.</param>
public sealed class IdentitySource(ClusterIdentity first)
{
    private ClusterIdentity current = first;
    private TreeTrust? trust;
    private string? notRenewed;

    /// <summary>Raised after a change, on the thread that made it.</summary>
    public event Action<ClusterIdentity>? Changed;

    /// <summary>Raised after <see cref="Trust"/> changed, on the thread that changed it.</summary>
    public event Action<TreeTrust>? TrustChanged;

    /// <summary>The CAs whose certificates count for the next connection: that of the own certificate until the root says more.</summary>
    public TreeTrust Trust => Volatile.Read(ref trust) ?? TreeTrust.Of(Current.Authority);

    /// <summary>The identity to use for the next connection.</summary>
    public ClusterIdentity Current => Volatile.Read(ref current);

    /// <summary>Why the certificate could not be renewed when that was last tried, for people; null when it could, or was not due.</summary>
    internal string? NotRenewed
    {
        get => Volatile.Read(ref notRenewed);
        set => Volatile.Write(ref notRenewed, value);
    }

    /// <summary>Trusts these CAs from now on. The caller has made sure that it is the root's word, and newer.</summary>
    internal void Believe(TreeTrust next)
    {
        Volatile.Write(ref trust, next);
        TrustChanged?.Invoke(next);
    }

    /// <summary>Uses another certificate of the same cluster from now on.</summary>
    /// <exception cref="IdentityException">It names another cluster.</exception>
    public void Replace(ClusterIdentity next)
    {
        ArgumentNullException.ThrowIfNull(next);
        if (next.Peer != Current.Peer) throw new IdentityException($"a certificate of {next.Peer} cannot replace that of {Current.Peer}");
        Volatile.Write(ref current, next);
        Changed?.Invoke(next);
    }
}
