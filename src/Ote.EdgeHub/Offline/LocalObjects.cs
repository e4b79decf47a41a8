using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.EdgeHub.Offline;

/// <summary>All that the node holds, as a store that the API server's library writes to while the node is cut off. Reads go to the copy that was asked for, never through this. Thread-safe.</summary>
internal sealed class LocalObjects(NodeCache cache, string kubelet, Func<NodeConnection> connection) : IObjectStore, IDisposable
{
    private const string Pods = "/pods";

    /// <inheritdoc/>
    public long Revision => 0;

    /// <inheritdoc/>
    public ChangeHub Changes { get; } = new(0, (_, _) => { });

    /// <inheritdoc/>
    public bool Has(string resource) => true;

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation) => ValueTask.FromResult(cache.FindAnywhere(key));

    /// <inheritdoc/>
    public ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation) => ValueTask.FromResult(new Piece<StoredObject>([], false));

    /// <inheritdoc/>
    public ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation) => ValueTask.FromResult(new Piece<Change>([], false));

    /// <summary>Stores a write. One that finds the node connected by now stores nothing and conflicts: its component asks again, and reaches the API server.</summary>
    public Task<WriteResult> WriteAsync(StoreWrite write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var result = new WriteResult(WriteOutcome.Conflict, write.Expected, []);
        connection().WriteHere(() =>
        {
            var before = write.Key.Resource == Pods ? cache.FindAnywhere(write.Key) : null;
            result = cache.Write(write, MergeRules.Journals(write.Key.Resource), MergeRules.Shows(write.Key.Resource) ? kubelet : null);
            if (write.Key.Resource == Pods && result.Outcome == WriteOutcome.Committed)
            {
                Lead(Read(before?.Json), write.Delete ? null : Read(result.Json));
            }
        });
        return Task.FromResult(result);
    }

    private static JsonObject? Read(byte[]? json) => json is null ? null : (JsonObject)JsonNode.Parse(json)!;

    /// <summary>Sees to it that Services lead to where a pod is now. It is this node's view: the API server is not told, whose own controllers hear of the pod.</summary>
    private void Lead(JsonObject? before, JsonObject? after)
    {
        if (!MovedEndpoints.Concerns(before, after) || (after ?? before) is not { } pod)
        {
            return;
        }

        foreach (var (key, revision, json) in cache.All(MovedEndpoints.Resources, pod.Namespace()))
        {
            if (MovedEndpoints.With(Read(json)!, pod.Uid(), after) is { } moved)
            {
                cache.Write(new StoreWrite { Key = key, Expected = revision, Value = EncodedObject.Of(moved) }, isJournalled: false, reader: null);
            }
        }
    }

    public void Dispose() => Changes.Dispose();
}
