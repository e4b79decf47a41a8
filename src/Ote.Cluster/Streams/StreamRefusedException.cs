namespace Ote.Cluster.Streams;

/// <summary>There is no stream to a cluster; the message says why, and what to do.</summary>
/// <param name="message">For people.</param>
/// <param name="forGood">Trying again cannot help: there is no such cluster, or nothing behind it.</param>
/// <param name="inner">The cause.</param>
public sealed class StreamRefusedException(string message, bool forGood = false, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Trying again cannot help.</summary>
    public bool IsForGood => forGood;

    /// <summary>A write was sent, and nobody knows whether it was done.</summary>
    public bool IsUndecided { get; init; }

    /// <summary>There is no such cluster where it begins.</summary>
    public bool IsUnknown { get; init; }

    /// <summary>The cluster is known to be away, and nothing was sent.</summary>
    public static StreamRefusedException Away(string cluster) => new($"cluster {cluster} is away: it cannot be asked until it is back. What it has last reported can be read");
}
