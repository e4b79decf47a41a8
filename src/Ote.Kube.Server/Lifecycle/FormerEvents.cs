using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Schema.Conversion;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Brings events of <c>events.k8s.io</c>, which servers before this one kept apart, to where all events lie now.</summary>
internal static class FormerEvents
{
    private const string Former = "events.k8s.io/events";

    /// <summary>Moves those that are there. One whose name an event of the core group has is dropped: it would have gone within its hour.</summary>
    public static async Task MoveAsync(ObjectStore store, CancellationToken cancellation)
    {
        foreach (var stored in await StoreScan.AllAsync(store, Former, null, cancellation).ConfigureAwait(false))
        {
            var moved = EncodedObject.From(EventForm.ToCore(ObjectJson.Stored(stored.Json)));
            await store.WriteAsync(new StoreWrite { Key = stored.Key with { Resource = "/events" }, Expected = 0, Value = moved }).ConfigureAwait(false);
            await store.WriteAsync(new StoreWrite { Key = stored.Key, Expected = stored.Revision, Delete = true, Value = moved, Previous = stored.Json }).ConfigureAwait(false);
        }
    }
}
