using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// A whole list on its way into a copy, page by page, so that no more than a page of it is in memory. Who reads the copy meanwhile may meet objects newer than its revision, and meets them again in the watch that it begins there; who
/// watches is told at the end, in the order of versions. One caller.
/// </summary>
/// <param name="cache">Whose copy.</param>
/// <param name="database">Where to.</param>
/// <param name="scope">The copy.</param>
/// <param name="writing">Held while something is written.</param>
internal sealed class CopyFilling(NodeCache cache, NodeDatabase database, CacheScope scope, Lock writing)
{
    private readonly Dictionary<StoreKey, long> _left = database.Read(session => CacheRows.Keys(session, database, scope.Id, scope.Query.Resource));
    private readonly List<Change> _changes = [];
    private readonly bool _isFirst = !scope.Complete.IsCompleted; // nobody has read it, and nobody is to be told of changes

    /// <summary>The list's version.</summary>
    public string Version { get; set; } = "";

    /// <summary>Takes a page in.</summary>
    public void Take(IReadOnlyList<JsonObject> page)
    {
        lock (writing)
        {
            if (!cache.IsHere(scope))
            {
                return;
            }

            var changes = database.WriteOrHold(session =>
            {
                var changes = new List<Change>();
                foreach (var obj in page)
                {
                    var key = NodeCache.KeyOf(scope.Query, obj);
                    var at = NodeCache.Revision(obj.ResourceVersion());
                    var known = _left.TryGetValue(key, out var had);
                    if (known && had == at && !scope.MayBeOurs(at))
                    {
                        continue;
                    }

                    var json = EncodedObject.Of(obj).At(at);
                    if (known && had == at && CacheRows.Find(session, database, scope.Id, key)!.Json.AsSpan().SequenceEqual(json))
                    {
                        continue;
                    }

                    if (!_isFirst)
                    {
                        changes.Add(new Change(at, known ? ChangeKind.Modified : ChangeKind.Added, key, json, known ? CacheRows.Find(session, database, scope.Id, key)?.Json : null));
                    }

                    CacheRows.Put(session, database, scope.Id, key, at, json);
                }

                return changes;
            });
            _changes.AddRange(changes);
            foreach (var obj in page)
            {
                _left.Remove(NodeCache.KeyOf(scope.Query, obj));
            }
        }
    }

    /// <summary>Takes away what is not in the list, and tells who watches.</summary>
    public void End()
    {
        lock (writing)
        {
            if (!cache.IsHere(scope))
            {
                return;
            }

            var revision = NodeCache.Revision(Version);
            var restarts = scope.IsDoubtful;
            _changes.AddRange(database.WriteOrHold(session =>
            {
                var gone = new List<Change>();
                foreach (var key in _left.Keys)
                {
                    if (CacheRows.Find(session, database, scope.Id, key) is { } former)
                    {
                        CacheRows.Put(session, database, scope.Id, key, revision, null);
                        gone.Add(new Change(revision, ChangeKind.Deleted, key, former.Json, former.Json));
                    }
                }

                database.Note(session, $"completed/{scope.Id}", later => CacheRows.Completed(later, scope.Id, revision));
                return gone;
            }));
            _changes.Sort((one, other) => one.Revision.CompareTo(other.Revision));
            scope.Publish(_changes, restarts ? revision : Math.Max(revision, scope.Revision));
            if (restarts)
            {
                scope.Restart(revision); // Who watched got what became of it, and now its watch ends.
            }

            scope.Completed();
            cache.DropSingles(scope);
            cache.Trim(scope);
        }

        cache.TellStrained();
    }
}
