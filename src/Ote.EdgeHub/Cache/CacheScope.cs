using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// The copy of what one query asks for, as a source that the API server's library reads and watches. Revisions are the upstream's own, so that a component that turns from here to the API server, or back, goes on where it was.
/// Those of writes made here while cut off are counted on from the newest known: when the upstream is back and they turn out to be in doubt, watches that hang on them begin anew (410). Thread-safe.
/// </summary>
internal sealed class CacheScope : IObjectSource, IDisposable
{
    private const int MostChanges = 1000;
    private const long MostBytes = 4 * 1024 * 1024;
    private const long Farthest = 1L << 40; // that a version which a component comes with may be ahead of the copy
    private readonly NodeCache _cache;
    private readonly Lock _gate = new();
    private readonly Queue<Change> _log = new();
    private readonly Dictionary<string, DateTimeOffset> _grants; // callers, and when the API server said so last
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isBehind;
    private bool _isDamaged;
    private DateTimeOffset? _heard; // when the watch that keeps it told something last
    private long _awaited; // the newest version that an answer has told a component of this node, of what is copied
    private long _bytes;
    private long _floor;
    private long _doubtful; // the newest revision that was given here
    private bool _hasOurs; // since the last whole list

    public CacheScope(NodeCache cache, long id, CacheQuery query, long revision, long doubtful, bool complete, IEnumerable<string> grants, Action<Change, Exception> failed)
    {
        (_cache, Id, Query, _floor, _doubtful, _hasOurs) = (cache, id, query, revision, doubtful, doubtful > 0);
        _grants = grants.ToDictionary(caller => caller, _ => DateTimeOffset.MinValue, StringComparer.Ordinal);
        Changes = new ChangeHub(revision, failed);
        if (complete)
        {
            _complete.SetResult();
        }
    }

    /// <summary>Its row.</summary>
    public long Id { get; }

    /// <summary>When it was read last, in milliseconds since 1970.</summary>
    public long Used { get; set; }

    /// <summary>What is copied.</summary>
    public CacheQuery Query { get; }

    /// <inheritdoc/>
    public ChangeHub Changes { get; }

    /// <inheritdoc/>
    public long Revision => Changes.Published;

    /// <summary>Whether changes have come that could neither be stored nor held, or something of it is damaged: it is not what the API server has.</summary>
    public bool IsBehind => Volatile.Read(ref _isBehind) || Volatile.Read(ref _isDamaged);

    /// <summary>
    /// Whether the watch that keeps it has told something since a moment, and all that components of this node have been answered by name: who asks for an object at any version is never shown one from before its own write.
    /// </summary>
    public bool IsKeptUpSince(DateTimeOffset moment)
    {
        lock (_gate)
        {
            return _heard >= moment && !_hasOurs && !IsBehind && _complete.Task.IsCompleted && Changes.Published >= _awaited;
        }
    }

    /// <summary>Completes when all of it has been here once.</summary>
    public Task Complete => _complete.Task;

    /// <summary>Whether writes made here since the last whole list have revisions of our own.</summary>
    public bool IsDoubtful
    {
        get
        {
            lock (_gate)
            {
                return _hasOurs;
            }
        }
    }

    /// <summary>Whether a version may have been given here while cut off: the API server may have given the same number to something else meanwhile.</summary>
    public bool MayBeOurs(long revision)
    {
        lock (_gate)
        {
            return revision <= _doubtful;
        }
    }

    /// <summary>
    /// Whether what the API server says its version is now may be one that was given here while cut off, so that no watch could begin there: it has not yet come past those. Who lists meanwhile is told from this copy, whose own
    /// version a watch can begin at.
    /// </summary>
    public bool IsAmongOurs
    {
        get
        {
            lock (_gate)
            {
                return !_hasOurs && _complete.Task.IsCompleted && Changes.Published < _doubtful;
            }
        }
    }

    /// <summary>
    /// Whether what is here is no older than a version that somebody of this node was told. One that was given here while cut off says nothing of the API server's: what counts then is that all of it was read again since.
    /// </summary>
    public bool IsNoOlderThan(long revision)
    {
        lock (_gate)
        {
            return _complete.Task.IsCompleted && !IsBehind && Changes.Published >= revision && (revision > _doubtful || !_hasOurs);
        }
    }

    /// <summary>Whether a caller was allowed by the API server to read this.</summary>
    public bool IsGranted(string caller)
    {
        lock (_gate)
        {
            return _grants.ContainsKey(caller);
        }
    }

    /// <summary>The callers that may read this.</summary>
    public IReadOnlyList<string> Readers
    {
        get
        {
            lock (_gate)
            {
                return [.. _grants.Keys];
            }
        }
    }

    /// <inheritdoc/>
    public bool Has(string resource) => resource == Query.Resource;

