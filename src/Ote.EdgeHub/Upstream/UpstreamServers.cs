using Microsoft.Extensions.Logging;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// The API servers of the cluster and which of them is to be asked next: of those that are up, one whose last probe or request went well before one that is doubted, then the one with the fewest requests under way, and in turn among
/// equals. What is under way stays where it is until its server is left. Thread-safe.
/// </summary>
public sealed class UpstreamServers
{
    private readonly Lock _gate = new();
    private readonly Entry[] _servers;
    private readonly ILogger _log;
    private int _turn;

    /// <summary>Of all of them nothing is known.</summary>
    /// <param name="servers">Their addresses; at least one.</param>
    /// <param name="log">Where it is told who comes and goes.</param>
    public UpstreamServers(IEnumerable<Uri> servers, ILogger log)
    {
        _servers = [.. servers.Select(server => new Uri(server.AbsoluteUri.TrimEnd('/') + "/")).Distinct().Select(server => new Entry(server))];
        if (_servers.Length == 0)
        {
            throw new ArgumentException("no API server is named", nameof(servers));
        }

        _log = log;
    }

    /// <summary>Raised when the first of them has come up, and when the last has gone. From any thread, one at a time.</summary>
    public event Action<bool>? Changed;

    /// <summary>Their addresses.</summary>
    public IReadOnlyList<Uri> All => [.. _servers.Select(server => server.Address)];

    /// <summary>Whether any is up.</summary>
    public bool AnyUp
    {
        get
        {
            lock (_gate)
            {
                return _servers.Any(server => server.Health.IsUp);
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
                return _servers.Count(server => server.Health.IsUp);
            }
        }
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
            Entry? chosen = null;
            for (var i = 0; i < _servers.Length; i++)
            {
                var server = _servers[(_turn + i) % _servers.Length];
                if (server.Health.IsUp && server.Address != but && (chosen is null || server.Rank.CompareTo(chosen.Rank) < 0))
                {
                    chosen = server;
                }
            }

            left = chosen?.Left.Token ?? CancellationToken.None;
            if (chosen is null)
            {
                return null;
            }

            _turn = (Array.IndexOf(_servers, chosen) + 1) % _servers.Length;
            chosen.Pending++;
            return chosen.Address;
        }
    }

    /// <summary>A request has ended.</summary>
    public void Release(Uri server)
    {
        lock (_gate)
        {
            Of(server).Pending--;
        }
    }

    /// <summary>What became of a probe or a request.</summary>
    public void Tell(Uri server, Func<ServerHealth, ServerHealth> outcome, string? cause = null)
    {
        // After the gate: who waits for the server goes on at once, and takes another.
        TellAll(server, outcome, cause)?.Cancel();
    }

    private CancellationTokenSource? TellAll(Uri server, Func<ServerHealth, ServerHealth> outcome, string? cause)
    {
        CancellationTokenSource? left = null;
        lock (_gate)
        {
            var entry = Of(server);
            var (was, before) = (entry.Health.IsUp, _servers.Any(s => s.Health.IsUp));
            entry.Health = outcome(entry.Health);
            if (was == entry.Health.IsUp)
            {
                if (!was && cause is not null && cause != entry.Cause)
                {
                    _log.ServerNotUp(server, cause); // once for each cause: it is asked again every few seconds
                    entry.Cause = cause;
                }

                return null;
            }

            entry.Cause = cause;

            if (was)
            {
                _log.ServerLeft(server, cause ?? "it does not answer");
                (left, entry.Left) = (entry.Left, new CancellationTokenSource());
            }
            else
            {
                _log.ServerUp(server);
            }

            var after = _servers.Any(s => s.Health.IsUp);
            if (before != after)
            {
                Changed?.Invoke(after);
            }
        }

        return left;
    }

    private Entry Of(Uri server) => Array.Find(_servers, entry => entry.Address == server) ?? throw new ArgumentException($"{server} is not one of the API servers", nameof(server));

    private sealed class Entry(Uri address)
    {
        public Uri Address => address;

        public ServerHealth Health { get; set; } = ServerHealth.Unknown;

        public int Pending { get; set; }

        /// <summary>One for each time that it is up. Nothing that needs disposing: no timer, no wait handle.</summary>
        public CancellationTokenSource Left { get; set; } = new();

        /// <summary>The lower the sooner.</summary>
        public (bool IsDoubted, int Pending) Rank => (Health.Streak > 0, Pending);

        public string? Cause { get; set; }
    }
}
