using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>The fields that an object states: what its applier comes to own, and what of an object there is to take away. Pure.</summary>
internal sealed class AppliedFields(TypedKind kind)
{
    /// <summary>The fields of an object in the part that an apply reaches.</summary>
    public FieldSet Of(JsonObject obj)
    {
        List<FieldSet.Branch>? branches = null;
        foreach ((string name, JsonNode? value) in obj)
        {
            if (kind.Applies(name))
                Field(kind.Schema, name, value, ref branches);
        }
        return FieldSet.Of(branches);
    }

    /// <summary>The fields in a value.</summary>
    public FieldSet In(SchemaNode schema, JsonNode value) => FieldSet.Of(Value(schema, value).Below);

    private void Field(SchemaNode? schema, string name, JsonNode? value, ref List<FieldSet.Branch>? into)
    {
        SchemaNode? field = kind.Shapes.Below(schema, name);
        (bool leaf, List<FieldSet.Branch>? below) = Value(field, value);
        // Of named fields only their content is owned, of a map's entries the entry too.
        bool named = schema?.Properties.ContainsKey(name) == true;
        if (leaf || !named || below is not null)
            (into ??= []).Add(new FieldSet.Branch(PathElement.Field(name), leaf || !named, FieldSet.Of(below)));
    }

    private (bool Leaf, List<FieldSet.Branch>? Below) Value(SchemaNode? schema, JsonNode? value)
    {
        List<FieldSet.Branch>? below = null;
        switch (kind.Shapes.Of(schema, value))
        {
            case Shape.Map:
                JsonObject map = (JsonObject)value!;
                foreach ((string name, JsonNode? of) in map)
                    Field(schema, name, of, ref below);
                return (map.Count == 0, below);
            case Shape.Keyed or Shape.Set:
                Dictionary<PathElement, FieldSet> elements = [];
                foreach (JsonNode? element in (JsonArray)value!)
                {
                    if (kind.Shapes.Element(schema!, element) is not { } step)
                        return (true, null);
                    FieldSet fields = FieldSet.Of(Value(schema!.Items, element).Below);
                    elements[step] = elements.TryGetValue(step, out FieldSet? twin) ? twin.Union(fields) : fields;
                }
                return (false, elements.Count == 0 ? null : [.. elements.Select(e => new FieldSet.Branch(e.Key, true, e.Value))]);
            default:
                return (true, null);
        }
    }
}
