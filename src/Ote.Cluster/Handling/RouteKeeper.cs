using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// The running side of a <see cref="RouteTable"/>: lets one event at a time in, gathers what changed for a moment, then keeps it
/// on disk, tells the parent in one delta, and tells the listeners. Thread-safe.
/// </summary>
internal sealed class RouteKeeper
{
    public const string Book = "routes";

    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private readonly RouteTable _table;
    private readonly IJournal _journal;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Signal _changed = new();
    private readonly HashSet<string> _unsaved = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong> _drifting = new(StringComparer.Ordinal);
    private ILink? _parent;
    private bool _owesSnapshot;

    /// <summary>Makes a keeper that knows its own cluster only.</summary>
    /// <param name="self">The own cluster.</param>
    /// <param name="journal">Where routes are kept.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <param name="isMember">At the root: whether an announced cluster shows that the root has admitted it.</param>
    /// <param name="isIssued">Whether this cluster has issued a provisional certificate to an entry's cluster.</param>
    public RouteKeeper(RouteEntry self, IJournal journal, TimeProvider time, ILogger log, Func<RouteEntry, bool>? isMember = null, Func<RouteEntry, bool>? isIssued = null)
    {
        (_table, _journal, _time, _log) = (new RouteTable(self, isMember, isIssued), journal, time, log);
    }

    /// <summary>Raised after the table changed, on the thread that brought the event: queue, do not work.</summary>
    public event Action<IReadOnlyList<RouteChange>>? Changed;

    /// <summary>The own cluster.</summary>
    public RouteEntry Self => Read(t => t.Self);

    /// <summary>What a heartbeat tells the parent.</summary>
    public ulong Digest => Read(t => t.AnnouncedDigest);

    /// <summary>Reads under the lock; keep it short.</summary>
    public T Read<T>(Func<RouteTable, T> read)
    {
        lock (_gate)
        {
            return read(_table);
        }
    }

    /// <summary>Takes up what the last run knew; all of it counts as offline until it is heard of. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in _journal.Load(Book))
        {
            var kept = Wire.RouteEntry.Parser.ParseFrom(row.Value);
            if (RouteWire.TryRead(kept, out var entry, out _) && kept.Hop.Length > 0)
            {
                _table.Restore(entry, kept.Hop);
            }
        }
    }

    /// <summary>Applies one event.</summary>
    public RouteStep Apply(Func<RouteTable, RouteStep> happen)
    {
        RouteStep step;
        lock (_gate)
        {
            step = happen(_table);
            foreach (var change in step.Changes)
            {
                _unsaved.Add(change.Name);
            }
        }

        foreach (var error in step.Errors ?? [])
        {
            _log.ParentMessageRefused("route", error);
        }

        if (step.Changes.Count > 0)
        {
            Changed?.Invoke(step.Changes);
            _changed.Set();
        }

        return step;
    }

    /// <summary>The parent's link is up: it gets everything, and this cluster hangs below it now.</summary>
    public void ParentAttached(ILink link, IReadOnlyCollection<string> path, string home)
    {
        lock (_gate)
        {
            _table.SetAncestors(path);
            _parent = link;
            _owesSnapshot = true;
        }

        Apply(t => t.SetSelf(t.Self with { Parent = link.Peer.Name, Epoch = link.Epoch, Online = true, Home = home }));
        _changed.Set();
    }

    /// <summary>The parent stands elsewhere now: others are above.</summary>
    public void AncestorsChanged(IEnumerable<string> path)
    {
        lock (_gate)
        {
            _table.SetAncestors(path);
        }
    }

    /// <summary>The parent asks for everything.</summary>
    public void SnapshotAsked()
    {
        lock (_gate)
        {
            _owesSnapshot = true;
        }

        _changed.Set();
    }

    /// <summary>
    /// Whether a child's routes differ from what it says it has told, twice in a row: once may be a delta on its way.
    /// </summary>
    public bool HasDrifted(string child, ulong digest)
    {
        lock (_gate)
        {
            if (!_table.HasDrifted(child, digest))
            {
                _drifting.Remove(child);
                return false;
            }

            var again = _drifting.TryGetValue(child, out var before) && before == digest;
            _drifting[child] = digest;
            return again;
        }
    }

    /// <summary>Saves and sends changes until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _changed.WaitAsync(stop).ConfigureAwait(false);
            await Task.Delay(Gathering, _time, stop).ConfigureAwait(false);
            await SaveAsync().ConfigureAwait(false);
            if (TakeNews(out var link, out var message))
            {
                try
                {
                    await link.SendAsync(message, stop).ConfigureAwait(false);
                }
                catch (LinkClosedException)
                {
                    // The next link begins with a snapshot, which has it all.
                }
            }
        }
    }

    private async Task SaveAsync()
    {
        JournalChange[] changes;
        lock (_gate)
        {
            changes = [.. _unsaved.Where(n => n != _table.Self.Name).Select(Row)];
            _unsaved.Clear();
        }

        try
        {
            await _journal.WriteAsync(changes).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            // Routes are heard of again after a restart; only clusters that are away would be forgotten.
            _log.JournalFailed("routes", broken);
        }
    }

    private JournalChange Row(string name)
    {
        if (_table.Find(name) is not { } entry)
        {
            return JournalChange.Remove(Book, name);
        }

        var kept = RouteWire.ToWire(entry);
        kept.Hop = _table.NextHop(name) ?? "";
        return JournalChange.Put(Book, name, kept.ToByteArray());
    }

    private bool TakeNews([NotNullWhen(true)] out ILink? link, [NotNullWhen(true)] out Wire.Message? message)
    {
        lock (_gate)
        {
            link = _parent;
            message = null;
            if (link is not { IsUp: true })
            {
                return false;
            }

            if (_owesSnapshot)
            {
                _owesSnapshot = false;
                message = new Wire.Message { Lane = Wire.Lane.Control, RouteSnapshot = _table.TakeSnapshot() };
            }
            else if (_table.TryTakeDelta(out var delta))
            {
                message = new Wire.Message { Lane = Wire.Lane.Control, RouteDelta = delta };
            }

            return message is not null;
        }
    }
}
