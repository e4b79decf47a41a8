using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>Where this controller stands: the path above it and the link to its parent, if any. Thread-safe.</summary>
internal sealed class Uplink(string self)
{
    private volatile IReadOnlyList<string> _above = [];
    private volatile ILink? _link;

    /// <summary>The link to the parent while it is up.</summary>
    public ILink? Link => _link is { IsUp: true } link ? link : null;

    /// <summary>From the root down to this cluster, as far as is known.</summary>
    public IReadOnlyList<string> Path => [.. _above, self];

    /// <summary>Whether this is the top of the tree.</summary>
    public bool IsRoot { get; init; }

    public void Attached(ILink link, Welcome welcome)
    {
        _above = [.. welcome.Path];
        _link = link;
    }

    public void Detached(ILink link)
    {
        if (ReferenceEquals(_link, link))
        {
            _link = null;
        }
    }
}
