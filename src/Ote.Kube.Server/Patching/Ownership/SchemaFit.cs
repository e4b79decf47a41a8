using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// Fits a set of fields to the schema of today and the live object. Who owned something in a list or map that is atomic now owns it as a whole; who owns
/// a map or list as a whole, and nothing in it, owns all that is in it now. What no schema describes stays as it is. Pure.
/// </summary>
internal sealed class SchemaFit(TypedKind kind)
{
    private readonly AppliedFields _fields = new(kind);

    /// <summary>The set as it fits; the same instance when it does already.</summary>
    public FieldSet Of(FieldSet set, JsonObject live) => Below(kind.Schema, set, live);

    private FieldSet Below(SchemaNode? schema, FieldSet set, JsonNode? live)
    {
        List<FieldSet.Branch>? result = null;
        Dictionary<PathElement, JsonNode?>? elements = null;
        ReadOnlySpan<FieldSet.Branch> branches = set.Branches;
        for (int i = 0; i < branches.Length; i++)
        {
            FieldSet.Branch branch = branches[i];
            SchemaNode? below = branch.Element.IsField ? kind.Shapes.Below(schema, branch.Element.Name) : schema?.Items;
            JsonNode? value = null;
            if (branch.Element.IsField)
                value = (live as JsonObject)?[branch.Element.Name];
            else if (live is JsonArray list && below is { Type: SchemaType.Object or SchemaType.Any })
                (elements ??= Elements(schema!, list)).TryGetValue(branch.Element, out value);
            FieldSet.Branch fitted = below is null || FieldShapes.IsFree(below) ? branch : Fitted(branch, below, value);
            if (result is null && !(fitted.IsMember == branch.IsMember && ReferenceEquals(fitted.Below, branch.Below)))
                result = [.. branches[..i]];
            result?.Add(fitted);
        }
        return result is null ? set : FieldSet.Of(result);
    }

    private FieldSet.Branch Fitted(FieldSet.Branch branch, SchemaNode schema, JsonNode? value)
    {
        if (branch.Below.IsEmpty)
            return value is JsonObject { Count: > 0 } or JsonArray { Count: > 0 } && kind.Shapes.Of(schema, value) != Shape.Leaf ? branch with { Below = _fields.In(schema, value) } : branch;
        return FieldShapes.IsAtomic(schema) ? new(branch.Element, true, FieldSet.Empty) : branch with { Below = Below(schema, branch.Below, value) };
    }

    private Dictionary<PathElement, JsonNode?> Elements(SchemaNode schema, JsonArray list)
    {
        Dictionary<PathElement, JsonNode?> elements = new(list.Count);
        foreach (JsonNode? element in list)
        {
            if (kind.Shapes.Element(schema, element) is { } step)
                elements.TryAdd(step, element);
        }
        return elements;
    }
}
