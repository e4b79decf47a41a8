using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Which fields differ between two forms of an object.</summary>
/// <param name="Added">Fields that only the later form has, each map and list among them itself.</param>
/// <param name="Modified">Fields of both with different values.</param>
/// <param name="Removed">Fields that only the earlier form has.</param>
internal sealed record FieldChanges(FieldSet Added, FieldSet Modified, FieldSet Removed)
{
    public static FieldChanges None { get; } = new(FieldSet.Empty, FieldSet.Empty, FieldSet.Empty);

    public bool IsNone => Added.IsEmpty && Modified.IsEmpty && Removed.IsEmpty;

    /// <summary>What the writer of the later form wrote.</summary>
    public FieldSet Written => Modified.Union(Added);

    public FieldChanges Without(FieldSet left) => new(Added.Difference(left), Modified.Difference(left), Removed.Difference(left));
}

/// <summary>
/// Compares two forms of an object by their schema: elements of keyed lists and sets by their keys whatever their order, atomic lists and maps as a
/// whole. What is equal costs a walk and no memory. Pure.
/// </summary>
internal sealed class FieldComparison(TypedKind kind)
{
    private readonly FieldShapes _shapes = kind.Shapes;

    /// <summary>What became of a value itself, whatever became of what is in it.</summary>
    private enum Self
    {
        None,
        Added,
        Modified,
        Removed,
    }

    /// <summary>A value, or that there is none.</summary>
    private readonly record struct Slot(bool There, JsonNode? Node)
    {
        public bool IsNothing => Node is null or JsonObject { Count: 0 } or JsonArray { Count: 0 };
    }

    private struct Level
    {
        public List<FieldSet.Branch>? Added, Modified, Removed;

        /// <summary>How many fields there may be; 0 for the usual few.</summary>
        public int Expected;

        public readonly FieldChanges ToChanges() => Added is null && Modified is null && Removed is null
            ? FieldChanges.None : new(FieldSet.Of(Added), FieldSet.Of(Modified), FieldSet.Of(Removed));

        public void Put(PathElement element, Self self, in Level below)
        {
            Put(ref Added, Expected, element, self == Self.Added, below.Added);
            Put(ref Modified, 0, element, self == Self.Modified, below.Modified);
            Put(ref Removed, 0, element, self == Self.Removed, below.Removed);
        }

        private static void Put(ref List<FieldSet.Branch>? into, int expected, PathElement element, bool member, List<FieldSet.Branch>? below)
        {
            if (member || below is not null)
                (into ??= new List<FieldSet.Branch>(expected)).Add(new FieldSet.Branch(element, member, FieldSet.Of(below)));
        }
    }

    /// <summary>The differences of two whole objects in the fields that the kind tracks.</summary>
    public FieldChanges Compare(JsonObject before, JsonObject after)
    {
        Level level = default;
        Maps(kind.Schema, before, after, kind.Tracks, ref level);
        return level.ToChanges();
    }

    private void Maps(SchemaNode? schema, JsonObject? before, JsonObject? after, Func<string, bool>? tracks, ref Level level)
    {
        bool throughout = before is not null && after is not null;
        level.Expected = before is null ? after?.Count ?? 0 : 0;
        if (after is not null)
        {
            foreach ((string name, JsonNode? value) in after)
            {
                if (tracks?.Invoke(name) != false)
                    Field(schema, name, before is not null && before.TryGetPropertyValue(name, out JsonNode? old) ? new Slot(true, old) : default, new Slot(true, value), throughout, ref level);
            }
        }
        if (before is not null)
        {
            foreach ((string name, JsonNode? value) in before)
            {
                if (after?.ContainsKey(name) != true && tracks?.Invoke(name) != false)
                    Field(schema, name, new Slot(true, value), default, throughout, ref level);
            }
        }
    }