    /// <inheritdoc/>
    public bool MayBeginAfter(long revision)
    {
        if (revision - Revision > Farthest)
        {
            return false; // No API server gave it, and what is written here would have to be newer.
        }

        if (revision > Revision)
        {
            _cache.CameWith(revision); // First: a write that is made here at this moment is newer, or is in doubt below.
        }

        lock (_gate)
        {
            return revision > _doubtful;
        }
    }

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation)
    {
        try
        {
            return ValueTask.FromResult(_cache.Find(Id, key) is { } found ? Seen(found) : null);
        }
        catch (CacheFailedException fault)
        {
            throw Met(fault, $"{Query.Plural} \"{key.Name}\" cannot be read");
        }
    }

    /// <summary>
    /// A piece of what is here now, whatever the revision asked for: a reader of several pieces meets changes made meanwhile, and meets them again in the watch that it begins at the list's revision.
    /// </summary>
    public ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation)
    {
        try
        {
            var piece = _cache.Page(Id, query);
            if (!_cache.IsHere(this))
            {
                throw new RevisionExpiredException(query.Revision, query.Revision + 1); // It went while it was read: what is left of it is not all of it.
            }

            return ValueTask.FromResult(IsSeenDifferently ? piece with { Rows = [.. piece.Rows.Select(Seen)] } : piece);
        }
        catch (CacheFailedException fault)
        {
            throw Met(fault, $"{Query.Plural} cannot be read");
        }
    }

    /// <inheritdoc/>
    public ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (after < _floor || after <= _doubtful && after != Revision && !_log.Any(change => change.Revision == after))
            {
                throw new RevisionExpiredException(after, _floor);
            }

            var rows = _log.Where(change => change.Revision > after && change.Revision <= upTo).Take(limit + 1).ToList();
            var more = rows.Count > limit;
            return ValueTask.FromResult(new Piece<Change>(more ? rows[..limit] : rows, more));
        }
    }

    /// <summary>Whether the API server has said after a moment that a caller may read this.</summary>
    public bool WasAskedSince(string caller, DateTimeOffset moment)
    {
        lock (_gate)
        {
            return _grants.TryGetValue(caller, out var asked) && asked >= moment;
        }
    }

    /// <summary>Notes that a caller may read this.</summary>
    public void Grant(string caller, DateTimeOffset now)
    {
        lock (_gate)
        {
            _grants[caller] = now;
        }
    }

    /// <summary>Notes that a caller may not any more.</summary>
    public void Revoke(string caller)
    {
        lock (_gate)
        {
            _grants.Remove(caller);
        }
    }

    /// <summary>Hands out what was committed, in order.</summary>
    public void Publish(IReadOnlyList<Change> changes, long revision)
    {
        if (IsSeenDifferently)
        {
            changes = [.. changes.Select(change => change with { Json = _cache.View!.Of(change.Key, change.Json), Previous = change.Previous is { } former ? _cache.View.Of(change.Key, former) : null })];
        }

        lock (_gate)
        {
            foreach (var change in changes)
            {
                _log.Enqueue(change);
                _bytes += change.Json.Length;
            }

            while (_log.Count > MostChanges || _bytes > MostBytes)
            {
                var dropped = _log.Dequeue();
                _bytes -= dropped.Json.Length;
                _floor = dropped.Revision;
            }
        }

        Changes.Publish(changes, revision);
    }

    /// <summary>Notes that the watch that keeps it tells something; null: it begins, and has told nothing yet.</summary>
    public void Heard(DateTimeOffset? now)
    {
        lock (_gate)
        {
            _heard = now;
        }
    }

    /// <summary>A component has been answered that what is copied has this version now.</summary>
    public void Await(long revision)
    {
        lock (_gate)
        {
            _awaited = Math.Max(_awaited, revision);
        }
    }

    /// <summary>From now on revisions up to this one may be ours or the upstream's.</summary>
    public void Doubt(long revision)
    {
        lock (_gate)
        {
            (_doubtful, _hasOurs) = (revision, true);
        }
    }

    /// <summary>All of it was read again, at this revision, after there were revisions of our own: nobody can go on from those.</summary>
    public void Restart(long revision)
    {
        lock (_gate)
        {
            _log.Clear();
            (_bytes, _floor, _hasOurs) = (0, revision, false);
        }

        Changes.Publish([], revision);
        Changes.Close(Query.Resource);
    }

    /// <summary>A change could be neither stored nor held: who watches has to look elsewhere.</summary>
    public void FallBehind()
    {
        if (!Interlocked.Exchange(ref _isBehind, true))
        {
            Changes.Close(Query.Resource);
        }
    }

    /// <summary>The change that had not been taken has been.</summary>
    public void CatchUp() => Volatile.Write(ref _isBehind, false);

    /// <summary>All of it is here. What was before the first time nobody knows: a watch from then would miss it.</summary>
    public void Completed()
    {
        lock (_gate)
        {
            if (!_complete.Task.IsCompleted)
            {
                _floor = Math.Max(_floor, Revision);
            }
        }

        _complete.TrySetResult();
    }

    public void Dispose() => Changes.Dispose();

    /// <summary>Who reads what is damaged is told so once; from then on it is passed on, as long as there is somewhere.</summary>
    private StoreRefusedException Met(CacheFailedException fault, string what)
    {
        if (fault.Trouble == StoreTrouble.Damaged && !Interlocked.Exchange(ref _isDamaged, true))
        {
            Changes.Close(Query.Resource);
        }

        return fault.Answer(what);
    }

    private bool IsSeenDifferently => _cache.View is not null && NodeView.Concerns(Query.Resource);

    private StoredObject Seen(StoredObject stored) => IsSeenDifferently ? stored with { Json = _cache.View!.Of(stored.Key, stored.Json) } : stored;
}
