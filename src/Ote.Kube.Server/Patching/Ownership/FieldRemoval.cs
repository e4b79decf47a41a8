using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Takes fields out of an object. A map or list that it empties goes too: an empty one would say what nobody said.</summary>
internal static class FieldRemoval
{
    /// <summary>Removes the members of a set, in place.</summary>
    public static void From(TypedKind kind, JsonObject obj, FieldSet fields) => FromMap(kind, kind.Schema, obj, fields);

    /// <summary>
    /// The set with each named field in it, not only what is below: a named field goes when all that is in it goes, an entry of a map only when it is
    /// a member itself.
    /// </summary>
    public static FieldSet WithNamedFields(TypedKind kind, FieldSet set) => WithNamedFields(kind, kind.Schema, set);

    private static FieldSet WithNamedFields(TypedKind kind, SchemaNode? schema, FieldSet set)
    {
        List<FieldSet.Branch> branches = new(set.Branches.Length);
        foreach (FieldSet.Branch branch in set.Branches)
        {
            bool field = branch.Element.IsField;
            SchemaNode? below = field ? kind.Shapes.Below(schema, branch.Element.Name) : schema?.Items;
            bool named = field && schema?.Properties.ContainsKey(branch.Element.Name) == true;
            branches.Add(new FieldSet.Branch(branch.Element, branch.IsMember || named, WithNamedFields(kind, below, branch.Below)));
        }
        return FieldSet.Of(branches);
    }

    private static void FromMap(TypedKind kind, SchemaNode? schema, JsonObject map, FieldSet fields)
    {
        foreach (FieldSet.Branch branch in fields.Branches)
        {
            if (!branch.Element.IsField || !map.TryGetPropertyValue(branch.Element.Name, out JsonNode? value))
                continue;
            if (branch.IsMember || IsEmptied(kind, kind.Shapes.Below(schema, branch.Element.Name), value, branch.Below))
                map.Remove(branch.Element.Name);
        }
    }

    /// <summary>Removes what is below a value; whether nothing is left of it.</summary>
    private static bool IsEmptied(TypedKind kind, SchemaNode? schema, JsonNode? value, FieldSet below)
    {
        switch (kind.Shapes.Of(schema, value))
        {
            case Shape.Map when value is JsonObject { Count: > 0 } map:
                FromMap(kind, schema, map, below);
                return map.Count == 0;
            case Shape.Keyed or Shape.Set when value is JsonArray { Count: > 0 } list:
                for (int i = list.Count - 1; i >= 0; i--)
                {
                    if (kind.Shapes.Element(schema!, list[i]) is { } step && below.Find(step) is { } branch
                        && (branch.IsMember || IsEmptied(kind, schema!.Items, list[i], branch.Below)))
                        list.RemoveAt(i);
                }
                return list.Count == 0;
            default:
                return false;
        }
    }
}
