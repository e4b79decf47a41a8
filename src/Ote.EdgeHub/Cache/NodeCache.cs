using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// All copies of the node: what the API server says is put into the copy that asked for it, what a component writes while cut off into every copy that shows the object. Durable before anyone is told. Thread-safe.
/// </summary>
internal sealed class NodeCache : IDisposable
{
    /// <summary>Copies at most: what a node's components ask for again and again is far less; beyond, the one that was read longest ago and is not being watched goes.</summary>
    public const int MostCopies = 1000;

    private const long MostUnread = 1000;
    private const string Unkept = "answer/";
    private const string Secrets = "/secrets"; // lie open in memory no longer than it takes to answer, but for the changes that a watch still tells
    private const int MeasuredAfter = 256;
    private const long StrainBytes = 4 * 1024 * 1024; // read since it was told last
    private static readonly TimeSpan NotedAgain = TimeSpan.FromHours(1);
    private static readonly TimeSpan RecentFor = TimeSpan.FromSeconds(10);
    private readonly NodeDatabase _database;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<CacheQuery, CacheScope> _scopes = new();
    private readonly Lock _writing = new();
    private readonly ITimer _lettingGo;
    private readonly long _mostBytes;
    private long _readBytes;
    private long _lastScope; // a number is given once: who still reads a copy that went must not meet another's objects
    private int _toldSince;
    private bool _isTooLarge;
    private long _ahead; // the newest version that a component came with before its copy had come so far

