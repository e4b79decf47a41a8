using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Split;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Http;

/// <summary>Answers get and list.</summary>
internal sealed class ReadHandler(ObjectSources sources, int maxPage, TimeProvider time)
{
    private const int ChunkRows = 500;

    // A page's head says how to go on, so the page is whole before it is sent.
    private const int MostPageBytes = 8 * 1024 * 1024;

    /// <summary>One object.</summary>
    public async Task GetAsync(ApiRequest request)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        var source = sources.Of(request);
        var stored = await source.FindAsync(request.Key, request.At, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        switch (form)
        {
            case AnswerForm.Json:
                await Answers.JsonAsync(request.Context, 200, ObjectForm.InVersion(stored.Json, request.Kind)).ConfigureAwait(false);
                break;
            case AnswerForm.Metadata:
                await Answers.JsonAsync(request.Context, 200, ObjectForm.Metadata(stored.Json, version)).ConfigureAwait(false);
                break;
            case AnswerForm.Table:
                var meta = new JsonObject { ["resourceVersion"] = ObjectForm.Parse(stored.Json, request.Kind).ResourceVersion() };
                var table = TableRenderer.Render(request.Kind, [ObjectForm.Parse(stored.Json, request.Kind)], request.At ?? time.GetUtcNow(), meta, TablePolicy.Of(request.Query), ofClusters: sources.IsMirrored(request.Resource));
                table["apiVersion"] = $"meta.k8s.io/{version}";
                await Answers.JsonAsync(request.Context, 200, table).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>A collection: all of it, or the page asked for, as it stood at one revision.</summary>
    public async Task ListAsync(ApiRequest request)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        ListOptions.Check(request.Query, watch: false);
        var filter = ObjectFilter.Of(request);
        var limit = request.Query.Number("limit") is > 0 and { } asked ? (int)Math.Min(asked, maxPage) : 0;
        var start = Start(request);
        var query = new PageQuery(request.Resource, request.Kind.Namespaced ? request.Path.Namespace : null, start.Revision, start.Namespace, start.Name, Rows(limit, filter)) { Terms = filter.Terms, At = request.At };
        var list = new ListForm(request.Kind, form, version, form == AnswerForm.Table ? TablePolicy.Of(request.Query) : IncludeObject.None, request.At ?? time.GetUtcNow(), sources.IsMirrored(request.Resource));
        try
        {
            await (limit == 0 ? StreamAsync(request, list, query, filter) : PageAsync(request, list, query, filter, limit)).ConfigureAwait(false);
        }
        catch (RevisionExpiredException) when (request.At is not null)
        {
            throw AskedMoment.Expired(request.At.Value, sources.Of(request).KeptSince ?? request.At.Value);
        }
        catch (RevisionExpiredException) when (request.Query.Text("continue") is not null)
        {
            throw ApiError.ExpiredPage(start with { Revision = ContinueToken.Newest });
        }
    }

    /// <summary>From what was nobody can watch on.</summary>
    private static JsonObject Meta(PageQuery query, IObjectSource source) =>
        query.At is null ? new JsonObject { ["resourceVersion"] = source is SplitView split ? split.Versions.ToString() : $"{query.Revision}" } : [];

    /// <summary>No more are read than a page needs, and one that tells whether there is another.</summary>
    private static int Rows(int limit, ObjectFilter filter) => limit > 0 && filter.IsEverything ? Math.Min(limit + 1, ChunkRows) : ChunkRows;

    private ContinueToken Start(ApiRequest request)
    {
        if (sources.Of(request) is SplitView split)
        {
            return split.Begin(request.Query);
        }

        var current = sources.Of(request).Revision;
        if (request.Query.Text("continue") is { } text)
        {
            var token = ContinueToken.Parse(text);
            if (token.Revision == ContinueToken.Newest)
            {
                return token with { Revision = current };
            }

            return token.Revision <= current ? token : throw ApiError.Expired("The provided continue parameter is from another life of this server's data.");
        }

        var revision = request.Query.Revision();
        if (revision > current)
        {
            throw ApiError.RevisionAhead(revision.Value, current);
        }

        var match = request.Query.Text("resourceVersionMatch");
        // A page at a version without a word on how it is meant is one of exactly that, from before there was such a word.
        var exact = match == "Exact" || (match is null && request.Query.Number("limit") is > 0);
        return new ContinueToken(exact && revision is > 0 ? revision.Value : current, "", "");
    }

    /// <summary>Sends a page: as many as were asked for, or fewer when those are large, and how to go on behind them.</summary>
    private async Task PageAsync(ApiRequest request, ListForm list, PageQuery query, ObjectFilter filter, int limit)
    {
        var items = new MemoryStream();
        var (count, next, last) = (0, (ContinueToken?)null, default(StoreKey));
        while (next is null)
        {
            var piece = await sources.Of(request).ListAsync(query, request.Aborted).ConfigureAwait(false);
            foreach (var row in piece.Rows.Where(row => filter.Matches(row.Key, row.Json)))
            {
                // Two of one name, which several shards may have, are never parted: the next page begins behind both.
                if ((count >= limit || items.Length >= MostPageBytes) && row.Key != last)
                {
                    // There is at least one more: the next page begins after the last one given.
                    next = new ContinueToken(query.Revision, last.Namespace, last.Name) { Versions = (sources.Of(request) as SplitView)?.Versions.ToString() };
                    break;
                }

                if (count++ > 0)
                {
                    items.WriteByte((byte)',');
                }

                items.Write(list.Item(row.Json).Span);
                last = row.Key;
            }

            if (!piece.More)
            {
                break;
            }

            query = query.After(piece);
        }

        var meta = Meta(query, sources.Of(request));
        if (next is { } token)
        {
            meta["continue"] = token.ToString();
        }

        items.Write(ListForm.Tail);
        await Answers.JsonAsync(request.Context, 200, list.Head(meta), items.GetBuffer().AsMemory(0, (int)items.Length)).ConfigureAwait(false);
    }

    /// <summary>Sends everything piece by piece, so that memory does not grow with the collection; the next is read while one is sent.</summary>
    private async Task StreamAsync(ApiRequest request, ListForm list, PageQuery query, ObjectFilter filter)
    {
        var response = request.Context.Response;
        var source = sources.Of(request);
        var piece = await source.ListAsync(query, request.Aborted).ConfigureAwait(false);
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-cache, private";
        await response.StartAsync(request.Aborted).ConfigureAwait(false);
        var items = new ItemsWriter(response.BodyWriter, list);
        items.Begin(Meta(query, source));
        while (piece.More)
        {
            query = query.After(piece);
            var next = Task.Run(() => source.ListAsync(query, request.Aborted).AsTask(), request.Aborted);
            try
            {
                await items.SendAsync(piece, filter, request.Aborted).ConfigureAwait(false);
            }
            catch
            {
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Who asked is gone, and so is what was read for it.
                throw;
            }

            piece = await next.ConfigureAwait(false);
        }

        await items.SendAsync(piece, filter, request.Aborted).ConfigureAwait(false);
        await items.EndAsync(request.Aborted).ConfigureAwait(false);
    }
}
