using System.Collections.Concurrent;
using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Tells the children where this controller stands and where else they may go. A child that says others can dial it becomes a candidate
/// once dialling it back has found it there. Changes are gathered for a moment, and a child is told only what has changed for it.
/// Thread-safe.
/// </summary>
/// <param name="uplink">Where this controller stands.</param>
/// <param name="seeker">What its own parent has named; null at the root.</param>
/// <param name="children">How many children each cluster below has.</param>
/// <param name="dialer">Dials back.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
internal sealed class StandingDesk(
    Uplink uplink,
    ParentSeeker? seeker,
    Func<IReadOnlyCollection<string>, IReadOnlyDictionary<string, int>> children,
    IDialer dialer,
    TimeProvider time,
    Func<double> random,
    ILogger log)
{
    private const int MaxDialledBack = 16;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LoadsEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DialBackTimeout = TimeSpan.FromSeconds(5);
    private static readonly BackoffOptions DialBackWaits = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
    private readonly ConcurrentDictionary<string, Child> _children = new(StringComparer.Ordinal);
    private readonly List<Child> _fresh = []; // behind the gate
    private readonly SemaphoreSlim _dialling = new(MaxDialledBack);
    private readonly Signal _changed = new();
    private readonly Lock _gate = new();
    private readonly SortedSet<int> _free = [];
    private volatile CandidateAdvice _advice = new(0, [], null, []);
    private IReadOnlyDictionary<string, int> _loads = FrozenDictionary<string, int>.Empty;
    private string _news = "";
    private int _slots;

    /// <summary>What a child that asks to attach is told of others.</summary>
    public IReadOnlyList<Candidate> For(string child) => _advice.For(_children.TryGetValue(child, out var known) ? known.Slot : _slots, child);

    /// <summary>A child is attached.</summary>
    /// <param name="link">Its link.</param>
    /// <param name="address">Where others could dial it, by its own word; empty when nowhere.</param>
    /// <param name="welcome">What it was told.</param>
    /// <param name="stop">Ends dialling back.</param>
    public void Attached(ILink link, string address, Welcome welcome, CancellationToken stop)
    {
        var name = link.Peer.Name;
        var former = _children.GetValueOrDefault(name);
        var child = new Child(link, former?.Slot ?? TakeSlot(), address)
        {
            Verified = former is not null && former.Address == address && former.Link.Peer == link.Peer ? former.Verified : null,
            Told = Text(welcome.Path, welcome.Candidates),
        };
        _children[name] = child;
        TellAgain(child);
        if (address.Length > 0 && child.Verified is null)
        {
            _ = DialBackAsync(child, stop);
        }

        Wake();
    }

    /// <summary>A child is gone.</summary>
    public void Detached(ILink link)
    {
        if (_children.TryGetValue(link.Peer.Name, out var child) && child.Link == link && _children.TryRemove(new KeyValuePair<string, Child>(link.Peer.Name, child)))
        {
            lock (_gate)
            {
                _free.Add(child.Slot);
            }

            Wake();
        }
    }

    /// <summary>Something that children are told has changed.</summary>
    public void Wake() => _changed.Set();

    /// <summary>Tells the children until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        _advice = Advise();
        while (true)
        {
            if (!await ChangedAsync(stop).ConfigureAwait(false) && !HaveLoadsShifted())
            {
                continue;
            }

            await Task.Delay(Gathering, time, stop).ConfigureAwait(false);
            TellAll();
        }
    }

    private static string Text(IEnumerable<string> path, IEnumerable<Candidate> candidates) =>
        $"{string.Join('/', path)} {string.Join(' ', candidates.Select(c => $"{c.Name}@{c.Address}:{string.Join('/', c.Path)}"))}";

    /// <summary>True when something has changed; false when it is time to look at the loads.</summary>
    private async Task<bool> ChangedAsync(CancellationToken stop)
    {
        using var late = new CancellationTokenSource(LoadsEvery, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            await _changed.WaitAsync(either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private int TakeSlot()
    {
        lock (_gate)
        {
            if (_free.Count == 0)
            {
                return _slots++;
            }

            var slot = _free.Min;
            _free.Remove(slot);
            return slot;
        }
    }

    private bool HaveLoadsShifted()
    {
        var now = children(_loads.Keys.ToArray());
        return _loads.Any(l => Math.Abs(now.GetValueOrDefault(l.Key) - l.Value) > 8 + (l.Value / 4));
    }

    /// <summary>
    /// Tells everyone when there is news for everyone, else only those that came since: they may have been told just before it changed.
    /// </summary>
    private void TellAll()
    {
        var before = _news;
        _advice = Advise();
        Child[] fresh;
        lock (_gate)
        {
            fresh = [.. _fresh];
            _fresh.Clear();
        }

        foreach (var child in _news == before ? fresh : _children.Values)
        {
            Tell(child);
        }
    }

    private CandidateAdvice Advise()
    {
        var path = uplink.Path;
        var learned = seeker?.Learned ?? [];
        var uncles = learned.Where(c => c.Path.Count == path.Count && path.Count > 1 && c.Path[^2] == path[^2]).ToArray();
        var parent = seeker?.Current is { } current && uplink.Link is not null
            ? new Candidate { Name = current.Name, Uid = current.Uid, Address = current.Authority, Path = { current.Path } }
            : null;
        var mine = _children.Values.Where(c => c.Verified is not null).OrderBy(c => c.Slot).Select(c => c.Verified!).ToArray();
        _loads = children(mine.Select(c => c.Name).ToArray());
        foreach (var candidate in mine)
        {
            candidate.Children = (uint)_loads.GetValueOrDefault(candidate.Name);
            candidate.Path.Clear();
            candidate.Path.Add(path);
            candidate.Path.Add(candidate.Name);
        }

        _news = Text(path, [.. uncles, .. parent is null ? [] : (Candidate[])[parent], .. mine]);
        return new CandidateAdvice(_slots, uncles, parent, [.. mine.Select(c => c.Clone())]);
    }

    private void Tell(Child child)
    {
        var path = uplink.Path;
        var candidates = _advice.For(child.Slot, child.Link.Peer.Name);
        var text = Text(path, candidates);
        if (text == child.Told)
        {
            return;
        }

        var standing = new Standing { Path = { path }, Position = uplink.Tell().ToWire(), Candidates = { candidates } };
        if (child.Link.TrySend(new Message { Lane = Lane.Control, Standing = standing }))
        {
            child.Told = text;
        }
        else if (child.Link.IsUp)
        {
            TellAgain(child);
            Wake();
        }
    }

    private void TellAgain(Child child)
    {
        lock (_gate)
        {
            _fresh.Add(child);
        }
    }

    /// <summary>Dials a child back until it is found or leaves: a way in may be opened later.</summary>
    private async Task DialBackAsync(Child child, CancellationToken stop)
    {
        var backoff = new Backoff(DialBackWaits, random);
        while (child.Link.IsUp && !await IsFoundAsync(child, stop).ConfigureAwait(false))
        {
            try
            {
                await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<bool> IsFoundAsync(Child child, CancellationToken stop)
    {
        var peer = child.Link.Peer;
        using var late = new CancellationTokenSource(DialBackTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            await _dialling.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                var probe = await dialer.ProbeAsync(new Uri($"https://{child.Address}"), either.Token).ConfigureAwait(false);
                if (probe.Parent != peer)
                {
                    log.NotDialledBack(peer.Name, child.Address, $"{probe.Parent} answers there");
                    return false;
                }
            }
            finally
            {
                _dialling.Release();
            }
        }
        catch (Exception away) when (away is IOException or OperationCanceledException)
        {
            log.NotDialledBack(peer.Name, child.Address, away.Message);
            return false;
        }

        child.Verified = new Candidate { Name = peer.Name, Uid = peer.Uid, Address = child.Address };
        Wake();
        return true;
    }

    /// <summary>One attached child.</summary>
    private sealed class Child(ILink link, int slot, string address)
    {
        public ILink Link => link;

        /// <summary>Its place in the dealing of first choices.</summary>
        public int Slot => slot;

        public string Address => address;

        /// <summary>As others are told of it; null until dialling back has found it.</summary>
        public Candidate? Verified { get; set; }

        /// <summary>What it was last told.</summary>
        public required string Told { get; set; }
    }
}
