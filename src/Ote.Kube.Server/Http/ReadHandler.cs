using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Http;

/// <summary>Answers get and list.</summary>
internal sealed class ReadHandler(ObjectStore store, int maxPage, TimeProvider time)
{
    private const int ChunkRows = 500;

    /// <summary>One object.</summary>
    public async Task GetAsync(ApiRequest request)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        var stored = await store.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
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
                await Answers.JsonAsync(request.Context, 200, Table(request, [stored], meta, version)).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>A collection: all of it, or the page asked for, as it stood at one revision.</summary>
    public async Task ListAsync(ApiRequest request)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        var filter = ObjectFilter.Of(request);
        var limit = request.Query.Whole("limit") is > 0 and { } asked ? (int)Math.Min(asked, maxPage) : 0;
        var start = Start(request);
        var query = new PageQuery(request.Resource, request.Kind.Namespaced ? request.Path.Namespace : null, start.Revision, start.Namespace, start.Name, ChunkRows);
        if (limit == 0 && form == AnswerForm.Json)
        {
            await StreamAsync(request, query, filter).ConfigureAwait(false);
            return;
        }

        var (items, next) = await CollectAsync(query, filter, limit == 0 ? int.MaxValue : limit, request.Aborted).ConfigureAwait(false);
        var meta = new JsonObject { ["resourceVersion"] = $"{start.Revision}" };
        if (next is { } token)
        {
            meta["continue"] = token.ToString();
        }

        switch (form)
        {
            case AnswerForm.Table:
                await Answers.JsonAsync(request.Context, 200, Table(request, items, meta, version)).ConfigureAwait(false);
                break;
            case AnswerForm.Metadata:
                var list = new JsonObject { ["kind"] = "PartialObjectMetadataList", ["apiVersion"] = $"meta.k8s.io/{version}", ["metadata"] = meta };
                list["items"] = new JsonArray([.. items.Select(item => (JsonNode)ObjectForm.Metadata(item.Json, version))]);
                await Answers.JsonAsync(request.Context, 200, list).ConfigureAwait(false);
                break;
            default:
                await WriteAsync(request, items, meta).ConfigureAwait(false);
                break;
        }
    }

    private JsonObject Table(ApiRequest request, IReadOnlyList<StoredObject> items, JsonObject meta, string version)
    {
        var table = TableRenderer.Render(
            request.Kind, items.Select(item => ObjectForm.Parse(item.Json, request.Kind)), time.GetUtcNow(), meta, TablePolicy.Of(request.Query));
        table["apiVersion"] = $"meta.k8s.io/{version}";
        return table;
    }

    private ContinueToken Start(ApiRequest request)
    {
        var current = store.Revision;
        if (request.Query.Text("continue") is { } text)
        {
            var token = ContinueToken.Parse(text);
            return token.Revision <= current ? token : throw ApiError.Expired("The provided continue parameter is from another life of this server's data.");
        }

        var revision = request.Query.Revision();
        if (request.Query.Text("resourceVersionMatch") is { } match)
        {
            if (revision is null)
            {
                throw ApiError.InvalidOptions("ListOptions", "resourceVersionMatch", "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
            }

            if (revision == 0 && match == "Exact")
            {
                throw ApiError.InvalidOptions("ListOptions", "resourceVersionMatch", "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
        }

        if (revision > current)
        {
            throw ApiError.RevisionAhead(revision.Value, current);
        }

        var exact = request.Query.Text("resourceVersionMatch") switch
        {
            null or "NotOlderThan" => false,
            "Exact" => true,
            var other => throw ApiError.BadRequest($"resourceVersionMatch: Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\""),
        };
        return new ContinueToken(exact && revision is > 0 ? revision.Value : current, "", "");
    }

    private async Task<(List<StoredObject> Items, ContinueToken? Next)> CollectAsync(
        PageQuery query, ObjectFilter filter, int limit, CancellationToken cancellation)
    {
        var items = new List<StoredObject>();
        while (true)
        {
            var page = await store.ListAsync(query, cancellation).ConfigureAwait(false);
            foreach (var row in page)
            {
                if (!filter.Matches(row.Key, row.Json))
                {
                    continue;
                }

                if (items.Count == limit)
                {
                    // There is at least one more: the next page begins after the last one given.
                    var last = items[^1].Key;
                    return (items, new ContinueToken(query.Revision, last.Namespace, last.Name));
                }

                items.Add(row);
            }

            if (page.Count < query.Limit)
            {
                return (items, null);
            }

            query = query with { AfterNamespace = page[^1].Key.Namespace, AfterName = page[^1].Key.Name };
        }
    }

    private static Task WriteAsync(ApiRequest request, List<StoredObject> items, JsonObject meta)
    {
        var body = new MemoryStream();
        body.Write(Head(request.Kind, meta));
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                body.WriteByte((byte)',');
            }

            body.Write(ObjectForm.InVersion(items[i].Json, request.Kind).Span);
        }

        body.Write("]}"u8);
        return Answers.JsonAsync(request.Context, 200, body.GetBuffer().AsMemory(0, (int)body.Length));
    }

    /// <summary>Sends everything chunk by chunk, so that memory does not grow with the collection.</summary>
    private async Task StreamAsync(ApiRequest request, PageQuery query, ObjectFilter filter)
    {
        var response = request.Context.Response;
        var writer = response.BodyWriter;
        var first = true;
        while (true)
        {
            var page = await store.ListAsync(query, request.Aborted).ConfigureAwait(false);
            if (!response.HasStarted)
            {
                response.ContentType = "application/json";
                response.Headers.CacheControl = "no-cache, private";
                await response.StartAsync(request.Aborted).ConfigureAwait(false);
                writer.Append(Head(request.Kind, new JsonObject { ["resourceVersion"] = $"{query.Revision}" }));
            }

            foreach (var row in page)
            {
                if (!filter.Matches(row.Key, row.Json))
                {
                    continue;
                }

                if (!first)
                {
                    writer.Append(","u8);
                }

                first = false;
                writer.Append(ObjectForm.InVersion(row.Json, request.Kind).Span);
            }

            if (page.Count < query.Limit)
            {
                writer.Append("]}"u8);
                await writer.FlushAsync(request.Aborted).ConfigureAwait(false);
                return;
            }

            await writer.FlushAsync(request.Aborted).ConfigureAwait(false);
            query = query with { AfterNamespace = page[^1].Key.Namespace, AfterName = page[^1].Key.Name };
        }
    }

    private static byte[] Head(KindInfo kind, JsonObject meta)
    {
        var head = Answers.Bytes(new JsonObject { ["kind"] = kind.ListKind, ["apiVersion"] = kind.ApiVersion, ["metadata"] = meta });
        return [.. head.AsSpan(0, head.Length - 1), .. ",\"items\":["u8];
    }
}
