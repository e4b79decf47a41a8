using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.OpenApi;

/// <summary>
/// The paths of a kind, with as much about their operations as clients look for: the kind that an operation is about, its body, and which
/// query parameters it takes (kubectl asks whether dryRun and fieldValidation are known before it sends them).
/// </summary>
internal sealed class PathItems(DefinitionSet definitions, bool v3)
{
    private const string DeleteOptions = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    private const string Patch = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
    private const string Scale = "io.k8s.api.autoscaling.v1.Scale";

    private static readonly string[] s_patchTypes =
        ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"];

    /// <summary>Newer kubectls choose by this list: custom kinds know no strategic merge.</summary>
    private static string[] PatchTypes(KindInfo kind) => kind.IsCustom ? s_patchTypes[..^1] : s_patchTypes;

    public void AddTo(JsonObject paths, KindInfo kind)
    {
        string root = (kind.Group.Length == 0 ? "/api/" : "/apis/") + kind.ApiVersion + "/";
        string collection = root + (kind.Namespaced ? "namespaces/{namespace}/" : "") + kind.Plural;
        JsonObject many = Item(kind.Namespaced, named: false);
        AddOperation(many, kind, "get", "list", kind.DefinitionName + "List", null);
        AddOperation(many, kind, "post", "create", kind.DefinitionName, kind.DefinitionName);
        AddOperation(many, kind, "delete", "deletecollection", null, DeleteOptions);
        paths[collection] = many;
        paths[collection + "/{name}"] = One(kind, kind.DefinitionName, kind.Kind, kind.Verbs);
        if (kind.Namespaced)
        {
            JsonObject everywhere = Item(namespaced: false, named: false);
            AddOperation(everywhere, kind, "get", "list", kind.DefinitionName + "List", null);
            paths[root + kind.Plural] = everywhere;
        }
        foreach (SubresourceInfo part in kind.Subresources.Where(s => s.Name is "status" or "scale" or "ephemeralcontainers"))
            paths[collection + "/{name}/" + part.Name] = One(kind, part.Name == "scale" ? Scale : kind.DefinitionName, part.Kind, part.Verbs, part);
    }

    private JsonObject One(KindInfo kind, string definition, string name, IReadOnlyList<string> verbs, SubresourceInfo? part = null)
    {
        JsonObject item = Item(kind.Namespaced, named: true);
        AddOperation(item, kind, "get", "get", definition, null, verbs, part);
        AddOperation(item, kind, "put", "update", definition, definition, verbs, part);
        AddOperation(item, kind, "patch", "patch", definition, Patch, verbs, part);
        if (part is null)
            AddOperation(item, kind, "delete", "delete", "io.k8s.apimachinery.pkg.apis.meta.v1.Status", DeleteOptions, verbs);
        return item;
    }

    private void AddOperation(
        JsonObject item, KindInfo kind, string method, string verb, string? answer, string? body, IReadOnlyList<string>? verbs = null, SubresourceInfo? part = null)
    {
        if (!(verbs ?? kind.Verbs).Contains(verb))
            return;
        string action = method switch { "get" when verb == "list" => "list", "patch" => "patch", _ => method };
        JsonObject operation = new()
        {
            ["operationId"] = $"{verb}{kind.GroupVersionName()}{kind.Kind}{part?.Name}",
            ["x-kubernetes-action"] = action,
            ["x-kubernetes-group-version-kind"] = new JsonObject
            {
                ["group"] = part?.Group ?? kind.Group,
                ["kind"] = part?.Kind ?? kind.Kind,
                ["version"] = part?.Version ?? kind.Version,
            },
        };
        JsonArray parameters = new([.. QueryNames(verb).Select(n => (JsonNode)Parameter(n, "query", n == "limit" ? "integer" : n is "force" or "watch" ? "boolean" : "string"))]);
        if (body is not null && v3)
            operation["requestBody"] = Body(definitions.Refer(body), method == "patch" ? PatchTypes(kind) : ["application/json"]);
        else if (body is not null)
        {
            parameters.Insert(0, new JsonObject { ["in"] = "body", ["name"] = "body", ["required"] = verb != "delete", ["schema"] = definitions.Refer(body) });
            operation["consumes"] = method == "patch" ? PatchTypes(kind).ToJsonArray() : new JsonArray("*/*");
        }
        if (!v3)
            operation["produces"] = new JsonArray("application/json");
        operation["parameters"] = parameters;
        JsonObject ok = new() { ["description"] = "OK" };
        if (answer is not null && v3)
            ok["content"] = Content(definitions.Refer(answer), ["application/json"]);
        else if (answer is not null)
            ok["schema"] = definitions.Refer(answer);
        operation["responses"] = new JsonObject { ["200"] = ok };
        item[method] = operation;
    }

    private static string[] QueryNames(string verb) => verb switch
    {
        "list" => ["continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "watch"],
        "create" or "update" => ["dryRun", "fieldManager", "fieldValidation"],
        "patch" => ["dryRun", "fieldManager", "fieldValidation", "force"],
        "delete" or "deletecollection" => ["dryRun", "propagationPolicy"],
        _ => [],
    };

    private JsonObject Item(bool namespaced, bool named)
    {
        List<JsonNode> parameters = [];
        if (named)
            parameters.Add(Parameter("name", "path", "string"));
        if (namespaced)
            parameters.Add(Parameter("namespace", "path", "string"));
        return parameters.Count == 0 ? [] : new JsonObject { ["parameters"] = new JsonArray([.. parameters]) };
    }

    private JsonObject Parameter(string name, string where, string type)
    {
        JsonObject parameter = new() { ["name"] = name, ["in"] = where };
        if (where == "path")
            parameter["required"] = true;
        if (v3)
            parameter["schema"] = new JsonObject { ["type"] = type, ["uniqueItems"] = true };
        else
        {
            parameter["type"] = type;
            parameter["uniqueItems"] = true;
        }
        return parameter;
    }

    private static JsonObject Body(JsonObject reference, string[] types) => new() { ["content"] = Content(reference, types), ["required"] = true };

    private static JsonObject Content(JsonObject reference, string[] types)
    {
        JsonObject content = [];
        foreach (string type in types)
            content[type] = new JsonObject { ["schema"] = reference.DeepClone() };
        return content;
    }
}
