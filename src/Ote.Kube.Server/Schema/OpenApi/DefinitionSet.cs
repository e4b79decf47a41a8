using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.OpenApi;

/// <summary>
/// Collects the definitions that a document needs: those asked for and whatever they refer to. Built-in ones come from the bundled data, custom
/// ones from their CRD.
/// </summary>
internal sealed class DefinitionSet(SchemaData data, OpenApiDialect dialect)
{
    private const string DataPrefix = "#/definitions/";
    private readonly SortedDictionary<string, JsonObject> _definitions = new(StringComparer.Ordinal);

    /// <summary>A reference to a definition, which becomes part of the set.</summary>
    public JsonObject Refer(string name)
    {
        Add(name);
        return new JsonObject { ["$ref"] = dialect.ReferencePrefix + name };
    }

    /// <summary>Adds a served kind and its list.</summary>
    public void Add(KindInfo kind)
    {
        if (kind.IsCustom)
            AddCustom(kind);
        else
        {
            Add(kind.DefinitionName);
            Add(kind.DefinitionName + "List");
        }
    }

    public JsonObject ToJson()
    {
        JsonObject all = [];
        foreach ((string name, JsonObject definition) in _definitions)
            all[name] = definition;
        return all;
    }

    private void Add(string name)
    {
        if (_definitions.ContainsKey(name) || !data.Has(name))
            return;
        JsonObject raw = data.Raw(name);
        _definitions[name] = raw;
        // Two definitions carry the kind of every group there is; clients look a definition up by kind, so only core's is kept.
        if (raw["x-kubernetes-group-version-kind"] is JsonArray { Count: > 1 } kinds)
            raw["x-kubernetes-group-version-kind"] = new JsonArray(kinds[0]!.DeepClone());
        dialect.Adapt(raw, name);
        Follow(raw);
    }

    private void AddCustom(KindInfo kind)
    {
        JsonObject schema = kind.SchemaSource?.DeepClone().AsObject() ?? new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        dialect.AdaptCustom(schema);
        if (schema["type"] is not null || schema["properties"] is not null)
        {
            if (schema["properties"] is not JsonObject properties)
                schema["properties"] = properties = [];
            AddObjectFields(properties, "ObjectMeta");
        }
        schema["x-kubernetes-group-version-kind"] = GroupVersionKind(kind, kind.Kind);
        _definitions[kind.DefinitionName] = schema;
        JsonObject list = new() { ["items"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = dialect.ReferencePrefix + kind.DefinitionName } } };
        AddObjectFields(list, "ListMeta");
        _definitions[kind.DefinitionName + "List"] = new JsonObject
        {
            ["type"] = "object",
            ["required"] = new JsonArray("items"),
            ["properties"] = list,
            ["x-kubernetes-group-version-kind"] = GroupVersionKind(kind, kind.ListKind),
        };
    }

    private void AddObjectFields(JsonObject properties, string meta)
    {
        properties["apiVersion"] = new JsonObject { ["type"] = "string" };
        properties["kind"] = new JsonObject { ["type"] = "string" };
        properties["metadata"] = Refer("io.k8s.apimachinery.pkg.apis.meta.v1." + meta);
    }

    internal static JsonArray GroupVersionKind(KindInfo kind, string name) =>
        new(new JsonObject { ["group"] = kind.Group, ["kind"] = name, ["version"] = kind.Version });

    /// <summary>Rewrites references to the dialect's form and adds what they refer to.</summary>
    private void Follow(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                if (map["$ref"].Text() is { } target && target.StartsWith(DataPrefix, StringComparison.Ordinal))
                {
                    string name = target[DataPrefix.Length..];
                    dialect.Refer(map, name);
                    Add(name);
                    return;
                }
                foreach ((_, JsonNode? value) in map.ToList())
                    Follow(value);
                break;
            case JsonArray list:
                foreach (JsonNode? element in list)
                    Follow(element);
                break;
        }
    }
}
