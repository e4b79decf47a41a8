using Microsoft.AspNetCore.Http.Features;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Split;

/// <summary>
/// Answers watches over all shards: what is (where no version is named), then what changed and changes, with versions that name a revision for each shard. Where a shard has another holder since, the client is told to list anew. Thread-safe.
/// </summary>
/// <param name="table">The shards.</param>
/// <param name="options">Bounds.</param>
/// <param name="time">The clock.</param>
/// <param name="stopping">Ends all watches.</param>
internal sealed class SplitWatchHandler(ShardTable table, ApiServerOptions options, TimeProvider time, CancellationToken stopping)
{
    private const int PageRows = 500;
    private const int FlushBytes = 64 * 1024;
    private int _open;

    /// <summary>Watches being served.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Answers one.</summary>
    public async Task HandleAsync(ApiRequest request, SplitView view)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        ListOptions.Check(request.Query, watch: true);
        var filter = ObjectFilter.Of(request);
        var asked = request.Query.Text("resourceVersion") is { } text && text != "0" ? text : null;
        var initial = request.Query.Text("sendInitialEvents") is null ? asked is null : request.Query.Flag("sendInitialEvents");
        if (Interlocked.Increment(ref _open) > options.MaxWatches)
        {
            Interlocked.Decrement(ref _open);
            throw ApiError.TooManyRequests($"this server serves {options.MaxWatches} watches at most");
        }

        try
        {
            var seconds = request.Query.Number("timeoutSeconds");
            var lasts = seconds is not (null or 0) and { } some ? TimeSpan.FromSeconds(Math.Clamp(some, 0, options.WatchTimeout.TotalSeconds)) : options.WatchTimeout;
            using var deadline = new CancellationTokenSource(lasts, time);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, stopping, deadline.Token);
            request.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            var stream = new WatchStream(request, filter, form, version, time, ofClusters: true);
            await AnswerAsync(request, view, stream, asked, initial, ends.Token).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private async Task AnswerAsync(ApiRequest request, SplitView view, WatchStream stream, string? asked, bool initial, CancellationToken ends)
    {
        try
        {
            ShardVersions from;
            if (initial)
            {
                from = await PresentAsync(request, view, stream, ends).ConfigureAwait(false);
            }
            else
            {
                from = asked is null ? await NowAsync(view, request.Aborted).ConfigureAwait(false) : view.Parse(asked);
                await stream.BeginAsync(request.Aborted).ConfigureAwait(false);
            }

            await FollowAsync(request, stream, new SplitWatch(table, request.Resource, from), ends).ConfigureAwait(false);
        }
        catch (RevisionExpiredException expired)
        {
            await ErrorAsync(request, stream, ApiError.Expired($"too old resource version: {expired.Asked} ({expired.Oldest}), or a shard is held by another member since")).ConfigureAwait(false);
        }
        catch (ApiError expired) when (expired.Code == 410)
        {
            await ErrorAsync(request, stream, expired).ConfigureAwait(false); // as an event, where clients look for it
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            if (!request.Context.Response.HasStarted && !request.Aborted.IsCancellationRequested)
            {
                await stream.BeginAsync(request.Aborted).ConfigureAwait(false); // A watch whose time is up at once begins all the same.
            }
        }
    }

    private static async Task ErrorAsync(ApiRequest request, WatchStream stream, ApiError error)
    {
        if (!request.Context.Response.HasStarted)
        {
            await stream.BeginAsync(request.Aborted).ConfigureAwait(false);
        }

        await stream.ErrorAsync(error, request.Aborted).ConfigureAwait(false);
    }

    /// <summary>Sends what is there, and says as of which versions it is.</summary>
    private static async Task<ShardVersions> PresentAsync(ApiRequest request, SplitView view, WatchStream stream, CancellationToken ends)
    {
        var query = new PageQuery(request.Resource, stream.Namespace, 0, "", "", PageRows);
        var piece = await view.ListAsync(query, ends).ConfigureAwait(false); // before the head is sent, which may say that some is missing
        await stream.BeginAsync(request.Aborted).ConfigureAwait(false);
        while (true)
        {
            piece.Rows.ForEach(stream.Present);
            await stream.FlushAsync(ends).ConfigureAwait(false);
            if (!piece.More)
            {
                break;
            }

            query = query.After(piece);
            piece = await view.ListAsync(query, ends).ConfigureAwait(false);
        }

        if (request.Query.Flag("sendInitialEvents") && stream.TakesBookmarks)
        {
            stream.Bookmark(view.Versions.ToString(), initialEventsEnd: true);
        }

        return view.Versions;
    }

    private static async Task<ShardVersions> NowAsync(SplitView view, CancellationToken ct)
    {
        var facts = await view.LookAsync(ct).ConfigureAwait(false);
        return facts.Select((f, shard) => (Shard: shard, Revision: f?.Revision ?? 0)).Aggregate(ShardVersions.Unknown(facts.Count), static (all, one) => all.With(one.Shard, one.Revision));
    }

    private async Task FollowAsync(ApiRequest request, WatchStream stream, SplitWatch watch, CancellationToken ends)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ends);
        var running = watch.RunAsync(stop.Token);
        var told = watch.Versions.ToString();
        try
        {
            await stream.FlushAsync(ends).ConfigureAwait(false);
            var marked = time.GetTimestamp();
            while (true)
            {
                if (await watch.TakeAsync(ends).ConfigureAwait(false) is { } change)
                {
                    stream.Changed(change);
                }

                if (stream.TakesBookmarks && time.GetElapsedTime(marked) >= options.BookmarkInterval)
                {
                    Bookmark(stream, watch, ref told);
                    marked = time.GetTimestamp();
                }

                if (watch.IsEmpty || stream.Unflushed > FlushBytes)
                {
                    await stream.FlushAsync(ends).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested && !request.Aborted.IsCancellationRequested)
        {
            if (stream.TakesBookmarks)
            {
                Bookmark(stream, watch, ref told); // clients let a watch end often, and go on from the last they were told
            }

            await stream.CloseAsync().ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static void Bookmark(WatchStream stream, SplitWatch watch, ref string told)
    {
        var now = watch.Versions.ToString();
        if (now != told)
        {
            stream.Bookmark(told = now, initialEventsEnd: false);
        }
    }
}
