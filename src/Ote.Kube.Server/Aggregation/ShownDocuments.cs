using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// Health and discovery of a server that shows one group. It has no OpenAPI document: the one of the API server in front would have two descriptions of a Pod then, and clients would judge its own by
/// either.
/// </summary>
internal sealed class ShownDocuments(ShownCatalog shown, string group, string version)
{
    private const string Proxied = "clusters/proxy";
    private static readonly string[] ProxyVerbs = ["create", "delete", "get", "patch", "update"];

    /// <summary>Whether a path needs no credentials.</summary>
    public static bool IsOpen(string path) => path is "/healthz" or "/livez" or "/readyz";

    /// <summary>Answers a path that is no resource.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">Its path.</param>
    /// <param name="trouble">What keeps the server from its work; null: nothing.</param>
    /// <exception cref="ApiError">There is nothing.</exception>
    public async Task HandleAsync(HttpContext context, string path, string? trouble)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            throw ApiError.MethodNotAllowed();
        }

        if (IsOpen(path))
        {
            var isReady = path != "/readyz" || trouble is null;
            await Answers.TextAsync(context, isReady ? 200 : 500, isReady ? "ok" : $"internal server error: {trouble}\n").ConfigureAwait(false);
            return;
        }

        var catalog = await shown.LatestAsync(context.RequestAborted).ConfigureAwait(false);
        path = path.Length > 1 ? path.TrimEnd('/') : path;
        if (path == "/apis")
        {
            context.Response.Headers.Vary = "Accept";
        }

        var (document, type) = path == "/apis" && Accepts.Aggregated(context.Request.Headers.Accept) is { } v
            ? (Aggregated(catalog, v), $"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList")
            : (Plain(catalog, path), "application/json");
        await Answers.JsonAsync(context, 200, Answers.Bytes(document ?? throw ApiError.NoSuchPath()), type).ConfigureAwait(false);
    }

    private JsonObject? Plain(SchemaCatalog catalog, string path)
    {
        if (path == $"/apis/{group}/{version}")
        {
            var list = DiscoveryDocuments.ResourceList(catalog, group, version)!;
            ((JsonArray)list["resources"]!).Add((JsonNode)new JsonObject
            {
                ["name"] = Proxied, ["singularName"] = "", ["namespaced"] = false, ["kind"] = "ClusterProxy", ["verbs"] = ProxyVerbs.ToJsonArray(),
            });
            return list;
        }

        return path switch
        {
            "/apis" => DiscoveryDocuments.GroupList(catalog),
            "/version" => VersionInfo.Current.ToJson(),
            _ when path == $"/apis/{group}" => DiscoveryDocuments.Group(catalog, group),
            _ => null,
        };
    }

    private JsonObject Aggregated(SchemaCatalog catalog, string v)
    {
        var document = DiscoveryDocuments.Aggregated(catalog, core: false);
        document["apiVersion"] = $"apidiscovery.k8s.io/{v}";
        // A part of something that cannot itself be read.
        ((JsonArray)document["items"]![0]!["versions"]![0]!["resources"]!).Add((JsonNode)new JsonObject
        {
            ["resource"] = "clusters",
            ["scope"] = "Cluster",
            ["singularResource"] = "",
            ["verbs"] = new JsonArray(),
            ["subresources"] = new JsonArray(new JsonObject
            {
                ["subresource"] = "proxy", ["responseKind"] = new JsonObject { ["group"] = group, ["version"] = version, ["kind"] = "ClusterProxy" }, ["verbs"] = ProxyVerbs.ToJsonArray(),
            }),
        });
        return document;
    }
}
