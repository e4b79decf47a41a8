using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.OpenApi;

namespace Ote.Kube.Server.Schema;

/// <summary>
/// The OpenAPI documents. Each is put together anew for a call, from the definitions that it needs, and belongs to the caller: keep its bytes as long
/// as the catalog.
/// </summary>
public sealed partial class SchemaCatalog
{
    /// <summary>Counts up when documents of the same data are written differently, so that clients drop what they cached.</summary>
    private const int DocumentForm = 1;

    /// <summary>The OpenAPI v2 document of all served kinds, as <c>/openapi/v2</c> answers it in JSON.</summary>
    public JsonObject OpenApiV2()
    {
        DefinitionSet definitions = new(Data, OpenApiDialect.V2);
        JsonObject paths = Paths(definitions, All, v3: false);
        return new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = Info(),
            ["paths"] = paths,
            ["definitions"] = definitions.ToJson(),
        };
    }

    /// <summary>The index of OpenAPI v3 documents, as <c>/openapi/v3</c> answers it: the path of each group version with a hash of its content.</summary>
    public JsonObject OpenApiV3Index()
    {
        JsonObject paths = [];
        foreach (IGrouping<string, KindInfo> group in All.GroupBy(DocumentPath).OrderBy(g => g.Key, StringComparer.Ordinal))
            paths[group.Key] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{group.Key}?hash={Hash(group)}" };
        return new JsonObject { ["paths"] = paths };
    }

    /// <summary>The OpenAPI v3 document of one group version, by its path in the index: <c>api/v1</c>, <c>apis/apps/v1</c>. Null when nothing is served there.</summary>
    public JsonObject? OpenApiV3(string groupVersionPath)
    {
        List<KindInfo> kinds = [.. All.Where(k => DocumentPath(k) == groupVersionPath)];
        if (kinds.Count == 0)
            return null;
        DefinitionSet definitions = new(Data, OpenApiDialect.V3);
        JsonObject paths = Paths(definitions, kinds, v3: true);
        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = definitions.ToJson() },
        };
    }

    private static JsonObject Paths(DefinitionSet definitions, IEnumerable<KindInfo> kinds, bool v3)
    {
        PathItems items = new(definitions, v3);
        JsonObject paths = [];
        foreach (KindInfo kind in kinds)
        {
            definitions.Add(kind);
            items.AddTo(paths, kind);
        }
        return paths;
    }

    private static JsonObject Info() => new() { ["title"] = "Kubernetes", ["version"] = "v1.36.0" };

    private static string DocumentPath(KindInfo kind) => (kind.Group.Length == 0 ? "api/" : "apis/") + kind.ApiVersion;

    private string Hash(IEnumerable<KindInfo> kinds)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{DocumentForm} {Data.Fingerprint}")));
        foreach (KindInfo kind in kinds)
            hash.AppendData(Encoding.UTF8.GetBytes(kind.DefinitionName + kind.SchemaSource?.ToJsonString(ObjectJson.Plain)));
        return Convert.ToHexString(hash.GetCurrentHash());
    }
}
