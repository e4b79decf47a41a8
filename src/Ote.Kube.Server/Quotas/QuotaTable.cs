using System.Collections.Concurrent;
using System.Collections.Immutable;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Quotas;

/// <summary>Which namespaces have ResourceQuotas, and their names; kept in step with the store's commits. Where none is, nothing else is asked. Thread-safe.</summary>
internal sealed class QuotaTable
{
    /// <summary>Where ResourceQuotas lie in the store.</summary>
    public const string Resource = "/resourcequotas";

    private readonly ConcurrentDictionary<string, ImmutableSortedSet<string>> _names = new(StringComparer.Ordinal);

    /// <summary>Namespaces that have some.</summary>
    public ICollection<string> Namespaces => _names.Keys;

    /// <summary>Whether a namespace has any.</summary>
    public bool Has(string ns) => ns.Length > 0 && _names.ContainsKey(ns);

    /// <summary>The names of a namespace's quotas, sorted.</summary>
    public IReadOnlyCollection<string> Of(string ns) => _names.TryGetValue(ns, out var names) ? names : [];

    /// <summary>Reads what is stored.</summary>
    public async Task LoadAsync(ObjectStore store, CancellationToken cancellation)
    {
        await foreach (var page in StoreScan.PagesAsync(store, Resource, null, cancellation).ConfigureAwait(false))
        {
            page.ForEach(stored => Put(stored.Key, there: true));
        }
    }

    /// <summary>Takes in one commit; called in commit order.</summary>
    public void On(Change change)
    {
        if (change.Key.Resource == Resource && change.Kind != ChangeKind.Modified)
        {
            Put(change.Key, change.Kind == ChangeKind.Added);
        }
    }

    private void Put(StoreKey key, bool there)
    {
        var names = _names.GetValueOrDefault(key.Namespace, ImmutableSortedSet.Create<string>(StringComparer.Ordinal));
        names = there ? names.Add(key.Name) : names.Remove(key.Name);
        if (names.IsEmpty)
        {
            _names.TryRemove(key.Namespace, out _);
        }
        else
        {
            _names[key.Namespace] = names;
        }
    }
}
