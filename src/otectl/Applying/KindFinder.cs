using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>Finds the plural and the scope of kinds in the control API's discovery, asking once for each group and version.</summary>
internal sealed class KindFinder(KubeClient api, IReadOnlyCollection<ResourceHint> hints, string? askedNamespace)
{
    private readonly Dictionary<string, JsonObject?> _asked = new(StringComparer.Ordinal);

    /// <exception cref="CtlException">Neither discovery nor a hint tells of the kind.</exception>
    internal async Task<ResourceRef> FindAsync(Manifest manifest, CancellationToken cancellation)
    {
        var known = await DiscoverAsync(manifest.ApiVersion, cancellation).ConfigureAwait(false);
        var entry = known.Items("resources")?.OfType<JsonObject>()
            .FirstOrDefault(r => r.Text("kind") == manifest.Kind && r.Text("name")?.Contains('/', StringComparison.Ordinal) == false);
        if (entry is not null)
        {
            return new ResourceRef(manifest.Group, manifest.Version, entry.Text("name")!, manifest.Kind, entry.Truth("namespaced") ?? false);
        }

        if (ResourceHint.For(manifest, hints) is { } hint)
        {
            // Nobody here knows its scope, so a namespace is used exactly where one was named.
            var namespaced = manifest.Object.Namespace().Length > 0 || askedNamespace is not null;
            return new ResourceRef(manifest.Group, manifest.Version, hint.Plural, manifest.Kind, namespaced);
        }

        var example = manifest.Kind.ToLowerInvariant() + "s" + (manifest.Group.Length > 0 ? "." + manifest.Group : "");
        throw new CtlException(
            ExitCode.Usage,
            $"{manifest.Source}: the control API does not know {manifest.Kind} of {manifest.ApiVersion}; "
            + $"if the clusters do, name its plural with --resource {example}");
    }

    private async Task<JsonObject?> DiscoverAsync(string apiVersion, CancellationToken cancellation)
    {
        if (_asked.TryGetValue(apiVersion, out var known))
        {
            return known;
        }

        var path = apiVersion.Contains('/', StringComparison.Ordinal) ? $"apis/{apiVersion}" : $"api/{apiVersion}";
        try
        {
            known = await api.SendAsync(HttpMethod.Get, path, null, null, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            known = null;
        }

        _asked[apiVersion] = known;
        return known;
    }
}
