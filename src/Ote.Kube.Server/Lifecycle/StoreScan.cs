using System.Runtime.CompilerServices;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Walks all objects of a kind, page by page, as they stood when the walk began.</summary>
internal static class StoreScan
{
    private const int PageSize = 500;

    /// <summary>Pages of objects; memory is bounded by one page.</summary>
    public static async IAsyncEnumerable<List<StoredObject>> PagesAsync(
        IObjectStore store, string resource, string? ns, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var query = new PageQuery(resource, ns, store.Revision, "", "", PageSize);
        while (true)
        {
            var page = await store.ListAsync(query, cancellation).ConfigureAwait(false);
            if (page.Rows.Count > 0)
            {
                yield return page.Rows;
            }

            if (!page.More)
            {
                yield break;
            }

            query = query.After(page);
        }
    }

    /// <summary>All objects at once, for kinds of which there are few.</summary>
    public static async Task<List<StoredObject>> AllAsync(IObjectStore store, string resource, string? ns, CancellationToken cancellation)
    {
        var all = new List<StoredObject>();
        await foreach (var page in PagesAsync(store, resource, ns, cancellation).ConfigureAwait(false))
        {
            all.AddRange(page);
        }

        return all;
    }
}