    /// <summary>Takes in what a database holds, and closes it in the end.</summary>
    /// <param name="database">The database.</param>
    /// <param name="view">How the node sees what is in it; null: as it is.</param>
    /// <param name="mostBytes">Bytes on the disk beyond which copies go that are not being read.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it logs.</param>
    public NodeCache(NodeDatabase database, NodeView? view, long mostBytes, TimeProvider time, ILogger log)
    {
        (_database, View, _mostBytes, _time, _log) = (database, view, mostBytes, time, log);
        _lettingGo = time.CreateTimer(_ => LetGoOfRecent(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _ahead = database.Read(CacheRows.Ahead);
        foreach (var scope in database.Read(CacheRows.Scopes))
        {
            _lastScope = Math.Max(_lastScope, scope.Id);
            _scopes[scope.Query] = new CacheScope(this, scope.Id, scope.Query, scope.Revision, scope.Doubtful, scope.Complete, scope.Grants, ListenerFailed) { Used = scope.Used };
        }

        if (database.LacksNewest)
        {
            Doubt();
        }
    }

    /// <summary>How the node sees what is here; null: as it is.</summary>
    public NodeView? View { get; }

    /// <summary>The copies there are.</summary>
    public IEnumerable<CacheScope> Scopes => _scopes.Values;

    /// <summary>What has been written while cut off and waits for the API server, oldest first.</summary>
    public IReadOnlyList<JournalEntry> Journal() => _database.Read(session => CacheRows.Journal(session, _database));

    /// <summary>How many objects wait for it.</summary>
    public int Journalled => (int)_database.Read(session => session.Scalar("SELECT COUNT(*) FROM journal"));

    /// <summary>How many events that were written while cut off were not kept, in favour of newer ones, and nobody has been told of that.</summary>
    public long DroppedEvents => _database.Read(CacheRows.Dropped);

    /// <summary>So many of them have been told of.</summary>
    public void ToldOfDropped(long count) => _database.Write(session => CacheRows.ToldOfDropped(session, count));

    /// <summary>What keeps it from being written or read; null when nothing does.</summary>
    public CacheFailedException? Fault => _database.Fault;

    /// <summary>Tries whether the disk takes writes again, when it did not.</summary>
    public void TryAgain() => _database.TryAgain();

    /// <summary>Bytes of the database that are in use.</summary>
    public long Bytes => _database.Bytes;

    /// <summary>The copy of a query; null when there is none.</summary>
    public CacheScope? Find(CacheQuery query) => _scopes.GetValueOrDefault(query);

    /// <summary>The copy of a query, begun when there is none.</summary>
    /// <exception cref="CacheFailedException">The disk takes no new one.</exception>
    public CacheScope Take(CacheQuery query)
    {
        lock (_writing)
        {
            if (_scopes.TryGetValue(query, out var there))
            {
                return there;
            }

            while (_scopes.Count >= MostCopies && Oldest(null) is { } oldest)
            {
                Drop(oldest);
            }

            var id = _database.Write(session => CacheRows.AddScope(session, _lastScope + 1, query, Now));
            _lastScope = id;
            return _scopes[query] = new CacheScope(this, id, query, 0, 0, false, [], ListenerFailed) { Used = Now };
        }
    }

    /// <summary>Raised when a copy goes, from the caller that needs its place.</summary>
    public event Action<CacheScope>? Dropped;

    /// <summary>Notes that a copy is read; durably once an hour.</summary>
    public void Use(CacheScope scope)
    {
        var now = Now;
        if (now - scope.Used > NotedAgain.TotalMilliseconds)
        {
            _database.WriteOrOwe($"used/{scope.Id}", session => CacheRows.Used(session, scope.Id, now));
        }

        scope.Used = now;
    }

    /// <summary>Notes that the API server lets a caller read a query, durably when it is new.</summary>
    public void Grant(CacheScope scope, string caller)
    {
        lock (_writing)
        {
            if (!IsHere(scope))
            {
                return; // Its row's number may be another copy's by now, and that is not this caller's to read.
            }

            if (!scope.IsGranted(caller))
            {
                _database.WriteOrOwe($"grant/{scope.Id}/{caller}", session => CacheRows.Grant(session, scope.Id, caller));
            }

            scope.Grant(caller, _time.GetUtcNow());
        }
    }

    /// <summary>Notes durably that it does not any more.</summary>
    public void Revoke(CacheScope scope, string caller)
    {
        scope.Revoke(caller);
        _database.WriteOrOwe($"grant/{scope.Id}/{caller}", session => CacheRows.Revoke(session, scope.Id, caller));
    }

    /// <summary>One object of a copy.</summary>
    public StoredObject? Find(long scope, StoreKey key) => _database.Read(session => CacheRows.Find(session, _database, scope, key));

    /// <summary>A piece of a copy.</summary>
    public Piece<StoredObject> Page(long scope, PageQuery query)
    {
        if (_database.Recent.Find(scope, query) is { } recent)
        {
            return recent;
        }

        var (piece, isFirst) = _database.Read(session =>
        {
            var read = CacheRows.Page(session, _database, scope, query);
            return (read, query.Resource != Secrets && _database.Recent.Keep(scope, query, read)); // before anybody can change it
        });
        if (isFirst)
        {
            _lettingGo.Change(RecentFor, Timeout.InfiniteTimeSpan);
        }

        if (Interlocked.Add(ref _readBytes, piece.Rows.Sum(row => (long)row.Json.Length)) > StrainBytes)
        {
            TellStrained();
        }

        return piece;
    }

    /// <summary>An object in any copy, those that are kept by a watch first; else as the journal has it.</summary>
    public StoredObject? FindAnywhere(StoreKey key) =>
        Showing(key.Resource).Select(scope => Find(scope.Id, key)).FirstOrDefault(found => found is not null) ?? _database.Read(session => CacheRows.Noted(session, _database, key));

    /// <summary>The objects of some kinds in a namespace, each once, as the copies of it have them that are kept by a watch.</summary>
    public IReadOnlyList<StoredObject> All(IReadOnlyList<string> resources, string ns) =>
    [
        .. resources.SelectMany(Showing).Where(scope => scope.Query.IsFollowed && (scope.Query.Namespace ?? ns) == ns)
            .SelectMany(scope => _database.Read(session => CacheRows.Of(session, _database, scope.Id, scope.Query.Resource, ns))).DistinctBy(found => found.Key),
    ];

    /// <summary>Whether an object was deleted here while cut off.</summary>
    public bool EndedHere(StoreKey key) => _database.Read(session => CacheRows.EndedHere(session, key));

    /// <summary>Puts objects as the API server told them into a copy.</summary>
    /// <param name="scope">The copy.</param>
    /// <param name="objects">The objects.</param>
    /// <param name="gone">Whether they are gone there.</param>
    public void Told(CacheScope scope, IReadOnlyList<JsonObject> objects, bool gone = false)
    {
        lock (_writing)
        {
            if (!IsHere(scope))
            {
                return;
            }

            var (changes, revision) = _database.WriteOrHold(session =>
            {
                var (changes, revision) = (new List<Change>(), scope.Revision);
                foreach (var obj in objects)
                {
                    var version = Revision(obj.ResourceVersion());
                    var key = KeyOf(scope.Query, obj);
                    var former = CacheRows.Find(session, _database, scope.Id, key);
                    if (gone ? former is null : former?.Revision == version && !scope.MayBeOurs(version))
                    {
                        continue;
                    }

                    if (!scope.Query.IsFollowed && !scope.IsDoubtful && former?.Revision > version)
                    {
                        continue; // Answers overtake one another.
                    }

                    var json = EncodedObject.Of(obj).At(version);
                    CacheRows.Put(session, _database, scope.Id, key, version, gone ? null : json);
                    changes.Add(new Change(version, gone ? ChangeKind.Deleted : former is null ? ChangeKind.Added : ChangeKind.Modified, key, json, former?.Json));
                    revision = Math.Max(revision, version);
                }

                _database.Note(session, $"reached/{scope.Id}", later => CacheRows.Reached(later, scope.Id, revision));
                return (changes, revision);
            });
            scope.Publish(changes, revision);
            if ((_toldSince += changes.Count) >= MeasuredAfter)
            {
                Trim(scope);
            }

            foreach (var change in scope.Query.IsFollowed ? changes : [])
            {
                if (_scopes.GetValueOrDefault(SingleOf(scope.Query, change.Key)) is { } single)
                {
                    Drop(single);
                }
            }
        }
    }

    /// <summary>Lets go of copies of single objects that a copy kept by a watch shows, or would show if they were still there: nobody would tell them what becomes of it.</summary>
    internal void DropSingles(CacheScope scope)
    {
        foreach (var single in _scopes.Values.Where(single => !single.Query.IsFollowed && single.Query.Resource == scope.Query.Resource).ToArray())
        {
            var key = new StoreKey(single.Query.Resource, single.Query.Namespace ?? "", single.Query.Name!);
            if (Find(single.Id, key) is { } kept && scope.Query.Matches(key, (JsonObject)JsonNode.Parse(kept.Json)!))
            {
                Drop(single);
            }
        }
    }

    /// <summary>Lets go of the copy of a single object that the API server says is no more.</summary>
    public void Gone(CacheScope single)
    {
        lock (_writing)
        {
            if (!single.Query.IsFollowed && IsHere(single))
            {
                Drop(single);
            }
        }
    }

    /// <summary>Notes that the watch that keeps a copy tells something.</summary>
    public void Heard(CacheScope scope) => scope.Heard(_time.GetUtcNow());

    /// <summary>Notes that a component is answered that an object of a kind has a version, in a namespace.</summary>
    public void Answered(CacheQuery query, long version)
    {
        foreach (var scope in _scopes.Values.Where(scope => scope.Query.IsFollowed && scope.Query.Resource == query.Resource && (scope.Query.Namespace ?? query.Namespace) == query.Namespace))
        {
            scope.Await(version);
        }
    }

    /// <summary>Begins to put a whole list in the place of what a copy holds.</summary>
    public CopyFilling Fill(CacheScope scope) => new(this, _database, scope, _writing);

    /// <summary>The upstream has come this far without a change to what a copy holds.</summary>
    public void Reached(CacheScope scope, string version)
    {
        lock (_writing)
        {
            var revision = Revision(version);
            if (revision > scope.Revision)
            {
                _database.WriteOrOwe($"reached/{scope.Id}", session => CacheRows.Reached(session, scope.Id, revision));
                scope.Publish([], revision);
            }
        }
    }

    /// <summary>
    /// Notes durably that a component watches from a version that no copy has come to yet, as the API server gave it: what is written here while cut off must be newer, or the component would take it for something that it has seen.
    /// </summary>
    public void CameWith(long revision)
    {
        lock (_writing)
        {
            if (revision > _ahead)
            {
                _database.WriteOrOwe("ahead", session => CacheRows.CameWith(session, revision));
                _ahead = revision;
            }
        }
    }

    /// <summary>The newest version that the API server is known to have given to a copy that a watch keeps; 0: there is none.</summary>
    public long Newest => _scopes.Values.Where(scope => scope.Query.IsFollowed && scope.Complete.IsCompleted && !scope.IsDoubtful).Select(scope => scope.Revision).DefaultIfEmpty().Max();

    /// <summary>No copy is known to be what the API server has, nor any version to mean what it meant: each is to be read anew as a whole.</summary>
    public void Doubt()
    {
        lock (_writing)
        {
            foreach (var scope in _scopes.Values)
            {
                var revision = scope.Revision;
                _database.WriteOrOwe($"doubt/{scope.Id}", session => CacheRows.Doubt(session, scope.Id, revision));
                scope.Doubt(revision);
            }
        }
    }

    /// <summary>Stores what a component writes while cut off, in every copy that shows it, and journals it when the API server is to hear of it. All of it, or nothing.</summary>
    /// <param name="write">The write.</param>
    /// <param name="isJournalled">Whether it is to be told.</param>
    /// <param name="reader">Who may read it where no copy shows it yet; null: nobody does, and it is in the journal alone, where the newest of its kind are kept.</param>
    /// <param name="along">What else changes by it in the node's own view, and is not told.</param>
    /// <exception cref="CacheFailedException">The disk refused it; nothing was written, and nobody sees anything of it.</exception>
    public WriteResult Write(StoreWrite write, bool isJournalled, string? reader, params IReadOnlyList<StoreWrite> along)
    {
        lock (_writing)
        {
            var key = write.Key;
            var former = FindAnywhere(key);
            if ((former?.Revision ?? 0) != write.Expected)
            {
                return new WriteResult(WriteOutcome.Conflict, former?.Revision ?? 0, []);
            }

            var own = Prepare(write, former, reader);
            Prepared[] all = [own, .. along.Select(other => (Write: other, Former: FindAnywhere(other.Key))).Where(other => other.Former?.Revision == other.Write.Expected).Select(other => Prepare(other.Write, other.Former, null))];
            _database.Write(session =>
            {
                foreach (var (change, shown) in all)
                {
                    foreach (var scope in shown)
                    {
                        CacheRows.Put(session, _database, scope.Id, change.Key, change.Revision, change.Kind == ChangeKind.Deleted ? null : change.Json);
                        CacheRows.Doubt(session, scope.Id, change.Revision);
                    }
                }

                return isJournalled ? CacheRows.Note(session, _database, key, Now, former?.Json, write.Delete ? null : own.Change.Json, reader is not null ? long.MaxValue : MostUnread) : 0;
            });
            foreach (var (change, shown) in all)
            {
                foreach (var scope in shown)
                {
                    scope.Doubt(change.Revision);
                    scope.Publish([change], change.Revision);
                }
            }

            return new WriteResult(WriteOutcome.Committed, own.Change.Revision, own.Change.Json);
        }
    }

    /// <summary>What a write changes, and in which copies.</summary>
    private Prepared Prepare(StoreWrite write, StoredObject? former, string? reader)
    {
        var key = write.Key;
        var obj = (JsonObject)JsonNode.Parse(write.Value.At(0))!;
        var shown = Showing(key.Resource).Where(scope => Find(scope.Id, key) is not null || scope.Query.Matches(key, obj)).ToList();
        if (shown.Count == 0 && reader is not null)
        {
            var apiVersion = obj.Text("apiVersion") ?? "v1";
            var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
            var alone = Take(new CacheQuery(
                slash < 0 ? "" : apiVersion[..slash], apiVersion[(slash + 1)..], key.Resource[(key.Resource.IndexOf('/', StringComparison.Ordinal) + 1)..], key.Namespace.Length == 0 ? null : key.Namespace, key.Name));
            Grant(alone, reader);
            shown.Add(alone);
        }

        var revision = Math.Max(Math.Max(former?.Revision ?? 0, _ahead), shown.Select(scope => scope.Revision).DefaultIfEmpty().Max()) + 1;
        return new Prepared(new Change(revision, write.Delete ? ChangeKind.Deleted : former is null ? ChangeKind.Added : ChangeKind.Modified, key, write.Value.At(revision), former?.Json), shown);
    }

    /// <summary>The kinds that are not built in and have been asked for.</summary>
    public IReadOnlyList<ResourceRef> Kinds() => _database.Read(CacheRows.Kinds);

    /// <summary>Notes one durably.</summary>
    public void Add(ResourceRef kind) => _database.WriteOrOwe($"kind/{kind.Group}/{kind.Version}/{kind.Plural}", session => CacheRows.AddKind(session, kind));

    /// <summary>Notes durably that the API server is about to be told of an entry: whether it heard may never be known here.</summary>
    public void Sending(JournalEntry entry) => _database.Write(session => CacheRows.Sending(session, _database, entry));

    /// <summary>Takes an entry off the journal, unless more was written to it meanwhile.</summary>
    /// <returns>Whether it is off.</returns>
    public bool Told(JournalEntry entry) => _database.Write(session => CacheRows.Forget(session, _database, entry));

    /// <summary>Keeps the API server's answer to a question, for when it cannot be asked; what was kept before stays where the disk takes no other.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Keep(string question, byte[] answer)
    {
        try
        {
            return _database.Write(session => CacheRows.Keep(session, _database, _database.Values.Mark(question), answer, Now)) >= 0;
        }
        catch (CacheFailedException)
        {
            return false; // Told already. It is kept when it is asked again.
        }
    }

    /// <summary>Keeps it no longer, from now on.</summary>
    public void Unkeep(string question)
    {
        var mark = _database.Values.Mark(question);
        _database.WriteOrOwe(Unkept + mark, session => CacheRows.Unkeep(session, mark));
    }

    /// <summary>The answer that was kept; null when there is none.</summary>
    public byte[]? Kept(string question)
    {
        var mark = _database.Values.Mark(question);
        return _database.Owes(Unkept + mark) ? null : _database.Read(session => CacheRows.Kept(session, _database, mark));
    }

    public void Dispose()
    {
        foreach (var scope in _scopes.Values)
        {
            scope.Dispose();
        }

        _lettingGo.Dispose();
        _database.Dispose();
    }

    internal static StoreKey KeyOf(CacheQuery query, JsonObject obj) => new(query.Resource, obj.Namespace(), obj.Name());

    /// <summary>Raised when all of a copy has been read from the API server, or much by components, which leaves much garbage behind.</summary>
    public event Action? Strained;

    /// <summary>Tells that much garbage was left behind.</summary>
    internal void TellStrained()
    {
        Interlocked.Exchange(ref _readBytes, 0);
        Strained?.Invoke();
    }

    private void LetGoOfRecent()
    {
        var (bytes, isMore) = _database.Recent.LetGo();
        if (isMore)
        {
            _lettingGo.Change(RecentFor, Timeout.InfiniteTimeSpan);
        }

        if (bytes > 0)
        {
            TellStrained();
        }
    }

    /// <summary>Whether a copy is still one of the node's: one that went may still be told of by the watch that is ending.</summary>
    internal bool IsHere(CacheScope scope) => ReferenceEquals(_scopes.GetValueOrDefault(scope.Query), scope);

    internal static long Revision(string version) =>
        long.TryParse(version, out var number) ? number : throw new FormatException($"the API server's resourceVersion '{version}' is no number: such a server's objects cannot be kept here");

    private static CacheQuery SingleOf(CacheQuery query, StoreKey key) => query with { Namespace = key.Namespace.Length == 0 ? null : key.Namespace, Name = key.Name, LabelSelector = "", FieldSelector = "" };

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Lets go of copies while the cache takes more than it may. Those that somebody watches are needed, and stay.</summary>
    /// <param name="but">One that has just been filled, and is about to be read.</param>
    internal void Trim(CacheScope but)
    {
        lock (_writing)
        {
            _toldSince = 0;
            if (Fault is not null)
            {
                return; // What goes would not free anything now.
            }

            while (_database.Bytes is var bytes && bytes > _mostBytes)
            {
                if (Oldest(but) is { } oldest)
                {
                    Drop(oldest);
                    continue;
                }

                if (!_isTooLarge)
                {
                    _isTooLarge = true;
                    _log.CacheTooLarge(bytes, _mostBytes);
                }

                return;
            }

            _isTooLarge = false;
        }
    }

    private CacheScope? Oldest(CacheScope? but) => _scopes.Values.Where(scope => scope != but && scope.Changes.Count == 0).MinBy(scope => scope.Used);

    private void Drop(CacheScope scope)
    {
        _scopes.TryRemove(scope.Query, out _);
        Dropped?.Invoke(scope);
        _database.WriteOrOwe($"drop/{scope.Id}", session => CacheRows.Drop(session, _database, scope.Id));
        scope.Dispose();
    }

    private IEnumerable<CacheScope> Showing(string resource) => _scopes.Values.Where(scope => scope.Query.Resource == resource).OrderByDescending(scope => scope.Query.IsFollowed);

    private void ListenerFailed(Change change, Exception fault) => _log.ListenerFailed(change.Key.ToString(), fault);

    private sealed record Prepared(Change Change, IReadOnlyList<CacheScope> Shown);
}
