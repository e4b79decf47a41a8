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
    /// <exception cref="StoreRefusedException">The disk does not take it, and nothing of it is seen.</exception>
    public Task<WriteResult> WriteAsync(StoreWrite write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var result = new WriteResult(WriteOutcome.Conflict, write.Expected, []);
        connection().WriteHere(() =>
        {
            try
            {
                var resource = write.Key.Resource;
                result = cache.Write(write, MergeRules.Journals(resource), MergeRules.Shows(resource) ? kubelet : null, resource == Pods ? Led(write) : []);
            }
            catch (CacheFailedException fault)
            {
                var plural = write.Key.Resource[(write.Key.Resource.IndexOf('/', StringComparison.Ordinal) + 1)..];
                throw fault.Answer($"{plural} \"{write.Key.Name}\" cannot be written: while the node is cut off from its API servers this has to be kept on its disk");
            }
        });
        return Task.FromResult(result);
    }

    private static JsonObject? Read(byte[]? json) => json is null ? null : (JsonObject)JsonNode.Parse(json)!;

    /// <summary>What makes Services lead to where a pod is by this write. It is this node's view: the API server is not told, whose own controllers hear of the pod.</summary>
    private StoreWrite[] Led(StoreWrite write)
    {
        var (before, after) = (Read(cache.FindAnywhere(write.Key)?.Json), write.Delete ? null : Read(write.Value.At(0)));
        return !MovedEndpoints.Concerns(before, after) || (after ?? before) is not { } pod ? []
            :
            [
                .. cache.All(MovedEndpoints.Resources, pod.Namespace())
                    .Select(found => (found.Key, found.Revision, Moved: MovedEndpoints.With(Read(found.Json)!, pod.Uid(), after)))
                    .Where(found => found.Moved is not null)
                    .Select(found => new StoreWrite { Key = found.Key, Expected = found.Revision, Value = EncodedObject.Of(found.Moved!) }),
            ];
    }

    public void Dispose() => Changes.Dispose();
}
