using System.Collections.Concurrent;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Which namespaces there are and which of them are going, kept in step with the store's commits. Thread-safe.</summary>
internal sealed class NamespaceTable
{
    /// <summary>Where namespaces lie in the store.</summary>
    public const string Resource = "/namespaces";

    private readonly ConcurrentDictionary<string, bool> _terminating = new(StringComparer.Ordinal);

    /// <summary>Null when there is no such namespace, else whether it is being deleted.</summary>
    public bool? Terminating(string name) => _terminating.TryGetValue(name, out var going) ? going : null;

    /// <summary>Those that are being deleted.</summary>
    public IEnumerable<string> Going => _terminating.Where(entry => entry.Value).Select(entry => entry.Key);

    /// <summary>Reads what is stored.</summary>
    public async Task LoadAsync(ObjectStore store, CancellationToken cancellation)
    {
        foreach (var stored in await StoreScan.AllAsync(store, Resource, null, cancellation).ConfigureAwait(false))
        {
            Take(stored.Key.Name, stored.Json);
        }
    }

    /// <summary>Takes in one commit; called in commit order.</summary>
    public void On(Change change)
    {
        if (change.Key.Resource != Resource)
        {
            return;
        }

        if (change.Kind == ChangeKind.Deleted)
        {
            _terminating.TryRemove(change.Key.Name, out _);
        }
        else
        {
            Take(change.Key.Name, change.Json);
        }
    }

    private void Take(string name, byte[] json) => _terminating[name] = ObjectJson.Stored(json).IsDeleting();
}
