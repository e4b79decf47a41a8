using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Rules;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>
/// Whether a schema says of a list how its elements are told apart so that it can be done: by keys that each element has, or by values that can be compared.
/// https://kubernetes.io/docs/reference/using-api/server-side-apply/#custom-resources-and-server-side-apply
/// </summary>
internal static class ListSchema
{
    private static readonly string[] s_types = ["atomic", "map", "set"];
    private static readonly string[] s_scalars = ["string", "integer", "number", "boolean"];

    public static void Check(JsonObject schema, string path, Faults faults)
    {
        string? list = schema.TextAt("x-kubernetes-list-type");
        List<string> keys = [.. schema.TextsAt("x-kubernetes-list-map-keys")];
        if (list is not null && !s_types.Contains(list))
            faults.Add(FieldError.NotSupported(path + ".x-kubernetes-list-type", list, s_types));
        if (list is not null && schema.TextAt("type") != "array")
            faults.Invalid(path + ".type", schema.TextAt("type") ?? "", "must be array if x-kubernetes-list-type is specified");
        if (keys.Count > 0 && list is null)
            faults.Required(path + ".x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty");
        else if (keys.Count > 0 && list != "map")
            faults.Invalid(path + ".x-kubernetes-list-type", list, ["must be map if x-kubernetes-list-map-keys is non-empty"]);
        JsonObject? items = schema.ObjectAt("items");
        if (list == "map")
            Map(schema, items, keys, path, faults);
        else if (list == "set" && items is not null)
            Set(items, path + ".items", faults);
    }

    private static void Map(JsonObject schema, JsonObject? items, List<string> keys, string path, Faults faults)
    {
        if (keys.Count == 0)
            faults.Required(path + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
        if (keys.Distinct().Count() < keys.Count)
            faults.Invalid(path + ".x-kubernetes-list-map-keys", schema["x-kubernetes-list-map-keys"], "must not contain duplicate entries");
        if (items is null)
            return;
        if (items.TextAt("type") is { Length: > 0 } type && type != "object")
        {
            faults.Invalid(path + ".items.type", type, "must be object if parent array's x-kubernetes-list-type is map");
            return;
        }
        HashSet<string> required = [.. items.TextsAt("required")];
        foreach (string key in keys.Distinct())
        {
            if (items.ObjectAt("properties", key) is not { } property)
            {
                faults.Invalid(path + ".x-kubernetes-list-map-keys", schema["x-kubernetes-list-map-keys"], "entries must all be names of item properties");
                continue;
            }
            string at = $"{path}.items.properties[{key}]";
            if (property["nullable"].IsTrue())
                faults.Forbidden(at + ".nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
            if (property["default"] is null && !required.Contains(key))
                faults.Required(at + ".default", "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
            if (property.TextAt("type") is { Length: > 0 } scalar && !s_scalars.Contains(scalar))
                faults.Invalid(at + ".type", scalar, "must be a scalar type if parent array's x-kubernetes-list-type is map");
        }
    }

    private static void Set(JsonObject items, string path, Faults faults)
    {
        if (items["nullable"].IsTrue())
            faults.Forbidden(path + ".nullable", "cannot be nullable when x-kubernetes-list-type is set");
        if (items.TextAt("type") == "object" && items.TextAt("x-kubernetes-map-type") != "atomic")
            faults.Invalid(path + ".x-kubernetes-map-type", items["x-kubernetes-map-type"], "must be atomic as item of a list with x-kubernetes-list-type=set");
        if (items.TextAt("type") == "array" && items.TextAt("x-kubernetes-list-type") is not (null or "atomic"))
            faults.Invalid(path + ".x-kubernetes-list-type", items["x-kubernetes-list-type"], "must be atomic as item of a list with x-kubernetes-list-type=set");
    }
}