    private void Field(SchemaNode? schema, string name, Slot before, Slot after, bool throughout, ref Level level)
    {
        SchemaNode? field = _shapes.Below(schema, name);
        if (!kind.IsCustom && schema is not null && (!before.There || !after.There))
        {
            if (EverPresent.IsOmitted(schema, field, name, before.There ? before.Node : after.Node, throughout))
                return;
            if (throughout && EverPresent.Empty(schema, name) is { } empty)
                (before, after) = before.There ? (before, new Slot(true, empty)) : (new Slot(true, empty), after);
        }
        Level below = default;
        bool isMetadata = name == "metadata" && ReferenceEquals(schema, kind.Schema);
        Self self = Values(field, before, after, isMetadata ? Untracked.IsTracked : null, ref below);
        if (self != Self.None || below.Added is not null || below.Modified is not null || below.Removed is not null)
            level.Put(PathElement.Field(name), self, below);
    }

    private Self Values(SchemaNode? schema, Slot before, Slot after, Func<string, bool>? tracks, ref Level below)
    {
        Shape was = _shapes.Of(schema, before.Node), will = _shapes.Of(schema, after.Node);
        // Null takes the shape of what it meets.
        Shape shape = after.Node is null ? was : will;
        if (shape == Shape.Leaf && before.Node is not null && was != Shape.Leaf)
            shape = was;
        if (shape == Shape.Leaf || (before.IsNothing && after.IsNothing))
            return Leaf(before, after);
        bool otherShape = before.Node is not null && after.Node is not null && was != will;
        if (shape == Shape.Map)
            Maps(schema, before.Node as JsonObject, after.Node as JsonObject, tracks, ref below);
        else if (!Lists(schema!, before.Node as JsonArray, after.Node as JsonArray, ref below))
            return Leaf(before, after);
        if (otherShape)
            return Self.Modified;
        return !before.There ? Self.Added : !after.There ? Self.Removed : Self.None;
    }

    private static Self Leaf(Slot before, Slot after) =>
        !before.There ? Self.Added : !after.There ? Self.Removed : JsonNode.DeepEquals(before.Node, after.Node) ? Self.None : Self.Modified;

    /// <summary>False when some element cannot be told from others, so that the list has to count as a whole.</summary>
    private bool Lists(SchemaNode schema, JsonArray? before, JsonArray? after, ref Level below)
    {
        if (before is not null && after is not null && JsonNode.DeepEquals(before, after))
            return true;
        if (Index(schema, before) is not { } old || Index(schema, after) is not { } now)
            return false;
        foreach ((PathElement element, List<JsonNode?> values) in now)
            Element(schema, element, old.GetValueOrDefault(element), values, ref below);
        foreach ((PathElement element, List<JsonNode?> values) in old)
        {
            if (!now.ContainsKey(element))
                Element(schema, element, values, null, ref below);
        }
        return true;
    }

    private void Element(SchemaNode schema, PathElement element, List<JsonNode?>? before, List<JsonNode?>? after, ref Level level)
    {
        Level below = default;
        Self self;
        // An element that occurs twice, which only an update can bring about, counts as a whole.
        if (before is not null && after is not null && before.Count + after.Count > 2)
            self = before.Count == after.Count && before.Zip(after).All(p => JsonNode.DeepEquals(p.First, p.Second)) ? Self.None : Self.Modified;
        else
            self = Values(schema.Items, before is null ? default : new Slot(true, before[0]), after is null ? default : new Slot(true, after[0]), null, ref below);
        level.Put(element, self, below);
    }

    private Dictionary<PathElement, List<JsonNode?>>? Index(SchemaNode schema, JsonArray? list)
    {
        Dictionary<PathElement, List<JsonNode?>> index = new(list?.Count ?? 0);
        foreach (JsonNode? value in list ?? [])
        {
            if (_shapes.Element(schema, value) is not { } element)
                return null;
            if (!index.TryGetValue(element, out List<JsonNode?>? same))
                index[element] = same = [];
            same.Add(value);
        }
        return index;
    }
}
