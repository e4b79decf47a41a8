using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Kube.Watching;

/// <summary>Who receives what a <see cref="Reflector"/> sees. Called from one task, in order.</summary>
public interface IReflectorTarget
{
    /// <summary>The whole truth at one version; what is missing from it is gone.</summary>
    void Replace(IReadOnlyList<JsonObject> items);

    /// <summary>The same page by page, all of one version: for who need not have it all at once. The version is returned.</summary>
    async Task<string> ReplaceAsync(IAsyncEnumerable<KubeList> pages)
    {
        var items = new List<JsonObject>();
        var version = "";
        await foreach (var page in pages.ConfigureAwait(false))
        {
            items.AddRange(page.Items);
            version = page.ResourceVersion;
        }

        Replace(items);
        return version;
    }

    /// <summary>One object is new or changed.</summary>
    void Upsert(JsonObject obj);

    /// <summary>One object is gone; this is its last state.</summary>
    void Remove(JsonObject obj);

    /// <summary>All up to this version has come.</summary>
    void Reached(string version)
    {
    }
}

/// <summary>
/// Keeps a target equal to what an API server holds: lists, then watches from that version, and goes round again for a
/// named reason: <c>Expired</c> lists anew, <c>Closed</c> watches on from the last version seen on any event, <c>Refused</c>
/// waits longer, <c>Stopped</c> leaves. (The pattern is that of client-go's reflector.)
/// </summary>
/// <param name="client">The API server.</param>
/// <param name="resource">What to watch.</param>
/// <param name="ns">Namespace, or null for all.</param>
/// <param name="query">Selectors, or null.</param>
/// <param name="target">Who receives.</param>
/// <param name="time">The clock for waits.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where trouble is told.</param>
/// <param name="from">The version that the target has already and from which it goes on; null: it begins with a list.</param>
/// <param name="whose">By whose credentials or at which server, for the log; null: at the client's own address.</param>
public sealed class Reflector(
    KubeClient client, ResourceRef resource, string? ns, ListQuery? query, IReflectorTarget target, TimeProvider time, Func<double> random, ILogger log, string? from = null, string? whose = null)
{
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(10);
    private readonly string _whose = whose ?? $"at {client.Http.BaseAddress?.Authority}";

    /// <summary>Runs until stopped. Does not throw but for cancellation.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = new Backoff(BackoffOptions.Default, random);
        var version = from;
        string? told = null; // once, while it stays
        while (!stop.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                if (version is null)
                {
                    version = await target.ReplaceAsync(client.PagesAsync(resource, ns, query, stop)).ConfigureAwait(false);
                    told = null; // What comes after an answer is another trouble, though it may have the same words.
                }

                await foreach (var change in client.WatchAsync(resource, ns, query, version, stop).ConfigureAwait(false))
                {
                    Deliver(change);
                    version = change.Object.ResourceVersion(); // Not before: what the target could not take is told again.
                    told = null;
                }

                told = null;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (KubeStatusException expired) when (expired.IsExpired)
            {
                log.WatchExpired(resource.Plural, _whose, expired.Message);
                version = null;
                continue;
            }
            catch (Exception refused) when (refused is KubeStatusException or HttpRequestException or IOException or JsonException or OperationCanceledException)
            {
                if (told != refused.Message)
                {
                    told = refused.Message;
                    log.WatchRefused(resource.Plural, _whose, told);
                }
            }

            if (time.GetElapsedTime(began) >= Calm)
            {
                backoff.Reset();
            }

            try
            {
                await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Deliver(WatchEvent change)
    {
        switch (change.Type)
        {
            case WatchEventType.Added or WatchEventType.Modified:
                target.Upsert(change.Object);
                break;
            case WatchEventType.Deleted:
                target.Remove(change.Object);
                break;
            default:
                target.Reached(change.Object.ResourceVersion());
                break;
        }
    }
}
