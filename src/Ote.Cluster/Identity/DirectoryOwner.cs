namespace Ote.Cluster.Identity;

/// <summary>Whose identity a directory holds: a second cluster must not begin in it, or the first is lost. Reads only.</summary>
internal static class DirectoryOwner
{
    /// <summary>Name of the cluster whose identity is kept in a directory; null when none is yet.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="root">What a root is called, which keeps a CA and no certificate of its own.</param>
    /// <exception cref="IdentityException">There is one, and it is of no use.</exception>
    public static string? NameIn(string directory, string root)
    {
        if (ClusterIdentity.Load(directory) is { } cluster)
        {
            return cluster.Peer.Name;
        }

        // A key without it is a first start that was cut off; a certificate without the key, a CA that was exchanged.
        return File.Exists(Path.Combine(directory, "ca.crt")) ? root : null;
    }
}
