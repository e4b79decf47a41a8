using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Watching;

/// <summary>
/// Answers watch: what is (where no version is named), then what changed since, then what changes, each change once and in
/// order. A client that does not read is cut off when its buffer is full.
/// </summary>
internal sealed class WatchHandler(ObjectSources sources, ApiServerOptions options, TimeProvider time, ILogger log, CancellationToken stopping)
{
    private const int PageRows = 500;
    private const int FlushBytes = 64 * 1024;
    private readonly BookmarkClock _bookmarks = new(options.BookmarkInterval, time);
    private int _open;

    /// <summary>Watches being served.</summary>
    public int Open => Volatile.Read(ref _open);

    public async Task HandleAsync(ApiRequest request)
    {
        var (form, version) = Accepts.Negotiate(request.Context.Request.Headers.Accept);
        ListOptions.Check(request.Query, watch: true);
        var filter = ObjectFilter.Of(request);
        var from = request.Query.Revision() ?? 0;
        var initial = Initial(request, from);
        var seconds = request.Query.Number("timeoutSeconds");
        if (Interlocked.Increment(ref _open) > options.MaxWatches)
        {
            Interlocked.Decrement(ref _open);
            throw ApiError.TooManyRequests($"this server serves {options.MaxWatches} watches at most");
        }

        try
        {
            var lasts = seconds is not (null or 0) and { } asked ? TimeSpan.FromSeconds(Math.Clamp(asked, 0, options.WatchTimeout.TotalSeconds)) : options.WatchTimeout;
            using var subscription = sources.Of(request).Changes.Subscribe(request.Resource, options.WatchBuffer);
            using var deadline = new CancellationTokenSource(lasts, time);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, stopping, subscription.EndedToken, deadline.Token);
            request.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            var stream = new WatchStream(request, filter, form, version, time, sources.IsMirrored(request.Resource), from);
            await stream.BeginAsync(request.Aborted).ConfigureAwait(false); // A watch whose time is up at once begins all the same.
            try
            {
                await RunAsync(request, stream, subscription, initial ? null : from == 0 ? subscription.From : from, ends.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (ends.IsCancellationRequested)
            {
                await EndAsync(request, stream, subscription, deadline.IsCancellationRequested).ConfigureAwait(false);
            }
            catch (StoreFailedException fault)
            {
                // The answer has begun: its last line says why there are no more.
                await stream.ErrorAsync(ApiError.Stored(fault), ends.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private static bool Initial(ApiRequest request, long from)
    {
        if (request.Query.Text("sendInitialEvents") is null)
        {
            return from == 0;
        }

        return request.Query.Flag("sendInitialEvents");
    }

    private async Task RunAsync(ApiRequest request, WatchStream stream, ChangeSubscription subscription, long? from, CancellationToken ends)
    {
        var ahead = 0L;
        if (from is null)
        {
            await SendPresentAsync(request, stream, subscription.From, ends).ConfigureAwait(false);
            if (request.Query.Flag("sendInitialEvents") && stream.TakesBookmarks)
            {
                stream.Bookmark(subscription.From, initialEventsEnd: true);
            }
        }
        else if (from > subscription.From && sources.Of(request).MayBeginAfter(from.Value))
        {
            ahead = from.Value;
        }
        else if (!await SendPastAsync(request, stream, from.Value, subscription.From, ends).ConfigureAwait(false))
        {
            return;
        }

        await stream.FlushAsync(ends).ConfigureAwait(false);
        using var ticks = stream.TakesBookmarks ? _bookmarks.Add(stream, subscription) : null;
        stream.IsLive = true;
        await SendLiveAsync(request, stream, subscription, ahead, ends).ConfigureAwait(false);
    }

    private async Task SendPresentAsync(ApiRequest request, WatchStream stream, long revision, CancellationToken ends)
    {
        var query = new PageQuery(request.Resource, stream.Namespace, revision, "", "", PageRows);
        while (true)
        {
            var page = await sources.Of(request).ListAsync(query, ends).ConfigureAwait(false);
            foreach (var row in page.Rows)
            {
                stream.Present(row);
            }

            await stream.FlushAsync(ends).ConfigureAwait(false);
            if (!page.More)
            {
                return;
            }

            query = query.After(page);
        }
    }

    /// <summary>Sends what changed in (after, upTo]. False when that is no longer known, which the client was told.</summary>
    private async Task<bool> SendPastAsync(ApiRequest request, WatchStream stream, long after, long upTo, CancellationToken ends)
    {
        if (after > upTo)
        {
            // A version this server never gave: data restored from a backup, or another server. Only a new list helps.
            await stream.ErrorAsync(ApiError.Expired($"too large resource version: {after} (current {upTo})"), ends).ConfigureAwait(false);
            return false;
        }

        try
        {
            while (after < upTo)
            {
                var changes = await sources.Of(request).ChangesAsync(request.Resource, after, upTo, PageRows, ends).ConfigureAwait(false);
                foreach (var change in changes.Rows)
                {
                    stream.Changed(change);
                }

                await stream.FlushAsync(ends).ConfigureAwait(false);
                after = changes.More ? changes.Rows[^1].Revision : upTo;
            }

            return true;
        }
        catch (RevisionExpiredException expired)
        {
            await stream.ErrorAsync(ApiError.Expired($"too old resource version: {expired.Asked} ({expired.Oldest})"), ends).ConfigureAwait(false);
            return false;
        }
    }

    /// <param name="request">The watch.</param>
    /// <param name="stream">Where to.</param>
    /// <param name="subscription">What comes.</param>
    /// <param name="ahead">The client has all up to this revision, which may lie beyond what is known here.</param>
    /// <param name="ends">Ends it.</param>
    private async Task SendLiveAsync(ApiRequest request, WatchStream stream, ChangeSubscription subscription, long ahead, CancellationToken ends)
    {
        while (await subscription.WaitAsync(ends).ConfigureAwait(false))
        {
            // Read before the buffer is: whatever is not in it by then lies beyond this revision.
            var reached = subscription.Published;
            var bookmark = false;
            while (subscription.TryTake(out var change))
            {
                if (change is null)
                {
                    bookmark = true;
                    continue;
                }

                if (change.Revision <= ahead)
                {
                    continue;
                }

                if (change.ReadAfter is not { } after)
                {
                    stream.Changed(change);
                }
                else if (!await SendPastAsync(request, stream, after, change.Revision, ends).ConfigureAwait(false))
                {
                    return; // it read so slowly that some of it is no longer kept, and was told so
                }

                if (stream.Unflushed > FlushBytes)
                {
                    await stream.FlushAsync(ends).ConfigureAwait(false);
                }
            }

            if (bookmark && reached > ahead)
            {
                stream.Bookmark(reached, initialEventsEnd: false);
            }

            await stream.FlushAsync(ends).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Writes what came meanwhile and how far the watch has come, as the real server does: clients let a watch end every five to ten minutes, and one
    /// that heard nothing of its kind would go on from a version that is no longer kept.
    /// </summary>
    private static void Finish(WatchStream stream, ChangeSubscription subscription)
    {
        var reached = subscription.Published;
        while (subscription.TryTake(out var change))
        {
            if (change is { ReadAfter: not null })
            {
                return; // too much for an end: the client goes on from the last it was told
            }

            if (change is not null)
            {
                stream.Changed(change);
            }
        }

        if (stream.TakesBookmarks && reached > stream.Marked)
        {
            stream.Bookmark(reached, initialEventsEnd: false);
        }
    }

    private async Task EndAsync(ApiRequest request, WatchStream stream, ChangeSubscription subscription, bool timeUp)
    {
        if (subscription.Ended == ChangeSubscription.End.Overrun)
        {
            log.WatcherCutOff(request.Resource, options.WatchBuffer);
            // The client does not read: there is no use in an orderly end it would have to read.
            request.Context.Abort();
            return;
        }

        if (timeUp && stream.IsLive && !request.Aborted.IsCancellationRequested)
        {
            Finish(stream, subscription);
            await stream.CloseAsync().ConfigureAwait(false);
        }
    }
}
