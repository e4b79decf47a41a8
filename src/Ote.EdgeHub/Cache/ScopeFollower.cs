using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.EdgeHub.Cache;

/// <summary>Keeps a copy equal to what the API server has: one watch for it, however many components read it.</summary>
internal sealed class ScopeFollower(NodeCache cache, CacheScope scope, ResourceRef kind) : IReflectorTarget
{
    /// <inheritdoc/>
    public void Replace(IReadOnlyList<JsonObject> items) => throw new NotSupportedException("lists come with their version");

    /// <inheritdoc/>
    public async Task<string> ReplaceAsync(IAsyncEnumerable<KubeList> pages)
    {
        var filling = cache.Fill(scope);
        await foreach (var page in pages.ConfigureAwait(false))
        {
            Taken(() => filling.Take(page.Items));
            filling.Version = page.ResourceVersion;
        }

        Taken(filling.End);
        cache.Heard(scope);
        return filling.Version;
    }

    /// <inheritdoc/>
    public void Upsert(JsonObject obj) => Told(() => cache.Told(scope, [Whole(obj)]));

    /// <inheritdoc/>
    public void Remove(JsonObject obj) => Told(() => cache.Told(scope, [Whole(obj)], gone: true));

    /// <inheritdoc/>
    public void Reached(string version) => Told(() => cache.Reached(scope, version));

    private void Told(Action take)
    {
        Taken(take);
        cache.Heard(scope);
    }

    /// <summary>What the copy does not take is told again by the watch; until then its readers are not to take it for the truth.</summary>
    private void Taken(Action take)
    {
        try
        {
            take();
        }
        catch (CacheFailedException)
        {
            scope.FallBehind();
            throw;
        }

        scope.CatchUp();
    }

    private JsonObject Whole(JsonObject obj)
    {
        obj["apiVersion"] ??= kind.ApiVersion;
        obj["kind"] ??= kind.Kind;
        return obj;
    }
}
