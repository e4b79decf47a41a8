using System.Text;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// Which cluster was attached to at which address. An address that once led to one cluster must not lead to another, even to one that the
/// tree's CA has certified for it: where two sites share an address, the certificate alone cannot tell them apart. Loopback is left out:
/// it leads to the own machine, where ports are handed out anew at each start. Thread-safe.
/// </summary>
internal sealed class KnownParents
{
    private const string FileName = "parents";
    private const int Most = 32;
    private readonly Lock gate = new();
    private readonly string path;
    private readonly List<(string Address, PeerIdentity Peer)> known;

    private KnownParents(string path, List<(string, PeerIdentity)> known)
    {
        this.path = path;
        this.known = known;
    }

    /// <summary>What is kept in a directory; a line that cannot be read is left out, and is learnt again.</summary>
    public static KnownParents Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        List<(string, PeerIdentity)> known = [];
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (line.Split(' ') is [var address, var name, var uid] && IdentityRules.IsUid(uid)) known.Add((address, new PeerIdentity(name, uid)));
        }

        return new KnownParents(path, known);
    }

    /// <summary>Why a cluster must not be the parent at an address; null when it may.</summary>
    public string? Objection(Uri address, PeerIdentity seen)
    {
        lock (gate)
        {
            int at = Find(address);
            return at < 0 || known[at].Peer == seen
                ? null
                : $"{address.Authority} led to cluster {known[at].Peer} so far and now to {seen}; find out why. If it was replaced on purpose, remove the line of {address.Authority} from {path} and start again";
        }
    }

    /// <summary>Keeps who was attached to. The oldest goes when there are too many.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public void Remember(Uri address, PeerIdentity peer)
    {
        lock (gate)
        {
            int at = Find(address);
            if (at >= 0 || HostPolicy.IsLoopback(address.DnsSafeHost)) return;
            if (known.Count == Most) known.RemoveAt(0);
            known.Add((address.Authority, peer));
            PrivateFile.Write(path, Encoding.UTF8.GetBytes(string.Concat(known.Select(k => $"{k.Address} {k.Peer.Name} {k.Peer.Uid}\n"))));
        }
    }

    private int Find(Uri address) => known.FindIndex(k => k.Address == address.Authority);
}
