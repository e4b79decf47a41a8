using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Reports;

/// <summary>
/// Where processes beside this controller follow the reports of its subtree: each hears how clusters stand and asks for the reports of those it wants, and of one
/// cluster the last that asked gets them. Thread-safe.
/// </summary>
internal sealed class ReportDesk
{
    private const int MostWaiting = 256; // reports that a follower has not taken; a child's lane waits then
    private const int MostNews = 200_000;
    private readonly RouteKeeper _routes;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly HashSet<Follower> _followers = [];
    private readonly Dictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong> _ways = new(StringComparer.Ordinal);
    private readonly ulong _run = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private ulong _counter;

    /// <summary>Makes a desk without followers.</summary>
    /// <param name="routes">Who is where.</param>
    /// <param name="log">Where it logs.</param>
    public ReportDesk(RouteKeeper routes, ILogger log)
    {
        (_routes, _log) = (routes, log);
        routes.Changed += Tell;
    }

    /// <summary>Takes a follower's words down.</summary>
    public Func<ReportAsk, CancellationToken, Task> Ask { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Follows until either side stops.</summary>
    public async IAsyncEnumerable<TreeReport> FollowAsync(IAsyncEnumerable<TreeRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var follower = new Follower();
        Enter(follower);
        var asking = AskAsync(follower, requests, ending.Token);
        try
        {
            await foreach (var report in follower.TakeAsync(ending.Token).ConfigureAwait(false))
            {
                yield return report;
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await LeaveAsync(follower).ConfigureAwait(false);
        }
    }

    /// <summary>Takes what a cluster reports; waits while its follower has enough.</summary>
    public async Task TakeAsync(ReportPart part, CancellationToken ct)
    {
        Session? session;
        lock (_gate)
        {
            session = _sessions.TryGetValue(part.Cluster, out var now) && now.Number == part.Session && part.Run == _run ? now : null;
        }

        if (session is not null)
        {
            await session.Follower.ReportAsync(new TreeReport { Cluster = part.Cluster, Report = part.Report, Round = session.Round }, ct).ConfigureAwait(false);
        }
    }

    private void Enter(Follower follower)
    {
        lock (_gate)
        {
            _followers.Add(follower);
            foreach (var news in _routes.Read(t => t.Below.Append(t.Self).Where(e => t.MovedWith(e.Name) is null).Select(e => News(t, e)).ToArray()))
            {
                follower.Tell(news);
            }

            follower.Tell(new TreeReport { News = new ClusterNews { Current = true } });
        }
    }

    private async Task AskAsync(Follower follower, IAsyncEnumerable<TreeRequest> requests, CancellationToken ct)
    {
        try
        {
            await foreach (var asked in requests.WithCancellation(ct).ConfigureAwait(false))
            {
                if (Note(follower, asked) is { } session)
                {
                    await Ask(new ReportAsk { Cluster = asked.Cluster, Follower = _routes.Self.Name, Session = session, Run = _run, Request = asked.Request }, ct).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            follower.Complete();
        }
    }

    /// <summary>The session in which it is to be asked; null: it is another follower's by now.</summary>
    private ulong? Note(Follower follower, TreeRequest asked)
    {
        lock (_gate)
        {
            if (asked.Request?.KindCase == ReportRequest.KindOneofCase.Follow)
            {
                _sessions[asked.Cluster] = new Session(++_counter, asked.Round, follower);
                return _counter;
            }

            if (!_sessions.TryGetValue(asked.Cluster, out var session) || session.Follower != follower)
            {
                return null;
            }

            if (asked.Request is null)
            {
                _sessions.Remove(asked.Cluster);
            }

            return session.Number;
        }
    }

    private async Task LeaveAsync(Follower follower)
    {
        ReportAsk[] ends;
        lock (_gate)
        {
            _followers.Remove(follower);
            ends = [.. _sessions.Where(s => s.Value.Follower == follower).Select(s => new ReportAsk { Cluster = s.Key, Follower = _routes.Self.Name, Session = s.Value.Number, Run = _run })];
            foreach (var end in ends)
            {
                _sessions.Remove(end.Cluster);
            }
        }

        foreach (var end in ends)
        {
            await Ask(end, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void Tell(IReadOnlyList<RouteChange> changes)
    {
        lock (_gate)
        {
            if (_followers.Count == 0)
            {
                return;
            }

            foreach (var news in _routes.Read(table => News(table, changes)))
            {
                foreach (var follower in _followers.Where(f => !f.Tell(news)).ToArray())
                {
                    _log.FollowerTooSlow(MostNews);
                    _followers.Remove(follower); // its stream ends, and it begins anew
                    follower.Complete();
                }
            }
        }
    }

    /// <summary>What there is to tell of changes, of each cluster once.</summary>
    private List<TreeReport> News(RouteTable table, IReadOnlyList<RouteChange> changes)
    {
        var entries = changes.GroupBy(c => c.Name, StringComparer.Ordinal).ToDictionary(c => c.Key, c => c.Last().After, StringComparer.Ordinal);
        foreach (var name in changes.Where(c => c.Reattached || c.CameOnline).SelectMany(c => table.Subtree(c.Name).Append(c.Name)).Distinct(StringComparer.Ordinal).ToArray())
        {
            if (table.Find(name) is { } entry)
            {
                _ways[name] = ++_counter;
                entries[name] = entry;
            }
        }

        foreach (var name in changes.Where(c => c.Before?.Later != c.After?.Later).SelectMany(c => table.Subtree(c.Name)).ToArray())
        {
            entries[name] = table.Find(name) ?? entries.GetValueOrDefault(name); // what hangs below it went with it
        }

        foreach (var (name, _) in entries.Where(e => e.Value is null))
        {
            _ways.Remove(name);
        }

        return [.. entries.Select(e => e.Value is null ? Gone(e.Key) : News(table, e.Value))];
    }

    /// <summary>It is here no more: what it has told counts for nothing.</summary>
    private static TreeReport Gone(string cluster) => new() { Cluster = cluster, News = new ClusterNews() };

    /// <summary>How a cluster stands; one that hangs elsewhere by now is told about there, and gone here until it is back.</summary>
    private TreeReport News(RouteTable table, RouteEntry entry) => table.MovedWith(entry.Name) is not null ? Gone(entry.Name) : new TreeReport
    {
        Cluster = entry.Name,
        News = new ClusterNews
        {
            Uid = entry.Uid,
            Parent = entry.Parent,
            Online = entry.Online,
            Reports = entry.Managed,
            Silent = entry is { Managed: true, Local: { IsReachable: false } or { Reports: false } }, // a shim that ceased to report leaves what it told as old as that
            Attached = _ways.GetValueOrDefault(entry.Name),
        },
    };

    private sealed record Session(ulong Number, ulong Round, Follower Follower);

    /// <summary>One process that follows. News wait without holding anybody up, up to a bound; reports wait in whoever brings them.</summary>
    private sealed class Follower
    {
        private readonly Channel<TreeReport> _items = Channel.CreateUnbounded<TreeReport>(new UnboundedChannelOptions { SingleReader = true });
        private readonly SemaphoreSlim _room = new(MostWaiting);
        private int _news;

        public bool Tell(TreeReport news) => Interlocked.Increment(ref _news) <= MostNews && _items.Writer.TryWrite(news);

        public async Task ReportAsync(TreeReport report, CancellationToken ct)
        {
            await _room.WaitAsync(ct).ConfigureAwait(false);
            if (!_items.Writer.TryWrite(report))
            {
                _room.Release(); // it has left
            }
        }

        public async IAsyncEnumerable<TreeReport> TakeAsync([EnumeratorCancellation] CancellationToken ct)
        {
            await foreach (var item in _items.Reader.ReadAllAsync(ct).ConfigureAwait(false))
            {
                if (item.Report is not null)
                {
                    _room.Release();
                }
                else
                {
                    Interlocked.Decrement(ref _news);
                }

                yield return item;
            }
        }

        public void Complete()
        {
            _items.Writer.TryComplete();
            _room.Release(MostWaiting); // whoever waits finds that it has left
        }
    }
}
