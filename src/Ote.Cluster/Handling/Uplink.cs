using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>Where this controller stands: the path above it, its position, and the link to its parent, if any. Thread-safe.</summary>
internal sealed class Uplink : IPlace
{
    private readonly Lock _gate = new();
    private readonly string _self;
    private readonly TreeStanding _standing = new();
    private readonly TimeProvider _time;
    private readonly TimeSpan _fresh;
    private IReadOnlyList<string> _above = [];
    private TreePosition _heard = TreePosition.None;
    private long _heardAt;
    private volatile ILink? _link;

    /// <summary>Makes one that is nowhere yet.</summary>
    /// <param name="self">The own name.</param>
    /// <param name="time">The clock.</param>
    /// <param name="fresh">How old the newest beat of the root may be for this cluster to count as rooted.</param>
    public Uplink(string self, TimeProvider time, TimeSpan fresh) => (_self, _time, _fresh) = (self, time, fresh);

    /// <summary>The path or the parent has changed; raised on the thread that brought it: queue, do not work.</summary>
    public event Action? Moved;

    /// <summary>The link to the parent while it is up.</summary>
    public ILink? Link => _link is { IsUp: true } link ? link : null;

    /// <summary>From the root down to this cluster, as far as is known.</summary>
    public IReadOnlyList<string> Path => [.. Volatile.Read(ref _above), _self];

    /// <summary>Whether this is the top of the tree.</summary>
    public bool IsRoot { get; init; }

    /// <summary>The own position, for who asks and does not attach by it.</summary>
    public TreePosition Position
    {
        get
        {
            lock (_gate)
            {
                return _standing.Position;
            }
        }
    }

    /// <summary>What children were told of the position: a parent must stand above that.</summary>
    public TreePosition Told
    {
        get
        {
            lock (_gate)
            {
                return _standing.Told;
            }
        }
    }

    /// <summary>The own position, to be told to a child.</summary>
    public TreePosition Tell()
    {
        lock (_gate)
        {
            return _standing.Tell();
        }
    }

    /// <summary>Whether this is the root, or its word of the root is fresh.</summary>
    public bool IsRooted
    {
        get
        {
            lock (_gate)
            {
                return IsRoot || (_standing.IsAttached && _heard.Beat > 0 && _time.GetElapsedTime(_heardAt) < _fresh);
            }
        }
    }

    /// <summary>The root's beat; it grows, over restarts too.</summary>
    public void Beat(ulong beat)
    {
        lock (_gate)
        {
            _standing.Root(beat);
        }
    }

    /// <summary>Whether a child may attach here as far as positions go; see <see cref="TreeStanding.TryAdmit"/>.</summary>
    public bool TryAdmit(TreePosition child, bool home, out TreePosition own)
    {
        lock (_gate)
        {
            var admitted = _standing.TryAdmit(child, home);
            own = admitted ? _standing.Tell() : _standing.Position;
            return admitted;
        }
    }

    public bool TryTake(Welcome welcome)
    {
        lock (_gate)
        {
            var parent = TreePosition.From(welcome.Position);
            if (!_standing.TryAttach(parent))
            {
                return false;
            }

            Hear(parent);
            return true;
        }
    }

    public bool MayMoveBelow(ProbeAnswer answer)
    {
        lock (_gate)
        {
            if (answer.Path.Contains(_self))
            {
                _standing.Thaw(); // it hangs below this cluster: no beat will make it stand above
                return false;
            }

            if (TreePosition.From(answer.Position).IsAbove(_standing.Told))
            {
                return true;
            }

            _standing.Freeze();
            return false;
        }
    }

    public void Stay()
    {
        lock (_gate)
        {
            _standing.Thaw();
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            if (_link is null)
            {
                _standing.Detach();
            }
        }
    }

    public void Attached(ILink link, Welcome welcome)
    {
        lock (_gate)
        {
            _above = [.. welcome.Path];
            _link = link;
        }

        Moved?.Invoke();
    }

    public void Detached(ILink link)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_link, link))
            {
                _link = null;
                _standing.Detach();
            }
        }
    }

    /// <summary>The parent told its position anew.</summary>
    public void ParentRose(ILink link, TreePosition parent)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_link, link))
            {
                Hear(parent);
                _standing.ParentRose(parent);
            }
        }
    }

    /// <summary>The parent stands elsewhere now.</summary>
    public void ParentMoved(ILink link, Standing standing)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(_link, link))
            {
                return;
            }

            _above = [.. standing.Path];
        }

        ParentRose(link, TreePosition.From(standing.Position));
        Moved?.Invoke();
    }

    private void Hear(TreePosition parent)
    {
        if (parent.Beat != _heard.Beat)
        {
            (_heard, _heardAt) = (parent, _time.GetTimestamp());
        }
    }
}
