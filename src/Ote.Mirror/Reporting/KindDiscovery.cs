using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>
/// Asks a cluster in which version it serves a kind and, of one that is not reported by default, what clients are to know of it: a JSON object with <c>names</c> (singular, shortNames, categories) and
/// <c>version</c> (subresources, additionalPrinterColumns, selectableFields), each as a CustomResourceDefinition has it. What the definition itself says needs the right to read it; without, it is left out.
/// </summary>
/// <param name="client">The cluster.</param>
internal sealed class KindDiscovery(KubeClient client)
{
    /// <summary>Of a definition that is longer in UTF-8, nothing is told.</summary>
    public const int MostBytes = 64 * 1024;

    private static readonly string[] OfVersion = ["additionalPrinterColumns", "selectableFields"];

    /// <summary>The kind in the version that is best for it, or that the cluster prefers among those that have it; null when it has no such kind that can be listed and watched.</summary>
    public async Task<DiscoveredKind?> FindAsync(ReportedKind kind, CancellationToken cancellation)
    {
        if (kind.Group.Length == 0)
        {
            return await InAsync(await client.SendAsync(HttpMethod.Get, "api/v1", null, null, cancellation).ConfigureAwait(false), kind, "v1", cancellation).ConfigureAwait(false);
        }

        try
        {
            var group = await client.SendAsync(HttpMethod.Get, $"apis/{kind.Group}", null, null, cancellation).ConfigureAwait(false);
            var preferred = group.Text("preferredVersion", "version");
            var versions = (group.Items("versions") ?? []).Select(v => v.Text("version")).OfType<string>();
            foreach (var version in versions.OrderBy(v => Place(kind, v)).ThenBy(v => v != preferred))
            {
                var list = await client.SendAsync(HttpMethod.Get, $"apis/{kind.Group}/{version}", null, null, cancellation).ConfigureAwait(false);
                if (await InAsync(list, kind, version, cancellation).ConfigureAwait(false) is { } found)
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

    private static int Place(ReportedKind kind, string version)
    {
        var at = kind.Versions.TakeWhile(v => v != version).Count();
        return kind.Versions.Contains(version) ? at : int.MaxValue;
    }

    private async Task<DiscoveredKind?> InAsync(JsonObject list, ReportedKind kind, string version, CancellationToken cancellation)
    {
        var resources = (list.Items("resources") ?? []).OfType<JsonObject>().ToArray();
        var found = resources.FirstOrDefault(r => r.Text("name") == kind.Plural && (r.Items("verbs") ?? []).Select(v => (string?)v).ToHashSet() is var verbs && verbs.Contains("list") && verbs.Contains("watch"));
        if (found is null)
        {
            return null;
        }

        var resource = new ResourceRef(kind.Group, version, kind.Plural, found.Text("kind") ?? "", found.Truth("namespaced") ?? false);
        return new DiscoveredKind(resource, ReportedKinds.Default.Any(k => k.Stream == kind.Stream) ? "" : await DefinitionAsync(kind, version, found, resources, cancellation).ConfigureAwait(false));
    }

    private async Task<string> DefinitionAsync(ReportedKind kind, string version, JsonObject found, JsonObject[] resources, CancellationToken cancellation)
    {
        var names = new JsonObject();
        if (found.Text("singularName") is { Length: > 0 } singular)
        {
            names["singular"] = singular;
        }

        foreach (var list in (ReadOnlySpan<string>)["shortNames", "categories"])
        {
            if (found[list] is JsonArray texts)
            {
                names[list] = texts.DeepClone();
            }
        }

        var own = await OfVersionAsync(kind, version, cancellation).ConfigureAwait(false);
        var told = new JsonObject();
        var parts = new JsonObject();
        foreach (var part in resources.Select(r => r.Text("name")).OfType<string>().Where(n => n.StartsWith(kind.Plural + "/", StringComparison.Ordinal)).Select(n => n[(kind.Plural.Length + 1)..]).Where(n => n is "status" or "scale"))
        {
            parts[part] = own?["subresources"]?[part]?.DeepClone() ?? new JsonObject();
        }

        if (parts.Count > 0)
        {
            told["subresources"] = parts;
        }

        foreach (var field in OfVersion)
        {
            if (own?[field] is JsonArray items)
            {
                told[field] = items.DeepClone();
            }
        }

        var definition = new JsonObject { ["names"] = names, ["version"] = told }.ToJsonString();
        return System.Text.Encoding.UTF8.GetByteCount(definition) <= MostBytes ? definition : "";
    }

    /// <summary>What the kind's CustomResourceDefinition says of a version; null when there is none, or none that may be read.</summary>
    private async Task<JsonObject?> OfVersionAsync(ReportedKind kind, string version, CancellationToken cancellation)
    {
        if (!kind.Group.Contains('.', StringComparison.Ordinal))
        {
            return null; // all definitions' groups are domains
        }

        try
        {
            var definition = await client.SendAsync(HttpMethod.Get, $"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.Stream}", null, null, cancellation).ConfigureAwait(false);
            return (definition.Items("spec", "versions") ?? []).OfType<JsonObject>().FirstOrDefault(v => v.Text("name") == version);
        }
        catch (Exception none) when (none is KubeStatusException or JsonException)
        {
            return null;
        }
    }
}
