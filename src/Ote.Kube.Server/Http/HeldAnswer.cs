using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Http;

/// <summary>
/// The answer of another cluster, held until it is whole, so that it names things as they are shown here; that to a write until what it did is shown, or for a moment at most: whoever reads right
/// after it, as <c>kubectl rollout status</c> does, is to see it.
/// </summary>
internal static class HeldAnswer
{
    private const int MostUnread = 1024;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Forwards a request.</summary>
    /// <param name="clusters">The way to the cluster.</param>
    /// <param name="request">The request.</param>
    /// <param name="origin">Whose object it is for.</param>
    /// <param name="target">Path and query at the cluster.</param>
    /// <param name="source">Where the object is shown.</param>
    /// <param name="before">Of a write, the object as it is shown before it; null: nothing is changed.</param>
    /// <param name="time">The clock.</param>
    public static async Task ForwardAsync(IClusterGate clusters, ApiRequest request, ObjectOrigin origin, string target, IObjectSource source, StoredObject? before, TimeProvider time)
    {
        request.Context.Request.Headers.Remove("Accept-Encoding"); // what is packed is not looked into
        using var changes = before is null || source is Split.SplitView ? null : source.Changes.Subscribe(request.Resource, MostUnread); // before the write, so that none is missed
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

        ReadOnlyMemory<byte> answer = held.GetBuffer().AsMemory(0, (int)held.Length);
        if (response.StatusCode is >= 200 and < 300 && Parse(answer.Span) is { } obj)
        {
            if (before is not null)
            {
                await ShownAsync(request, source, changes, before, ObjectFields.ResourceVersion(obj), time).ConfigureAwait(false);
            }

            if (await AsShownAsync(request, source, origin, obj).ConfigureAwait(false))
            {
                answer = JsonSerializer.SerializeToUtf8Bytes(obj, NodeJson.Default.JsonObject);
                response.ContentLength = response.ContentLength is null ? null : answer.Length;
            }
        }
        else if (response.StatusCode >= StatusCodes.Status400BadRequest)
        {
            answer = SiteRefusal.Named(answer, origin, request.Name);
            response.ContentLength = response.ContentLength is null ? null : answer.Length;
        }

        await client.WriteAsync(answer, request.Aborted).ConfigureAwait(false);
    }

    private static JsonObject? Parse(ReadOnlySpan<byte> answer)
    {
        try
        {
            return JsonNode.Parse(answer) as JsonObject;
        }
        catch (JsonException)
        {
            return null; // of another form, or packed: it goes as it is
        }
    }

    /// <summary>
    /// Gives the object of an answer, or the row of it, which has the name and the version of its cluster, those under which it is shown here: with these whoever asked goes on. False when it is about
    /// something else.
    /// </summary>
    private static async Task<bool> AsShownAsync(ApiRequest request, IObjectSource source, ObjectOrigin origin, JsonObject answer)
    {
        if (answer.Text("kind") is not "Table")
        {
            return answer.Text("kind") != "Status" && await RenameAsync(request, source, origin, answer).ConfigureAwait(false);
        }

        var isRenamed = false;
        var names = (answer.Items("columnDefinitions") ?? []).Select((c, at) => (c, at)).Where(c => c.c.Text("format") == "name").Select(c => c.at).ToArray();
        foreach (var row in (answer.Items("rows") ?? []).OfType<JsonObject>())
        {
            if (row["object"] is JsonObject obj && await RenameAsync(request, source, origin, obj).ConfigureAwait(false))
            {
                isRenamed = true;
                foreach (var at in names.Where(at => row["cells"] is JsonArray cells && at < cells.Count && (string?)cells[at] == origin.Name))
                {
                    row["cells"]![at] = request.Name;
                }
            }
        }

        return isRenamed;
    }

    private static async Task<bool> RenameAsync(ApiRequest request, IObjectSource source, ObjectOrigin origin, JsonObject obj)
    {
        if (obj["metadata"] is not JsonObject metadata || metadata.Text("name") != origin.Name)
        {
            return false;
        }

        if (request.Kind.Shows is not null && obj.Text("kind") == request.Kind.Kind)
        {
            obj["apiVersion"] = request.Kind.ApiVersion;
        }

        metadata["name"] = request.Name;
        metadata.Child("labels")[ObjectOrigin.ClusterLabel] = origin.Cluster;
        if (await source.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) is { } now)
        {
            metadata["resourceVersion"] = now.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        else
        {
            metadata.Remove("resourceVersion"); // gone here: that of its cluster means nothing
        }

        return true;
    }

    private static async Task ShownAsync(ApiRequest request, IObjectSource source, ChangeSubscription? changes, StoredObject before, string? version, TimeProvider time)
    {
        using var late = new CancellationTokenSource(Longest, time);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, late.Token);
        try
        {
            while (await source.FindAsync(request.Key, enough.Token).ConfigureAwait(false) is { } now && now.Revision == before.Revision && source.OriginOf(now)?.Version != version)
            {
                if (changes is null)
                {
                    await Task.Delay(Look, time, enough.Token).ConfigureAwait(false); // the object's shard may be another member's
                }
                else if (!await NextAsync(changes, request.Key, enough.Token).ConfigureAwait(false))
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
