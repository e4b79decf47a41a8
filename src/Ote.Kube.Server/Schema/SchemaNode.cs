using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>The JSON type a schema asks for.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The names are those of JSON Schema.")]
public enum SchemaType
{
    /// <summary>Any JSON value.</summary>
    Any,
    /// <summary>A JSON object.</summary>
    Object,
    /// <summary>A JSON array.</summary>
    Array,
    /// <summary>A JSON string.</summary>
    String,
    /// <summary>A JSON number without a fraction.</summary>
    Integer,
    /// <summary>Any JSON number.</summary>
    Number,
    /// <summary>true or false.</summary>
    Boolean,
}

/// <summary>How the elements of a list are told apart when two writers meet.</summary>
public enum ListType
{
    /// <summary>The list is one value.</summary>
    Atomic,
    /// <summary>Scalars, each at most once.</summary>
    Set,
    /// <summary>Objects told apart by <see cref="SchemaNode.MapKeys"/>.</summary>
    Map,
}

/// <summary>How a strategic merge patch treats a field. Values combine.</summary>
[Flags]
public enum PatchStrategy
{
    /// <summary>Lists are replaced, objects are merged.</summary>
    None = 0,
    /// <summary>Lists are merged by <see cref="SchemaNode.PatchMergeKey"/>, or as sets of scalars.</summary>
    Merge = 1,
    /// <summary>Objects are replaced.</summary>
    Replace = 2,
    /// <summary>Objects keep only the fields that <c>$retainKeys</c> names.</summary>
    RetainKeys = 4,
}

/// <summary>
/// The schema of one value: what it may be, which fields it has, how it merges. Built-in definitions and those of custom resources have the
/// same form. Immutable from outside and safe on any thread; a reference to another definition is followed on first use.
/// </summary>
public sealed class SchemaNode
{
    private static readonly FrozenDictionary<string, SchemaNode> s_noProperties = FrozenDictionary<string, SchemaNode>.Empty;

    private readonly Func<SchemaNode>? _follow;
    private SchemaNode? _target;
    private SchemaType _type;
    private string? _format, _name;
    private bool _nullable, _intOrString, _preserve, _embedded, _open;
    private IReadOnlyDictionary<string, SchemaNode> _properties = s_noProperties;
    private IReadOnlyList<string> _required = [];
    private SchemaNode? _items, _additional;
    private ListType _listType;
    private IReadOnlyList<string> _mapKeys = [];
    private bool _atomicMap;
    private IReadOnlyList<JsonNode?> _enum = [];
    private SchemaRules? _rules;
    private JsonNode? _default;
    private bool _hasDefault;
    private int _defaultCount = -1;

    internal SchemaNode()
    {
    }

    internal SchemaNode(Func<SchemaNode> follow) => _follow = follow;

    private SchemaNode Shape => _follow is null ? this : _target ??= _follow();

    /// <summary>A value about which nothing is known.</summary>
    internal static SchemaNode Anything { get; } = new() { PreserveUnknownFields = true };

    /// <summary>The name of the definition that the node is or refers to; null for a schema written in place.</summary>
    internal string? Name { get => Shape._name; init => _name = value; }

    /// <summary>The JSON type.</summary>
    public SchemaType Type { get => Shape._type; internal init => _type = value; }

    /// <summary>The format of a string or number, such as <c>int32</c>, <c>byte</c>, <c>date-time</c>.</summary>
    public string? Format { get => Shape._format; internal init => _format = value; }

    /// <summary>Whether null is a value of its own.</summary>
    public bool Nullable { get => Shape._nullable; internal init => _nullable = value; }

    /// <summary>Whether an integer and a string are both welcome.</summary>
    public bool IntOrString { get => Shape._intOrString; internal init => _intOrString = value; }

    /// <summary>Whether fields that the schema does not name stay.</summary>
    public bool PreserveUnknownFields { get => Shape._preserve; internal init => _preserve = value; }

