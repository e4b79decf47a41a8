using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Deletes events that were not seen again for a while, as the real server lets them expire.</summary>
/// <param name="store">Where they lie.</param>
/// <param name="writer">Deletes them.</param>
/// <param name="served">Their kinds.</param>
/// <param name="life">How long one is kept after it was last seen.</param>
/// <param name="time">The clock.</param>
internal sealed class EventExpiry(ObjectStore store, ObjectWriter writer, ServedCatalog served, TimeSpan life, TimeProvider time)
{
    private const string Resource = "/events";
    private static readonly UserInfo Cleaner = UserInfo.Component("apiserver");

    /// <summary>Whether a resource is one of events.</summary>
    public static bool IsOfEvents(string resource) => resource == Resource;

    /// <summary>Between two looks: a tenth of their life, so that some live so much longer.</summary>
    public TimeSpan Pause => life / 10;

    /// <summary>Deletes those whose time is over. Whether others are left.</summary>
    public async Task<bool> SweepAsync(CancellationToken cancellation)
    {
        var left = false;
        var oldest = time.GetUtcNow() - life;
        var kind = served.ByResource(Resource)!;
        await foreach (var page in StoreScan.PagesAsync(store, Resource, null, cancellation).ConfigureAwait(false))
        {
            foreach (var stored in page)
            {
                var seen = ObjectForm.Parse(stored.Json, kind);
                if (LastSeen(seen) is { } last && last > oldest)
                {
                    left = true;
                    continue;
                }

                try
                {
                    await writer.DeleteAsync(new WriteContext(Cleaner, kind, stored.Key.Namespace), stored.Key.Name, new DeletePreconditions(seen.Uid(), seen.ResourceVersion())).ConfigureAwait(false);
                }
                catch (ApiError changed) when (changed.Code is 404 or 409)
                {
                    left = true; // gone, or just seen again
                }
            }
        }

        return left;
    }

    /// <summary>When an event was written or seen last; null when it says nothing.</summary>
    private static DateTimeOffset? LastSeen(JsonObject seen) => new[]
    {
        seen.Time("metadata", "creationTimestamp"), seen.Time("lastTimestamp"), seen.Time("eventTime"), seen.Time("series", "lastObservedTime"),
    }.Max();
}
