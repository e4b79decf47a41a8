using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Getting;

/// <summary>Finds what people call a kind among those that an API serves: by plural, singular, short name or kind, with its group behind a dot where that is needed.</summary>
internal static class ServedKind
{
    /// <param name="api">The API server.</param>
    /// <param name="prefix">What stands before its paths; empty or with a closing slash.</param>
    /// <param name="typed">Such as <c>po</c>, <c>Deployment</c> or <c>widgets.example.com</c>.</param>
    /// <param name="others">Takes the plurals of those that it is not, for who typed it wrong.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when it serves none.</returns>
    internal static async Task<ResourceRef?> FindAsync(KubeClient api, string prefix, string typed, ICollection<string> others, CancellationToken cancellation)
    {
        var dot = typed.IndexOf('.', StringComparison.Ordinal);
        var (word, group) = dot < 0 ? (typed, (string?)null) : (typed[..dot], typed[(dot + 1)..]);
        word = word.ToLowerInvariant();
        if (group is null && await InAsync(api, prefix, "", "v1", word, others, cancellation).ConfigureAwait(false) is { } core)
        {
            return core;
        }

        var groups = await api.SendAsync(HttpMethod.Get, prefix + "apis", null, null, cancellation).ConfigureAwait(false);
        foreach (var entry in groups.Items("groups") ?? [])
        {
            if (entry.Text("name") is { } name && (group is null || group == name) && entry.Text("preferredVersion", "version") is { } version
                && await InAsync(api, prefix, name, version, word, others, cancellation).ConfigureAwait(false) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static async Task<ResourceRef?> InAsync(KubeClient api, string prefix, string group, string version, string word, ICollection<string> others, CancellationToken cancellation)
    {
        var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
        try
        {
            var served = await api.SendAsync(HttpMethod.Get, prefix + path, null, null, cancellation).ConfigureAwait(false);
            foreach (var entry in served.Items("resources") ?? [])
            {
                if (entry.Text("name") is not { } plural || plural.Contains('/', StringComparison.Ordinal))
                {
                    continue;
                }

                if (plural == word || entry.Text("singularName") == word || entry.Text("kind")?.ToLowerInvariant() == word || entry.Items("shortNames")?.Any(s => s.Text() == word) == true)
                {
                    return new ResourceRef(group, version, plural, entry.Text("kind") ?? "", entry.Truth("namespaced") ?? false);
                }

                others.Add(plural);
            }

            return null;
        }
        catch (KubeStatusException away) when (away.Code is 404 or 503)
        {
            return null; // an aggregated group whose server does not answer hides no other
        }
    }
}
