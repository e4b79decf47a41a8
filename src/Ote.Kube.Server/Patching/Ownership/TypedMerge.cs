using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Merges an applied configuration, which has passed <see cref="TypedCheck"/>, over a live object. Pure but for the live object given.</summary>
internal sealed class TypedMerge(TypedKind kind)
{
    /// <summary>Merges into the live object, in place, in the part that an apply reaches.</summary>
    public void Into(JsonObject live, JsonObject applied)
    {
        foreach ((string name, JsonNode? value) in applied)
        {
            if (kind.Applies(name))
                Field(kind.Schema, live, name, value);
        }
    }

    private void Field(SchemaNode? schema, JsonObject live, string name, JsonNode? applied)
    {
        JsonNode? before = live[name];
        JsonNode? merged = Value(kind.Shapes.Below(schema, name), before, applied);
        if (merged is null || !ReferenceEquals(before, merged))
            live[name] = merged;
    }

    /// <summary>The merged value: the live node itself, changed, or a new one.</summary>
    private JsonNode? Value(SchemaNode? schema, JsonNode? live, JsonNode? applied)
    {
        Shape shape = kind.Shapes.Of(schema, applied ?? live);
        if (shape == Shape.Map && live is JsonObject map)
        {
            foreach ((string name, JsonNode? value) in applied as JsonObject ?? [])
                Field(schema, map, name, value);
            return map;
        }
        if (shape is Shape.Keyed or Shape.Set && live is JsonArray list)
        {
            if (applied is JsonArray wanted)
                List(schema!, list, wanted);
            return list;
        }
        return applied?.DeepClone();
    }

    /// <summary>
    /// Elements of the configuration keep their order among themselves, those of the live list alone theirs, and each of these stays before the same
    /// common element as it was.
    /// </summary>
    private void List(SchemaNode schema, JsonArray live, JsonArray applied)
    {
        List<(PathElement? Step, JsonNode? Node)> old = [.. live.Select(e => (kind.Shapes.Element(schema, e), e))];
        PathElement[] wanted = [.. applied.Select(e => kind.Shapes.Element(schema, e)!.Value)];
        HashSet<PathElement> applies = [.. wanted];
        HashSet<PathElement> done = [];
        ILookup<PathElement, JsonNode?> known = old.Where(o => o.Step is not null).ToLookup(o => o.Step!.Value, o => o.Node);
        Queue<PathElement> common = new(wanted.Where(known.Contains));
        live.Clear();
        int at = 0, next = 0;
        while (at < old.Count || next < wanted.Length)
        {
            PathElement? here = at < old.Count ? old[at].Step : null;
            bool isShared = here is { } step && applies.Contains(step);
            if (at < old.Count && !isShared)
            {
                live.Add(old[at++].Node);
                continue;
            }
            if (at < old.Count && (done.Contains(here!.Value) || (next < wanted.Length && here != wanted[next] && here != common.Peek())))
            {
                // Stands, or will stand, where the configuration has it.
                at++;
                continue;
            }
            PathElement taken = wanted[next];
            done.Add(taken);
            if (common.Count > 0 && common.Peek() == taken)
                common.Dequeue();
            // Twins in the live list give way to the one that is applied.
            JsonNode? twin = known[taken].Count() == 1 ? known[taken].First() : null;
            live.Add(twin is null ? applied[next]?.DeepClone() : Value(schema.Items, twin, applied[next]));
            next++;
        }
    }
}
