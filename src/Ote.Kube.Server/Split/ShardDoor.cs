using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>
/// Where the other members of a split source ask for the shards that are held here. Only members are answered, by their certificates; whom they ask for was judged where the request came in, and nothing is said of it here: they are given what the shard has. Thread-safe.
/// </summary>
/// <param name="table">The shards.</param>
internal sealed class ShardDoor(ShardTable table)
{
    /// <summary>The path before the shard's number, with the version of what is written.</summary>
    public const string Prefix = "/ote-shards/v1/";

    /// <summary>Answers a request below <see cref="Prefix"/>.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var path = context.Request.Path.Value![Prefix.Length..].Split('/');
        var query = context.Request.Query;
        if (context.Connection.ClientCertificate is not { } certificate || !await table.Way.IsMemberAsync(certificate, context.RequestAborted).ConfigureAwait(false))
        {
            await Answers.TextAsync(context, 401, "this is for the other controller managers of this tree").ConfigureAwait(false);
        }
        else if (path.Length != 2 || !int.TryParse(path[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            await Answers.TextAsync(context, 404, "there is nothing here").ConfigureAwait(false);
        }
        else if (query.Whole("of") is { } of && of != table.Count)
        {
            await Answers.TextAsync(context, 503, $"this member divides clusters among {table.Count} shards, not {of}").ConfigureAwait(false);
        }
        else if (table.HeldAs(number) is not { } shard)
        {
            await Answers.TextAsync(context, 503, $"shard {number} is not held here").ConfigureAwait(false);
        }
        else
        {
            await AnswerAsync(context, shard, path[1]).ConfigureAwait(false);
        }
    }

    private static async Task AnswerAsync(HttpContext context, LocalShard shard, string what)
    {
        var (query, ct) = (context.Request.Query, context.RequestAborted);
        try
        {
            switch (what)
            {
                case "facts":
                    await SendAsync(context, ShardWire.Of(await shard.LookAsync(ct).ConfigureAwait(false))).ConfigureAwait(false);
                    break;
                case "find":
                    await SendAsync(context, ShardWire.Of(await shard.FindAsync(new StoreKey(Resource(query), query["ns"].ToString(), query["name"].ToString()), At(query), ct).ConfigureAwait(false))).ConfigureAwait(false);
                    break;
                case "list":
                    var page = new PageQuery(Resource(query), query.Text("ns"), 0, query["afterNs"].ToString(), query["after"].ToString(), (int)(query.Whole("limit") ?? 1)) { Terms = [.. query["term"].OfType<string>()], At = At(query) };
                    await SendAsync(context, ShardWire.Of(await shard.ListAsync(page, ct).ConfigureAwait(false))).ConfigureAwait(false);
                    break;
                case "watch":
                    await WatchAsync(context, shard, Resource(query), query.Whole("from") ?? 0).ConfigureAwait(false);
                    break;
                default:
                    await Answers.TextAsync(context, 404, "there is nothing here").ConfigureAwait(false);
                    break;
            }
        }
        catch (RevisionExpiredException expired) when (!context.Response.HasStarted)
        {
            await Answers.TextAsync(context, 410, string.Create(CultureInfo.InvariantCulture, $"{expired.Asked} {expired.Oldest}")).ConfigureAwait(false);
        }
        catch (ShardAwayException gone) when (!context.Response.HasStarted)
        {
            await Answers.TextAsync(context, 503, gone.Message).ConfigureAwait(false);
        }
        catch (ShardAwayException)
        {
            context.Abort(); // the other member asks again, whoever holds it then
        }
    }

    private static async Task WatchAsync(HttpContext context, LocalShard shard, string resource, long from)
    {
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await foreach (var told in shard.WatchAsync(resource, from, LocalShard.Sign, context.RequestAborted).ConfigureAwait(false))
        {
            if (!context.Response.HasStarted)
            {
                context.Response.ContentType = "application/octet-stream";
                await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
            }

            await context.Response.Body.WriteAsync(ShardWire.Of(told), context.RequestAborted).ConfigureAwait(false);
            if (told.Change is null)
            {
                await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }
    }

    private static async Task SendAsync(HttpContext context, ArraySegment<byte> bytes)
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = bytes.Count;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }

    private static string Resource(IQueryCollection query) => query["resource"].ToString();

    private static DateTimeOffset? At(IQueryCollection query) => query.Whole("at") is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;
}
