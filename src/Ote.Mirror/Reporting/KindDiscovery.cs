using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>Asks a cluster in which version it serves a kind.</summary>
/// <param name="client">The cluster.</param>
internal sealed class KindDiscovery(KubeClient client)
{
    /// <summary>The kind in the version that the cluster prefers among those that have it; null when it has no such kind that can be listed and watched.</summary>
    public async Task<ResourceRef?> FindAsync(ReportedKind kind, CancellationToken cancellation)
    {
        if (kind.Group.Length == 0)
        {
            return In(await client.SendAsync(HttpMethod.Get, "api/v1", null, null, cancellation).ConfigureAwait(false), kind, "v1");
        }

        try
        {
            var group = await client.SendAsync(HttpMethod.Get, $"apis/{kind.Group}", null, null, cancellation).ConfigureAwait(false);
            var preferred = group.Text("preferredVersion", "version");
            var versions = (group.Items("versions") ?? []).Select(v => v.Text("version")).OfType<string>();
            foreach (var version in versions.OrderBy(v => v != preferred))
            {
                var list = await client.SendAsync(HttpMethod.Get, $"apis/{kind.Group}/{version}", null, null, cancellation).ConfigureAwait(false);
                if (In(list, kind, version) is { } found)
                {
                    return found;
                }
            }
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            // No such group here.
        }

        return null;
    }

    private static ResourceRef? In(JsonObject list, ReportedKind kind, string version) =>
        (list.Items("resources") ?? []).OfType<JsonObject>()
            .Where(r => r.Text("name") == kind.Plural && (r.Items("verbs") ?? []).Select(v => (string?)v).ToHashSet() is var verbs && verbs.Contains("list") && verbs.Contains("watch"))
            .Select(r => new ResourceRef(kind.Group, version, kind.Plural, r.Text("kind") ?? "", r.Truth("namespaced") ?? false))
            .FirstOrDefault();
}
