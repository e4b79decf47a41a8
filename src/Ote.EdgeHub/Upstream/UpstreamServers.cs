using Microsoft.Extensions.Logging;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// The API servers of the cluster and which of them is to be asked next (<see cref="ServerChoice"/>). What is under way stays where it is until its server is left. Those that were named stay for good; others come and go, and one that
/// goes is kept until what runs on it has ended. Thread-safe.
/// </summary>
public sealed class UpstreamServers
{
    private readonly Lock _gate = new();
    private readonly Uri[] _named;
    private readonly Balance _balance;
    private readonly ILogger _log;
    private UpstreamServer[] _servers; // replaced, never changed: in the order in which they are preferred, those that are leaving last
    private int _turn;
    private bool _isKnown; // whether any has been up, or all have been asked

    /// <summary>Of all of them nothing is known.</summary>
    /// <param name="servers">Their addresses; at least one.</param>
    /// <param name="log">Where it is told who comes and goes.</param>
    /// <param name="balance">By what the next is chosen.</param>
    public UpstreamServers(IEnumerable<Uri> servers, ILogger log, Balance balance = Balance.LeastPending)
    {
        _named = [.. servers.Select(server => new Uri(server.AbsoluteUri.TrimEnd('/') + "/")).Distinct()];
        if (_named.Length == 0)
        {
            throw new ArgumentException("no API server is named", nameof(servers));
        }

        (_servers, _log, _balance) = ([.. _named.Select(server => new UpstreamServer(server))], log, balance);
    }

    /// <summary>Raised when the first of them has come up, and when the last has gone; false too when all were asked once and none was up. From any thread, one at a time.</summary>
    public event Action<bool>? Changed;

    /// <summary>Raised when <see cref="All"/> has changed. From any thread.</summary>
    public event Action? Listed;

    /// <summary>Their addresses, of those too that go as soon as nothing runs on them any more.</summary>
    public IReadOnlyList<Uri> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _servers.Select(server => server.Address)];
            }
        }
    }

    /// <summary>Whether any is up.</summary>
    public bool AnyUp
    {
        get
        {
            lock (_gate)
            {
                return _servers.Any(server => server.IsUp);
            }
        }
    }

    /// <summary>How many are up.</summary>
    public int Up
    {
        get
        {
            lock (_gate)
            {
                return _servers.Count(server => server.IsUp);
            }
        }
    }

    /// <summary>Whether a server was asked and is not up.</summary>
    public bool IsLeft(Uri server)
    {
        lock (_gate)
        {
            return Find(server) is { IsJudged: true, IsUp: false };
        }
    }

    /// <summary>The cluster has these besides those that were named. One that is no more among them is asked for nothing new while another is up; what runs on it stays until it ends, or until that server is left.</summary>
    /// <param name="discovered">Their addresses; what is more than <see cref="ServerList.Most"/> with those that were named is left out.</param>
    public void Become(IReadOnlyList<Uri> discovered)
    {
        lock (_gate)
        {
            var listed = ServerList.Of(_named, discovered);
            var before = _servers;
            _servers = [.. listed.Select(address => Find(address) ?? new UpstreamServer(address)), .. before.Where(server => !listed.Contains(server.Address))];
            foreach (var server in _servers)
            {
                var isLeaving = !listed.Contains(server.Address);
                if (isLeaving && !server.IsLeaving)
                {
                    _log.ServerNotListed(server.Address);
                }
                else if (!isLeaving && (server.IsLeaving || !before.Contains(server)))
                {
                    _log.ServerListed(server.Address);
                }

                server.IsLeaving = isLeaving;
            }

            Sweep();
        }

        Listed?.Invoke();
    }

    /// <summary>Takes the server to ask next; give it back with <see cref="Release"/>. Null: none is up, or none but the one that has just failed.</summary>
    /// <param name="but">One that has just failed.</param>
    public Uri? Take(Uri? but = null) => TakeUntilLeft(but, out _);

    /// <summary>The same, and when to give up what is under way there.</summary>
    /// <param name="but">One that has just failed.</param>
    /// <param name="left">Cancelled when the server is left: nothing more is to be hoped of it, and what waits for it may ask another.</param>
    public Uri? TakeUntilLeft(Uri? but, out CancellationToken left)
    {
        lock (_gate)
        {
            var place = ServerChoice.Next(_balance, [.. _servers.Select(server => server.For(but))], _turn);
            if (place < 0)
            {
                left = CancellationToken.None;
                return null;
            }

            var chosen = _servers[place];
            left = chosen.Left;
            _turn = (place + 1) % _servers.Length;
            chosen.Pending++;
            return chosen.Address;
        }
    }

    /// <summary>A request has ended.</summary>
    public void Release(Uri server)
    {
        bool isGone;
        lock (_gate)
        {
            var entry = Find(server) ?? throw new ArgumentException($"{server} is not one of the API servers", nameof(server)); // None goes before it was given back.
            entry.Pending--;
            isGone = entry.IsLeaving && Sweep();
        }

        if (isGone)
        {
            Listed?.Invoke();
        }
    }

    /// <summary>What became of a probe or a request; nothing when that server has gone meanwhile.</summary>
    public void Tell(Uri server, Func<ServerHealth, ServerHealth> outcome, string? cause = null)
    {
        CancellationTokenSource? left;
        bool isGone;
        lock (_gate)
        {
            var before = _servers.Any(one => one.IsUp);
            left = Find(server)?.Judge(outcome, cause, _log);
            var after = _servers.Any(one => one.IsUp);
            var isKnown = _isKnown || after || _servers.All(one => one.IsJudged);
            if (before != after || isKnown != _isKnown)
            {
                _isKnown = isKnown;
                Changed?.Invoke(after);
            }

            isGone = Sweep();
        }

        // After the gate: who waits for the server goes on at once, and takes another.
        left?.Cancel();
        if (isGone)
        {
            Listed?.Invoke();
        }
    }

    /// <summary>Lets go of those that are leaving and on which nothing runs, but of the last that is up. Whether any is up does not change by it.</summary>
    /// <returns>Whether any has gone.</returns>
    private bool Sweep()
    {
        var isListedUp = _servers.Any(server => server.IsUp && !server.IsLeaving);
        UpstreamServer[] staying = [.. _servers.Where(server => !server.IsLeaving || server.Pending > 0 || (server.IsUp && !isListedUp))];
        var isAnyGone = staying.Length < _servers.Length;
        _servers = staying;
        return isAnyGone;
    }

    private UpstreamServer? Find(Uri server) => Array.Find(_servers, entry => entry.Address == server);
}
