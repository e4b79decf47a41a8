using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Http;

/// <summary>
/// The answer to a write that went to another cluster, held until what it did is shown here, or for a moment at most: whoever reads right after it, as <c>kubectl rollout status</c> does, is to see it.
/// </summary>
internal static class HeldAnswer
{
    private const int MostUnread = 1024;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <summary>Forwards a write.</summary>
    public static async Task ForwardAsync(IClusterGate clusters, ApiRequest request, ObjectOrigin origin, string target, IObjectSource source, StoredObject before, TimeProvider time)
    {
        using var changes = source.Changes.Subscribe(request.Resource, MostUnread); // before the write, so that none is missed
        var response = request.Context.Response;
        var client = response.Body;
        using var held = new MemoryStream();
        response.Body = held;
        try
        {
            await clusters.ForwardAsync(request.Context, origin.Cluster, request.User, target).ConfigureAwait(false);
        }
        finally
        {
            response.Body = client;
        }

        if (response.StatusCode is >= 200 and < 300)
        {
            await ShownAsync(request, source, changes, before, Changed(held), time).ConfigureAwait(false);
        }

        held.Position = 0;
        await held.CopyToAsync(client, request.Aborted).ConfigureAwait(false);
    }

    /// <summary>The version that the cluster's answer has; null when it names none.</summary>
    private static string? Changed(MemoryStream answer)
    {
        try
        {
            return System.Text.Json.Nodes.JsonNode.Parse(answer.GetBuffer().AsSpan(0, (int)answer.Length)) is System.Text.Json.Nodes.JsonObject obj ? Objects.ObjectFields.ResourceVersion(obj) : null;
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static async Task ShownAsync(ApiRequest request, IObjectSource source, ChangeSubscription changes, StoredObject before, string? version, TimeProvider time)
    {
        using var late = new CancellationTokenSource(Longest, time);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, late.Token);
        try
        {
            while (await source.FindAsync(request.Key, enough.Token).ConfigureAwait(false) is { } now && now.Revision == before.Revision && source.OriginOf(now)?.Version != version)
            {
                if (!await NextAsync(changes, request.Key, enough.Token).ConfigureAwait(false))
                {
                    return; // more changes of this kind than it can follow: it comes by report, now or in a moment
                }
            }
        }
        catch (OperationCanceledException) when (!request.Aborted.IsCancellationRequested)
        {
            // It comes by report, later.
        }
    }

    /// <summary>Waits until an object changes; false when that can no longer be told.</summary>
    private static async Task<bool> NextAsync(ChangeSubscription changes, StoreKey key, CancellationToken enough)
    {
        while (await changes.WaitAsync(enough).ConfigureAwait(false))
        {
            while (changes.TryTake(out var change))
            {
                if (change?.Key == key)
                {
                    await Task.Yield(); // off the thread that hands changes out
                    return true;
                }
            }
        }

        return false;
    }
}