    /// <summary>Whether the value is a whole Kubernetes object with apiVersion, kind and metadata.</summary>
    public bool EmbeddedResource { get => Shape._embedded; internal init => _embedded = value; }

    /// <summary>Whether a scalar of another JSON type is read as the wanted one (a quantity may be a number).</summary>
    internal bool AcceptsNumberAsString { get => Shape._open; init => _open = value; }

    /// <summary>The named fields.</summary>
    public IReadOnlyDictionary<string, SchemaNode> Properties { get => Shape._properties; internal init => _properties = value; }

    /// <summary>The names of fields that must be there.</summary>
    public IReadOnlyList<string> Required { get => Shape._required; internal init => _required = value; }

    /// <summary>The schema of a list's elements.</summary>
    public SchemaNode? Items { get => Shape._items; internal init => _items = value; }

    /// <summary>The schema of a map's values.</summary>
    public SchemaNode? AdditionalProperties { get => Shape._additional; internal init => _additional = value; }

    /// <summary>How list elements are told apart.</summary>
    public ListType ListType { get => Shape._listType; internal init => _listType = value; }

    /// <summary>The fields that together name an element of a <see cref="ListType.Map"/> list.</summary>
    public IReadOnlyList<string> MapKeys { get => Shape._mapKeys; internal init => _mapKeys = value; }

    /// <summary>Whether the object is one value that an apply replaces as a whole. Said by the field or by what it refers to.</summary>
    public bool AtomicMap { get => _atomicMap || Shape._atomicMap; internal init => _atomicMap = value; }

    /// <summary>The only values allowed; empty when any is.</summary>
    public IReadOnlyList<JsonNode?> Enum { get => Shape._enum; internal init => _enum = value; }

    /// <summary>The merge key of a strategic merge patch; null for scalars and lists that are replaced.</summary>
    public string? PatchMergeKey { get; internal init; }

    /// <summary>The strategy of a strategic merge patch. Belongs to the field, not to what it refers to.</summary>
    public PatchStrategy PatchStrategy { get; internal init; }

    /// <summary>Whether an absent value gets <see cref="Default"/>.</summary>
    public bool HasDefault { get => Shape._hasDefault; internal init => _hasDefault = value; }

    /// <summary>The value an absent field gets. Clone it before putting it into an object.</summary>
    public JsonNode? Default { get => Shape._default; internal init => _default = value; }

    /// <summary>How many of the named fields have a default.</summary>
    internal int DefaultCount
    {
        get
        {
            SchemaNode shape = Shape;
            // Counted once, or a few times alike by threads that meet here.
            return shape._defaultCount >= 0 ? shape._defaultCount : shape._defaultCount = shape._properties.Values.Count(p => p.HasDefault);
        }
    }

    /// <summary>Bounds and combinations that only custom resources use.</summary>
    internal SchemaRules? Rules { get => Shape._rules; init => _rules = value; }

    /// <summary>The schema of a field, by name or as a map's value; null when the schema does not know it.</summary>
    public SchemaNode? Field(string name) => Properties.TryGetValue(name, out SchemaNode? node) ? node : AdditionalProperties;

    /// <summary>The schema of a named field, without a text of its name; null when the schema does not name it.</summary>
    internal SchemaNode? Property(ReadOnlySpan<char> name) => Properties switch
    {
        Dictionary<string, SchemaNode> map => map.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out SchemaNode? node) ? node : null,
        var other => other.GetValueOrDefault(name.ToString()),
    };

    /// <summary>The schema at a path of field names, passing through list elements; null when the schema does not reach there.</summary>
    public SchemaNode? At(params ReadOnlySpan<string> path)
    {
        SchemaNode? node = this;
        foreach (string name in path)
        {
            node = (node.Items ?? node).Field(name);
            if (node is null)
                return null;
        }
        return node;
    }
}
