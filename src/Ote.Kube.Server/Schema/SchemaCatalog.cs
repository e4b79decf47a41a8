using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Crds;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Schema;

/// <summary>
/// The kinds that a server offers: the built-in ones and those of its CustomResourceDefinitions. Immutable; adding or removing a definition gives
/// a new catalog that shares the built-in part. Safe on any thread.
/// </summary>
public sealed partial class SchemaCatalog
{
    private static readonly Lazy<SchemaCatalog> s_builtIn = new(LoadBuiltIn);

    private readonly BuiltInPart _builtIn;
    private readonly ImmutableSortedDictionary<string, CompiledCrd> _crds;
    private readonly ImmutableDictionary<(string Group, string Version, string Plural), KindInfo> _custom;

    private SchemaCatalog(BuiltInPart builtIn, ImmutableSortedDictionary<string, CompiledCrd> crds)
    {
        _builtIn = builtIn;
        _crds = crds;
        _custom = crds.Values.SelectMany(c => c.Kinds).ToImmutableDictionary(k => (k.Group, k.Version, k.Plural));
    }

    /// <summary>The catalog of the built-in kinds alone; loaded on first use, one for the process.</summary>
    public static SchemaCatalog BuiltIn => s_builtIn.Value;

    /// <summary>All served kinds, every version: built-in ones first, then custom ones by CRD name.</summary>
    public IEnumerable<KindInfo> All => _builtIn.Kinds.Concat(_crds.Values.SelectMany(c => c.Kinds));

    /// <summary>The built-in kinds in the order that discovery lists them.</summary>
    internal IReadOnlyList<KindInfo> BuiltInKindList => _builtIn.Kinds;

    /// <summary>The kinds that CustomResourceDefinitions brought.</summary>
    internal IEnumerable<KindInfo> CustomKinds => _crds.Values.SelectMany(c => c.Kinds);

    internal SchemaData Data => _builtIn.Data;

    /// <summary>The kind behind a path; null when it is not served.</summary>
    public KindInfo? Find(string group, string version, string plural) =>
        _builtIn.ByPath.TryGetValue((group, version, plural), out KindInfo? kind) ? kind : _custom.GetValueOrDefault((group, version, plural));

    /// <summary>The kind of an object by its apiVersion and kind; null when it is not served.</summary>
    public KindInfo? FindKind(string apiVersion, string kind)
    {
        (string group, string version) = BuiltInKinds.Split(apiVersion);
        return All.FirstOrDefault(k => k.Kind == kind && k.Group == group && k.Version == version);
    }

    /// <summary>
    /// The catalog with the kinds of a CustomResourceDefinition, replacing those of an earlier definition of the same name. Validate the
    /// definition first.
    /// </summary>
    /// <exception cref="ArgumentException">The definition cannot be compiled; the message says why.</exception>
    public SchemaCatalog WithCrd(JsonObject crd)
    {
        CompiledCrd compiled = CrdCompiler.Compile(crd);
        return new SchemaCatalog(_builtIn, _crds.SetItem(compiled.Name, compiled));
    }

    /// <summary>
    /// Whether a definition takes a name that another one of its group has; null when it takes none. Such a definition is refused.
    /// </summary>
    public CrdNameConflict? NameConflict(JsonObject crd)
    {
        string? name = crd.TextAt("metadata", "name"), group = crd.TextAt("spec", "group");
        return CrdNameConflict.Find(crd, CustomKinds.Where(k => k.Group == group && k.CrdName != name));
    }

    /// <summary>The definition of that name as it is served; null: it is not.</summary>
    internal CompiledCrd? Definition(string name) => _crds.GetValueOrDefault(name);

    /// <summary>The catalog without the kinds of the CustomResourceDefinition of that name; this one when it has none.</summary>
    public SchemaCatalog WithoutCrd(string name) => _crds.ContainsKey(name) ? new SchemaCatalog(_builtIn, _crds.Remove(name)) : this;

    /// <summary>The catalog with kinds that clusters report, but for those that it has already.</summary>
    /// <param name="kinds">The kinds.</param>
    internal SchemaCatalog WithMirrored(IEnumerable<MirroredKind> kinds)
    {
        var groups = _builtIn.Kinds.Select(k => (k.Group, k.Plural)).ToHashSet();
        ImmutableSortedDictionary<string, CompiledCrd> crds = _crds;
        HashSet<string>? taken = null;
        foreach (MirroredKind kind in kinds.OrderBy(k => k.Resource, StringComparer.Ordinal))
        {
            if (groups.Contains((kind.Group, kind.Plural)) || kind.Group.Length == 0 || _crds.ContainsKey(MirroredDefinition.NameOf(kind)))
                continue;
            taken ??= [.. All.SelectMany(k => k.ShortNames.Concat([k.Plural, k.Singular]))];
            if (MirroredDefinition.Compile(kind, taken) is { } compiled)
                crds = crds.SetItem(compiled.Name, compiled);
        }
        return ReferenceEquals(crds, _crds) ? this : new SchemaCatalog(_builtIn, crds);
    }

    /// <summary>A catalog of kinds that are shown in another group, and of nothing else. Of several of one name, or of one kind, the first is shown.</summary>
    /// <param name="group">The group.</param>
    /// <param name="version">Its version.</param>
    /// <param name="category">The category that all of them are in.</param>
    /// <param name="resources">The kinds, <c>group/plural</c>; of those that are neither built in nor mirrored there is none.</param>
    /// <param name="mirrored">Further kinds, in their order.</param>
    internal static SchemaCatalog ShownIn(string group, string version, string category, IEnumerable<string> resources, IReadOnlyCollection<MirroredKind> mirrored)
    {
        SchemaCatalog all = BuiltIn.WithMirrored(mirrored);
        List<KindInfo> shown = [];
        HashSet<string> names = [];
        foreach (string resource in resources.Concat(mirrored.Select(k => k.Resource).Order(StringComparer.Ordinal)))
        {
            KindInfo? own = all.All.Where(k => k.StoredForm is null && $"{k.Group}/{k.Plural}" == resource)
                .OrderByDescending(k => k.IsStorage).ThenBy(k => k.Version, VersionOrder.Instance).FirstOrDefault();
            // Clients look a kind up by either name, and would take one for the other.
            if (own is not null && !names.Contains(own.Plural) && !names.Contains(own.Kind))
            {
                names.UnionWith([own.Plural, own.Kind]);
                shown.Add(own.ShownIn(group, version, category));
            }
        }
        return new SchemaCatalog(new BuiltInPart(BuiltIn.Data, shown), ImmutableSortedDictionary.Create<string, CompiledCrd>(StringComparer.Ordinal));
    }

    private static SchemaCatalog LoadBuiltIn()
    {
        SchemaData data = SchemaData.Load();
        return new SchemaCatalog(
            new BuiltInPart(data, BuiltInKinds.Read(data)),
            ImmutableSortedDictionary.Create<string, CompiledCrd>(StringComparer.Ordinal));
    }

    /// <summary>What all catalogs of the process share.</summary>
    private sealed class BuiltInPart(SchemaData data, IReadOnlyList<KindInfo> kinds)
    {
        public SchemaData Data { get; } = data;
        public IReadOnlyList<KindInfo> Kinds { get; } = kinds;
        public Dictionary<(string, string, string), KindInfo> ByPath { get; } = kinds.ToDictionary(k => (k.Group, k.Version, k.Plural));
    }
}
