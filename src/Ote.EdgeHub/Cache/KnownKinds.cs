using System.Collections.Concurrent;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Hosting;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// The kinds whose objects can be kept: those that are built in, and custom ones and versions that are not built in, as the API server's discovery tells of them when they are asked for first. What was told once is known for good. Thread-safe.
/// </summary>
/// <param name="objects">Serves them.</param>
/// <param name="cache">Where they are remembered.</param>
/// <param name="asks">As whom discovery is asked.</param>
/// <param name="isConnected">Whether it can be asked.</param>
/// <param name="time">The clock.</param>
internal sealed class KnownKinds(ObjectServer objects, NodeCache cache, KubeClient asks, Func<bool> isConnected, TimeProvider time)
{
    private const int MostKinds = 500;
    private const int MostUnknown = 1000;
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<(string Group, string Version, string Plural), DateTimeOffset> _unknown = new();
    private int _learnt;

    /// <summary>Serves those that are remembered.</summary>
    public void Recall()
    {
        foreach (var kind in cache.Kinds())
        {
            objects.Serve(kind);
            _learnt++;
        }
    }

    /// <summary>The kind of a path; null: objects of it are not kept.</summary>
    public async ValueTask<ResourceRef?> FindAsync(ApiPath path, CancellationToken cancellation)
    {
        var (group, version, plural) = (path.Group!, path.Segments[path.Group!.Length == 0 ? 1 : 2], path.Resource!);
        // Its subresource or a proxy's path says nothing of a kind.
        return objects.KindOf(group, version, plural) ?? (path.Subresource is null ? await LearnAsync(group, version, plural, cancellation).ConfigureAwait(false) : null);
    }

    /// <summary>A kind by its name, as the API server's discovery tells it where it is not known yet; null: it has none such, or cannot be asked.</summary>
    public async Task<ResourceRef?> LearnAsync(string group, string version, string plural, CancellationToken cancellation)
    {
        if (objects.KindOf(group, version, plural) is { } known)
        {
            return known;
        }

        if (group.Length == 0 || !isConnected() || _learnt >= MostKinds || (_unknown.TryGetValue((group, version, plural), out var asked) && asked > time.GetUtcNow() - AskAgain))
        {
            return null;
        }

        try
        {
            var list = await asks.SendAsync(HttpMethod.Get, $"apis/{group}/{version}", null, null, cancellation).ConfigureAwait(false);
            if ((list.Items("resources") ?? []).FirstOrDefault(resource => resource.Text("name") == plural) is { } resource && Watched(resource))
            {
                var kind = new ResourceRef(group, version, plural, resource.Text("kind") ?? "", resource.Truth("namespaced") ?? false);
                cache.Add(kind);
                objects.Serve(kind);
                Interlocked.Increment(ref _learnt);
                return kind;
            }
        }
        catch (Exception unanswered) when (unanswered is KubeStatusException or HttpRequestException)
        {
            // It is asked again in a while; until then its objects are passed on and not kept.
        }

        if (_unknown.Count >= MostUnknown)
        {
            _unknown.Clear();
        }

        _unknown[(group, version, plural)] = time.GetUtcNow();
        return null;
    }

    /// <summary>What an aggregated API computes anew each time, such as metrics, cannot be watched, and is not kept.</summary>
    private static bool Watched(System.Text.Json.Nodes.JsonNode resource) => (resource.Items("verbs") ?? []).Any(verb => (string?)verb == "watch") && resource.Text("kind") is { Length: > 0 };
}
