using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Crds;

namespace Ote.Kube.Server.Schema;

/// <summary>
/// The documents by which clients learn what is served, as <c>/api</c>, <c>/apis</c> and the paths below answer them. Pure; each call builds a
/// new document that the caller owns.
/// </summary>
public static class DiscoveryDocuments
{
    /// <summary>Answer of <c>/api</c>.</summary>
    /// <param name="serverAddress">host:port that clients reach; null leaves the addresses out.</param>
    public static JsonObject ApiVersions(string? serverAddress = null)
    {
        JsonObject versions = new() { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") };
        if (serverAddress is not null)
        {
            versions["serverAddressByClientCIDRs"] =
                new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = serverAddress });
        }
        return versions;
    }

    /// <summary>Answer of <c>/apis</c>: all groups but core.</summary>
    public static JsonObject GroupList(SchemaCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new JsonObject
        {
            ["kind"] = "APIGroupList",
            ["apiVersion"] = "v1",
            ["groups"] = new JsonArray([.. Groups(catalog).Select(g => (JsonNode)GroupBody(g))]),
        };
    }

    /// <summary>Answer of <c>/apis/{group}</c>; null when no kind of the group is served.</summary>
    public static JsonObject? Group(SchemaCatalog catalog, string group)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        IGrouping<string, KindInfo>? found = Groups(catalog).FirstOrDefault(g => g.Key == group);
        if (found is null)
            return null;
        JsonObject document = new() { ["kind"] = "APIGroup", ["apiVersion"] = "v1" };
        foreach ((string name, JsonNode? value) in GroupBody(found))
            document[name] = value?.DeepClone();
        return document;
    }

    /// <summary>Answer of <c>/api/v1</c> (empty group) and <c>/apis/{group}/{version}</c>; null when nothing is served there.</summary>
    public static JsonObject? ResourceList(SchemaCatalog catalog, string group, string version)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        List<JsonNode> resources = [];
        foreach (KindInfo kind in catalog.All.Where(k => k.Group == group && k.Version == version).OrderBy(k => k.Plural, StringComparer.Ordinal))
        {
            resources.Add(Resource(kind));
            foreach (SubresourceInfo part in kind.Subresources.OrderBy(s => s.Name, StringComparer.Ordinal))
                resources.Add(Subresource(kind, part));
        }
        return resources.Count == 0 ? null : new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : group + "/" + version,
            ["resources"] = new JsonArray([.. resources]),
        };
    }

    /// <summary>
    /// Aggregated discovery (<c>apidiscovery.k8s.io/v2</c>, kind APIGroupDiscoveryList): of <c>/api</c> when <paramref name="core"/>, of
    /// <c>/apis</c> otherwise.
    /// </summary>
    public static JsonObject Aggregated(SchemaCatalog catalog, bool core)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        IEnumerable<IGrouping<string, KindInfo>> groups = core
            ? catalog.All.Where(k => k.Group.Length == 0).GroupBy(k => k.Group) : Groups(catalog);
        return new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = new JsonArray([.. groups.Select(g => (JsonNode)new JsonObject
            {
                ["metadata"] = g.Key.Length == 0 ? new JsonObject() : new JsonObject { ["name"] = g.Key },
                ["versions"] = new JsonArray([.. Versions(g).Select(v => (JsonNode)AggregatedVersion(g, v))]),
            })]),
        };
    }

    private static IEnumerable<IGrouping<string, KindInfo>> Groups(SchemaCatalog catalog) =>
        catalog.BuiltInKindList.Where(k => k.Group.Length > 0)
            .Concat(catalog.CustomKinds.OrderBy(k => k.Group, StringComparer.Ordinal)).GroupBy(k => k.Group);

    private static IEnumerable<string> Versions(IEnumerable<KindInfo> group) =>
        group.Select(k => k.Version).Distinct().Order(VersionOrder.Instance);

    private static JsonObject GroupBody(IGrouping<string, KindInfo> group)
    {
        List<string> versions = [.. Versions(group)];
        return new JsonObject
        {
            ["name"] = group.Key,
            ["versions"] = new JsonArray([.. versions.Select(v => (JsonNode)Version(group.Key, v))]),
            ["preferredVersion"] = Version(group.Key, versions[0]),
        };
    }

    private static JsonObject Version(string group, string version) => new() { ["groupVersion"] = group + "/" + version, ["version"] = version };

    private static JsonObject Resource(KindInfo kind)
    {
        JsonObject resource = new()
        {
            ["name"] = kind.Plural,
            ["singularName"] = kind.Singular,
            ["namespaced"] = kind.Namespaced,
            ["kind"] = kind.Kind,
            ["verbs"] = kind.Verbs.ToJsonArray(),
        };
        AddNames(resource, kind);
        return resource;
    }

    private static JsonObject Subresource(KindInfo kind, SubresourceInfo part)
    {
        JsonObject resource = new() { ["name"] = kind.Plural + "/" + part.Name, ["singularName"] = "", ["namespaced"] = kind.Namespaced };
        if (part.Group != kind.Group || part.Version != kind.Version)
        {
            resource["group"] = part.Group;
            resource["version"] = part.Version;
        }
        resource["kind"] = part.Kind;
        resource["verbs"] = part.Verbs.ToJsonArray();
        return resource;
    }

    private static JsonObject AggregatedVersion(IEnumerable<KindInfo> group, string version) => new()
    {
        ["version"] = version,
        ["resources"] = new JsonArray([.. group.Where(k => k.Version == version).OrderBy(k => k.Plural, StringComparer.Ordinal)
            .Select(k => (JsonNode)AggregatedResource(k))]),
        ["freshness"] = "Current",
    };

    private static JsonObject AggregatedResource(KindInfo kind)
    {
        JsonObject resource = new()
        {
            ["resource"] = kind.Plural,
            ["responseKind"] = ResponseKind(kind.Group, kind.Version, kind.Kind),
            ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = kind.Singular,
            ["verbs"] = kind.Verbs.ToJsonArray(),
        };
        AddNames(resource, kind);
        if (kind.Subresources.Count > 0)
        {
            resource["subresources"] = new JsonArray([.. kind.Subresources.OrderBy(s => s.Name, StringComparer.Ordinal).Select(s =>
                (JsonNode)new JsonObject
                {
                    ["subresource"] = s.Name,
                    ["responseKind"] = ResponseKind(s.Group, s.Version, s.Kind),
                    ["verbs"] = s.Verbs.ToJsonArray(),
                })]);
        }
        return resource;
    }

    private static void AddNames(JsonObject resource, KindInfo kind)
    {
        if (kind.ShortNames.Count > 0)
            resource["shortNames"] = kind.ShortNames.ToJsonArray();
        if (kind.Categories.Count > 0)
            resource["categories"] = kind.Categories.ToJsonArray();
    }

    private static JsonObject ResponseKind(string group, string version, string kind) =>
        new() { ["group"] = group, ["version"] = version, ["kind"] = kind };
}
