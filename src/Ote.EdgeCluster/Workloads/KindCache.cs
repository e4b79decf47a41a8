using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// Everything of one kind: what the watch brought, and over it what this process wrote itself and the watch has not brought yet.
/// So a controller that looks again sees what it did, makes nothing twice, and need not list from the server. Objects found are
/// shared: copy before changing. Thread-safe.
/// </summary>
internal sealed class KindCache
{
    /// <summary>
    /// Newest deletions remembered, so that nothing that is still on its way brings the object back: an earlier event of the watch after a
    /// deletion of ours, or the answer to an earlier write of ours after the watch told of the end.
    /// </summary>
    private const int MaxGone = 1024;

    private readonly Lock _gate = new();
    private readonly Informer _informer;
    private readonly Func<JsonObject, IEnumerable<string>> _index;
    private readonly Dictionary<string, JsonObject> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, JsonObject>> _found = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly Queue<string> _goneOrder = new();
    private int _begun;

    /// <summary>Makes a cache; nothing is watched before <see cref="RunAsync"/>.</summary>
    /// <param name="informer">Watches the kind.</param>
    /// <param name="index">Under which words an object is found; see <see cref="IndexKeys"/>.</param>
    public KindCache(Informer informer, Func<JsonObject, IEnumerable<string>> index)
    {
        (_informer, _index) = (informer, index);
        informer.Changed += OnChanged;
    }

    /// <summary>Raised with the state before and after, from the watch's task, once the cache has it. Handlers must be quick.</summary>
    public event Action<JsonObject?, JsonObject?>? Changed;

    public ResourceRef Kind => _informer.Resource;

    /// <summary>Completes when the first list has arrived.</summary>
    public Task Synced => _informer.Synced;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _items.Count;
            }
        }
    }

    /// <summary>All of them now. Walks over everything: not for work on a single object.</summary>
    public IReadOnlyList<JsonObject> Items
    {
        get
        {
            lock (_gate)
            {
                return [.. _items.Values];
            }
        }
    }

    /// <summary>Whether this is the first time that the kind is asked to be watched.</summary>
    public bool Begins() => Interlocked.Exchange(ref _begun, 1) == 0;

    /// <summary>Watches until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => _informer.RunAsync(stop);

    /// <summary>One object by its key; null when there is none.</summary>
    public JsonObject? Get(string key)
    {
        lock (_gate)
        {
            return _items.GetValueOrDefault(key);
        }
    }

    /// <summary>What stands under a word, in no order.</summary>
    public IReadOnlyList<JsonObject> Find(string word)
    {
        lock (_gate)
        {
            return _found.TryGetValue(word, out var found) ? [.. found.Values] : [];
        }
    }

    /// <summary>What an object of another kind controls.</summary>
    public IReadOnlyList<JsonObject> OwnedBy(JsonObject owner, ResourceRef kind) => Find(IndexKeys.Owner(owner.Namespace(), kind.Kind, owner.Name()));

    /// <summary>The server answered a write of this process with this.</summary>
    public void Wrote(JsonObject obj)
    {
        lock (_gate)
        {
            PutNeedsLock(obj);
        }
    }

    /// <summary>The server deleted it for this process.</summary>
    public void Removed(string key, string uid)
    {
        lock (_gate)
        {
            if (_items.GetValueOrDefault(key)?.Uid() != uid)
            {
                return;
            }

            BuryNeedsLock(uid);
            DropNeedsLock(key);
        }
    }

    private static long VersionOf(JsonObject obj) => long.TryParse(obj.ResourceVersion(), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;

    private void OnChanged(JsonObject? old, JsonObject? now)
    {
        lock (_gate)
        {
            if (now is not null)
            {
                PutNeedsLock(now);
            }
            else if (old is not null)
            {
                if (_items.TryGetValue(old.Key(), out var known) && known.Uid() == old.Uid())
                {
                    DropNeedsLock(old.Key());
                }

                BuryNeedsLock(old.Uid());
            }
        }

        Changed?.Invoke(old, now);
    }

    private void BuryNeedsLock(string uid)
    {
        if (_gone.Add(uid))
        {
            _goneOrder.Enqueue(uid);
            if (_goneOrder.Count > MaxGone)
            {
                _gone.Remove(_goneOrder.Dequeue());
            }
        }
    }

    private void PutNeedsLock(JsonObject obj)
    {
        var key = obj.Key();
        if (_gone.Contains(obj.Uid()) || (_items.TryGetValue(key, out var known) && VersionOf(known) >= VersionOf(obj)))
        {
            return;
        }

        DropNeedsLock(key);
        _items[key] = obj;
        foreach (var word in _index(obj))
        {
            if (!_found.TryGetValue(word, out var found))
            {
                _found[word] = found = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
            }

            found[key] = obj;
        }
    }

    private void DropNeedsLock(string key)
    {
        if (!_items.Remove(key, out var known))
        {
            return;
        }

        foreach (var word in _index(known))
        {
            if (_found.TryGetValue(word, out var found) && found.Remove(key) && found.Count == 0)
            {
                _found.Remove(word);
            }
        }
    }
}
