using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Witness;

namespace Ote.EdgeHub.Sharing;

/// <summary>
/// Which hub of its site a node reads from what is the same on all nodes: the first by name of those that are connected and share, if its name comes before the node's own; else the API server itself. Since each reads only from
/// names before its own, nobody ever reads from itself in a circle, whatever each of them sees. Thread-safe.
/// </summary>
/// <param name="options">The node, and whether it shares at all.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where changes are told.</param>
internal sealed class SharedReads(EdgeHubOptions options, TimeProvider time, ILogger log)
{
    /// <summary>Asks in place of one that is silent, at most.</summary>
    private const int MostCandidates = 3;

    /// <summary>One that failed is not read from for so long.</summary>
    private static readonly TimeSpan Distrust = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _left = new(StringComparer.Ordinal); // timestamps of the clock
    private SharingHub? _source;
    private readonly TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whom it reads from now; null: the API server.</summary>
    public SharingHub? Source
    {
        get
        {
            lock (_gate)
            {
                return _source;
            }
        }
    }

    /// <summary>Whether the Service <c>default/kubernetes</c> leads to this node's own hub here, whatever is said of it elsewhere.</summary>
    public bool MovesEndpoints => options.KubernetesService is not null;

    /// <summary>How this hub lets others read, as <see cref="PeerProbe.SharesHeader"/> says it; null: it does not.</summary>
    public string? Offer => !options.SharesReads ? null : MovesEndpoints ? PeerProbe.Moved : PeerProbe.Plain;

    /// <summary>Completes when it is known for the first time whether there is another hub to read from.</summary>
    public Task Looked => options is { SharesReads: true, Advertise: not null } ? _looked.Task : Task.CompletedTask;

    /// <summary>Raised when <see cref="Source"/> has become another. From any thread.</summary>
    public event Action? Changed;

    /// <summary>Whether a query asks for what is the same on all nodes, and much: what Services lead to.</summary>
    public static bool Concerns(CacheQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        return query is { IsFollowed: true, Namespace: null, FieldSelector: "" } && query.Resource is "/services" or "/endpoints" or "discovery.k8s.io/endpointslices";
    }

    /// <summary>Whom to ask, in this order, whether one may read from them.</summary>
    public IReadOnlyList<SitePeer> Candidates(IEnumerable<SitePeer> site)
    {
        if (!options.SharesReads)
        {
            return [];
        }

        lock (_gate)
        {
            foreach (var trusted in _left.Where(one => time.GetElapsedTime(one.Value) >= Distrust).Select(one => one.Key).ToArray())
            {
                _left.Remove(trusted);
            }

            return [.. site.Where(peer => peer.Hub is not null && string.CompareOrdinal(peer.Name, options.NodeName) < 0 && !_left.ContainsKey(peer.Name)).OrderBy(peer => peer.Name, StringComparer.Ordinal).Take(MostCandidates)];
        }
    }

    /// <summary>Whether what a hub offers is good for this node.</summary>
    public bool Suits(string offer) => offer == PeerProbe.Plain || (offer == PeerProbe.Moved && MovesEndpoints);

    /// <summary>Reads from a hub from now on; null: from the API server.</summary>
    public void Choose(SharingHub? hub)
    {
        bool isOther;
        lock (_gate)
        {
            isOther = hub != _source && (hub is null || !_left.ContainsKey(hub.Name));
            _source = isOther ? hub : _source;
        }

        if (isOther)
        {
            log.ReadsFrom(hub is null ? "the API server" : $"the hub of {hub.Name}");
            Changed?.Invoke();
        }

        _looked.TrySetResult();
    }

    /// <summary>A hub did not answer as it should: it is not read from for a minute.</summary>
    public void Leave(SharingHub hub, string cause)
    {
        ArgumentNullException.ThrowIfNull(hub);
        lock (_gate)
        {
            _left[hub.Name] = time.GetTimestamp();
            if (_source != hub)
            {
                return;
            }

            _source = null;
        }

        log.SharingHubLeft(hub.Name, cause);
        Changed?.Invoke();
    }
}
