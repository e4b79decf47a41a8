using System.Collections.Concurrent;
using System.Collections.Immutable;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Schema.Defaults;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Admission.Limits;

/// <summary>The LimitRanges that are stored, by namespace; kept in step with the store's commits. Thread-safe.</summary>
internal sealed class LimitRangeTable
{
    /// <summary>Where LimitRanges lie in the store.</summary>
    public const string Resource = "/limitranges";

    private readonly ConcurrentDictionary<string, ImmutableSortedDictionary<string, IReadOnlyList<LimitRule>>> _ranges = new(StringComparer.Ordinal);

    /// <summary>The items of each LimitRange of a namespace, by the LimitRanges' names.</summary>
    public IEnumerable<IReadOnlyList<LimitRule>> Of(string ns) => _ranges.TryGetValue(ns, out var ranges) ? ranges.Values : [];

    /// <summary>Reads what is stored.</summary>
    public async Task LoadAsync(ObjectStore store, CancellationToken cancellation)
    {
        await foreach (var page in StoreScan.PagesAsync(store, Resource, null, cancellation).ConfigureAwait(false))
        {
            page.ForEach(stored => Put(stored.Key, stored.Json));
        }
    }

    /// <summary>Takes in one commit; called in commit order.</summary>
    public void On(Change change)
    {
        if (change.Key.Resource == Resource)
        {
            Put(change.Key, change.Kind == ChangeKind.Deleted ? null : change.Json);
        }
    }

    private void Put(StoreKey key, byte[]? json)
    {
        var ranges = _ranges.GetValueOrDefault(key.Namespace, ImmutableSortedDictionary.Create<string, IReadOnlyList<LimitRule>>(StringComparer.Ordinal));
        if (json is null)
        {
            ranges = ranges.Remove(key.Name);
        }
        else
        {
            var range = ObjectJson.Stored(json);
            // Older servers stored them without their defaults.
            LimitRangeDefaults.Apply(range);
            ranges = ranges.SetItem(key.Name, LimitRule.Read(range));
        }

        if (ranges.IsEmpty)
        {
            _ranges.TryRemove(key.Namespace, out _);
        }
        else
        {
            _ranges[key.Namespace] = ranges;
        }
    }
}
