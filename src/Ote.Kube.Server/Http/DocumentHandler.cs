using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Answers what is no object: health, version, discovery and OpenAPI.</summary>
internal sealed class DocumentHandler(VersionInfo version, ServiceAccountTokens tokens, Func<Task<StoreFailedException?>> health)
{
    // What kubectl asks for has an @ that its own parser of media types refuses in answers.
    private const string Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    private const string Discovery = "/.well-known/openid-configuration";
    private const string Keys = "/openid/v1/jwks";

    /// <summary>What can be asked for one by one. The store goes by the name that clients know.</summary>
    private static readonly string[] Checks = ["ping", "log", "etcd"];

    private DocumentCache _cache = new(SchemaCatalog.BuiltIn);

    public async Task HandleAsync(HttpContext context, SchemaCatalog catalog, string path)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            throw ApiError.MethodNotAllowed();
        }

        path = path.Length > 1 ? path.TrimEnd('/') : path;
        if (path.Split('/') is ["", "healthz" or "livez" or "readyz", .. var check] && (check.Length == 0 || (check.Length == 1 && Checks.Contains(check[0]))))
        {
            await HealthAsync(context, path[1..], check).ConfigureAwait(false);
            return;
        }

        if (path is Discovery or Keys)
        {
            await (path == Keys
                ? Answers.JsonAsync(context, 200, tokens.PublicKeys(), "application/jwk-set+json")
                : Answers.JsonAsync(context, 200, Issuer(context.Request))).ConfigureAwait(false);
            return;
        }

        var cache = CacheOf(catalog);
        var (body, type) = path switch
        {
            "/openapi/v2" => OpenApiV2(context, catalog, cache),
            // The index names absolute paths: below a prefix they are that host's, so it is written for each request.
            "/openapi/v3" when context.Request.PathBase.HasValue => (Answers.Bytes(Index(catalog, context.Request.PathBase.Value!)), "application/json"),
            "/api" or "/apis" when Accepts.Aggregated(context.Request.Headers.Accept) is { } v =>
                (cache.Get($"{path}?{v}", () => Aggregated(catalog, path, v)), $"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList"),
            _ => (cache.Get(path, () => Plain(catalog, path)), "application/json"),
        };
        if (path is "/api" or "/apis")
        {
            context.Response.Headers.Vary = "Accept";
        }

        await Answers.JsonAsync(context, 200, body ?? throw ApiError.NoSuchPath(), type).ConfigureAwait(false);
    }

    /// <summary>How others check tokens of service accounts: OpenID Connect Discovery, as much of it as the real server tells.</summary>
    private JsonObject Issuer(HttpRequest request) => new()
    {
        ["issuer"] = tokens.Issuer,
        ["jwks_uri"] = $"https://{request.Host}{request.PathBase}{Keys}",
        ["response_types_supported"] = new JsonArray("id_token"),
        ["subject_types_supported"] = new JsonArray("public"),
        ["id_token_signing_alg_values_supported"] = new JsonArray(TokenSigner.Algorithm),
    };

    /// <summary>
    /// Only readyz asks the store: a server that cannot write is alive, answers reads, and is no better after a restart. The cause is named without the file: anyone may ask.
    /// </summary>
    private async Task HealthAsync(HttpContext context, string of, string[] check)
    {
        var trouble = of.StartsWith("readyz", StringComparison.Ordinal) && check is [] or ["etcd"] ? await health().ConfigureAwait(false) : null;
        if (trouble is not null && check.Length > 0)
        {
            await Answers.TextAsync(context, 500, $"internal server error: {StoreFault.Name(trouble.Trouble)}\n").ConfigureAwait(false);
            return;
        }

        if (trouble is null && (check.Length > 0 || !context.Request.Query.Flag("verbose")))
        {
            await Answers.TextAsync(context, 200, "ok").ConfigureAwait(false);
            return;
        }

        var all = string.Concat(Checks.Select(name => name == "etcd" && trouble is not null ? $"[-]{name} failed: {StoreFault.Name(trouble.Trouble)}\n" : $"[+]{name} ok\n"));
        await Answers.TextAsync(context, trouble is null ? 200 : 500, $"{all}{of} check {(trouble is null ? "passed" : "failed")}\n").ConfigureAwait(false);
    }

    private static (byte[]? Body, string Type) OpenApiV2(HttpContext context, SchemaCatalog catalog, DocumentCache cache)
    {
        var accept = context.Request.Headers.Accept.ToString();
        // kubectl asks for protobuf alone and reads nothing else.
        return accept.Contains("proto-openapi.spec.v2", StringComparison.Ordinal)
            ? (cache.Get("/openapi/v2?protobuf", () => OpenApiProtobuf.Encode(catalog.OpenApiV2())), Protobuf)
            : (cache.Get("/openapi/v2", () => Answers.Bytes(catalog.OpenApiV2())), "application/json");
    }

    private static byte[] Aggregated(SchemaCatalog catalog, string path, string v)
    {
        var document = DiscoveryDocuments.Aggregated(catalog, path == "/api");
        document["apiVersion"] = $"apidiscovery.k8s.io/{v}";
        return Answers.Bytes(document);
    }

    private byte[]? Plain(SchemaCatalog catalog, string path)
    {
        JsonObject? document = path.Split('/') switch
        {
            ["", ""] => Paths(catalog),
            ["", "version"] => version.ToJson(),
            ["", "api"] => DiscoveryDocuments.ApiVersions(),
            ["", "apis"] => DiscoveryDocuments.GroupList(catalog),
            ["", "api", var v] => DiscoveryDocuments.ResourceList(catalog, "", v),
            ["", "apis", var group] => DiscoveryDocuments.Group(catalog, group),
            ["", "apis", var group, var v] => DiscoveryDocuments.ResourceList(catalog, group, v),
            ["", "openapi", "v3"] => catalog.OpenApiV3Index(),
            ["", "openapi", "v3", .. var rest] => catalog.OpenApiV3(string.Join('/', rest)),
            _ => null,
        };
        return document is null ? null : Answers.Bytes(document);
    }

    private static JsonObject Index(SchemaCatalog catalog, string prefix)
    {
        var index = catalog.OpenApiV3Index();
        foreach (var (_, entry) in (JsonObject)index["paths"]!)
        {
            entry!["serverRelativeURL"] = prefix + (string)entry["serverRelativeURL"]!;
        }

        return index;
    }

    private static JsonObject Paths(SchemaCatalog catalog)
    {
        var groups = catalog.All.Where(kind => kind.Group.Length > 0).Select(kind => kind.Group).Distinct().Order(StringComparer.Ordinal);
        var versions = catalog.All.Where(kind => kind.Group.Length > 0).Select(kind => kind.ApiVersion).Distinct().Order(StringComparer.Ordinal);
        string[] paths =
        [
            Discovery, "/api", "/api/v1", "/apis", .. groups.Select(g => $"/apis/{g}"), .. versions.Select(v => $"/apis/{v}"),
            "/healthz", "/livez", "/openapi/v2", "/openapi/v3", Keys, "/readyz", "/version",
        ];
        return new JsonObject { ["paths"] = new JsonArray([.. paths.Select(p => (JsonNode)p)]) };
    }

    private DocumentCache CacheOf(SchemaCatalog catalog)
    {
        var cache = Volatile.Read(ref _cache);
        if (!ReferenceEquals(cache.Catalog, catalog))
        {
            cache = new DocumentCache(catalog);
            Volatile.Write(ref _cache, cache);
        }

        return cache;
    }

    /// <summary>Documents already written out for one catalog. Bounded: paths that lead to none are not kept.</summary>
    private sealed class DocumentCache(SchemaCatalog catalog)
    {
        private readonly ConcurrentDictionary<string, byte[]> _documents = new(StringComparer.Ordinal);

        public SchemaCatalog Catalog => catalog;

        public byte[]? Get(string key, Func<byte[]?> make)
        {
            if (_documents.TryGetValue(key, out var known))
            {
                return known;
            }

            if (make() is not { } fresh)
            {
                return null;
            }

            _documents[key] = fresh;
            return fresh;
        }
    }
}
