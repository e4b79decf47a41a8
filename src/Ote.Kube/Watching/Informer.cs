using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Kube.Watching;

/// <summary>
/// A cache of one kind, kept by a <see cref="Reflector"/>. Objects in it are shared: never change one, copy it first
/// (<see cref="ObjectFields.Copy"/>). Reading is thread-safe; change notices carry keys, the truth is read from the cache.
/// </summary>
public sealed class Informer : IReflectorTarget
{
    private readonly ConcurrentDictionary<string, JsonObject> _items = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Reflector _reflector;

    /// <summary>Makes an informer; nothing happens before <see cref="RunAsync"/>.</summary>
    public Informer(KubeClient client, ResourceRef resource, string? ns, ListQuery? query, TimeProvider time, Func<double> random, ILogger log)
    {
        Resource = resource;
        _reflector = new Reflector(client, resource, ns, query, this, time, random, log);
    }

    /// <summary>What is cached.</summary>
    public ResourceRef Resource { get; }

    /// <summary>Completes when the first list has arrived.</summary>
    public Task Synced => _synced.Task;

    /// <summary>
    /// Raised with the old state (null: new) and the new state (null: gone) after the cache changed, from one task, in order.
    /// Handlers must be quick: put a key into a work queue.
    /// </summary>
    public event Action<JsonObject?, JsonObject?>? Changed;

    /// <summary>Every object now cached, in no order.</summary>
    public IEnumerable<JsonObject> Items => _items.Values;

    /// <summary>How many objects are cached.</summary>
    public int Count => _items.Count;

    /// <summary>One object by <c>namespace/name</c> (or name), or null.</summary>
    public JsonObject? Get(string key) => _items.GetValueOrDefault(key);

    /// <summary>Keeps the cache until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => _reflector.RunAsync(stop);

    void IReflectorTarget.Replace(IReadOnlyList<JsonObject> items)
    {
        var gone = new HashSet<string>(_items.Keys, StringComparer.Ordinal);
        foreach (var item in items)
        {
            gone.Remove(item.Key());
            ((IReflectorTarget)this).Upsert(item);
        }

        foreach (var key in gone)
        {
            if (_items.TryRemove(key, out var last))
            {
                Changed?.Invoke(last, null);
            }
        }

        _synced.TrySetResult();
    }

    void IReflectorTarget.Upsert(JsonObject obj)
    {
        var key = obj.Key();
        _items.TryGetValue(key, out var old);
        if (old is not null && old.ResourceVersion() == obj.ResourceVersion())
        {
            return;
        }

        _items[key] = obj;
        Changed?.Invoke(old, obj);
    }

    void IReflectorTarget.Remove(JsonObject obj)
    {
        _items.TryRemove(obj.Key(), out _);
        Changed?.Invoke(obj, null);
    }
}
