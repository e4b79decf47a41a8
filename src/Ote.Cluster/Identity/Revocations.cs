using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>Who is shut out of the tree, by the word of its root. Immutable.</summary>
public sealed class Revocations
{
    /// <summary>Clusters one list may hold: some 700 KB on the link.</summary>
    public const int Most = 10_000;

    private const string Purpose = "ote.revocations.v1";
    private readonly Dictionary<string, RevokedCluster> byUid;

    private Revocations(ulong version, Dictionary<string, RevokedCluster> byUid, RevocationList? signed)
    {
        Version = version;
        this.byUid = byUid;
        Signed = signed;
    }

    /// <summary>Nobody is shut out, as far as is known.</summary>
    public static Revocations None { get; } = new(0, [], null);

    /// <summary>Grows with every change; 0 for none.</summary>
    public ulong Version { get; }

    /// <summary>How many clusters are shut out.</summary>
    public int Count => byUid.Count;

    /// <summary>As it is kept and passed on; null for none.</summary>
    public RevocationList? Signed { get; }

    internal IEnumerable<RevokedCluster> All => byUid.Values;

    /// <summary>What is known of a uid that is shut out; null when it is not.</summary>
    internal RevokedCluster? Find(string uid) => byUid.GetValueOrDefault(uid);

    /// <summary>Whether a uid is shut out.</summary>
    public bool Contains(string uid) => byUid.ContainsKey(uid);

    /// <summary>What a cluster that is shut out is told, with the way back. Whether the root still has an object of it to accept, others do not know.</summary>
    internal static string Text(PeerIdentity peer) =>
        $"cluster {peer} was revoked by an operator; otectl accept {peer.Name} at the root lets it in again, once its Cluster was deleted there with --uid {peer.Uid}; or it joins as a new one: with a fresh data directory and a new join token";

    /// <summary>Makes the list that follows this one.</summary>
    /// <param name="clusters">All that are shut out, one entry a uid.</param>
    /// <param name="authority">Signs it.</param>
    /// <param name="now">Makes the version: time goes on where a root has lost its memory.</param>
    internal Revocations Next(IEnumerable<RevokedCluster> clusters, CertificateAuthority authority, DateTimeOffset now) => Next(clusters, [authority], now);

    /// <inheritdoc cref="Next(IEnumerable{RevokedCluster}, CertificateAuthority, DateTimeOffset)"/>
    internal Revocations Next(IEnumerable<RevokedCluster> clusters, IReadOnlyList<CertificateAuthority> authorities, DateTimeOffset now)
    {
        RevokedClusters content = new() { Version = Math.Max(Version + 1, (ulong)now.ToUnixTimeMilliseconds()) };
        content.Clusters.Add(clusters.OrderBy(c => c.Uid, StringComparer.Ordinal));
        byte[] bytes = content.ToByteArray();
        RevocationList signed = new() { Content = ByteString.CopyFrom(bytes), Signature = ByteString.CopyFrom(authorities[0].SignBytes(Purpose, bytes)) };
        signed.MoreSignatures.Add(authorities.Skip(1).Select(a => ByteString.CopyFrom(a.SignBytes(Purpose, bytes))));
        return new Revocations(content.Version, content.Clusters.ToDictionary(c => c.Uid, StringComparer.Ordinal), signed);
    }

    /// <summary>Reads a list that came by way of others; null when it is not the word of this tree's root.</summary>
    public static Revocations? Read(RevocationList list, X509Certificate2 authority) => Read(list, TreeTrust.Of(authority));

    /// <summary>Reads a list that came by way of others; null when none of the tree's CAs has signed it.</summary>
    public static Revocations? Read(RevocationList list, TreeTrust trust)
    {
        ArgumentNullException.ThrowIfNull(list);
        ArgumentNullException.ThrowIfNull(trust);
        if (list.MoreSignatures.Count > 4 || !trust.Authorities.Any(authority =>
            list.MoreSignatures.Prepend(list.Signature).Any(signature => SignedBytes.IsSigned(authority, Purpose, list.Content.Span, signature.Span)))) return null;
        RevokedClusters content = RevokedClusters.Parser.ParseFrom(list.Content);
        Dictionary<string, RevokedCluster> byUid = new(StringComparer.Ordinal);
        foreach (RevokedCluster cluster in content.Clusters) byUid[cluster.Uid] = cluster;
        return new Revocations(content.Version, byUid, list.Clone());
    }
}
