using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>A part of an object with an endpoint of its own, such as <c>status</c> or <c>scale</c>.</summary>
/// <param name="Name">The path segment.</param>
/// <param name="Group">Group of the objects that the endpoint speaks.</param>
/// <param name="Version">Version of the objects that the endpoint speaks.</param>
/// <param name="Kind">Kind of the objects that the endpoint speaks.</param>
/// <param name="Verbs">The verbs served.</param>
public sealed record SubresourceInfo(string Name, string Group, string Version, string Kind, IReadOnlyList<string> Verbs);

/// <summary>Where a kind keeps its replica counts, as dotted paths without a leading dot.</summary>
/// <param name="SpecReplicas">Path of the wanted count.</param>
/// <param name="StatusReplicas">Path of the observed count.</param>
/// <param name="LabelSelector">Path of the selector; null when the kind has none. Holds a LabelSelector object or its text form.</param>
public sealed record ScalePaths(string SpecReplicas, string StatusReplicas, string? LabelSelector);

/// <summary>A column that a custom resource adds to <c>kubectl get</c>.</summary>
/// <param name="Name">Heading.</param>
/// <param name="Type">integer, number, string, boolean or date.</param>
/// <param name="Format">OpenAPI format of the type; may be empty.</param>
/// <param name="Description">What the column shows.</param>
/// <param name="Priority">0 always, above 0 only with <c>-o wide</c>.</param>
/// <param name="JsonPath">Where the value lies.</param>
public sealed record PrinterColumn(string Name, string Type, string Format, string Description, int Priority, string JsonPath);

/// <summary>One served kind in one version: its names, verbs, subresources and schema. Immutable; safe on any thread.</summary>
public sealed class KindInfo
{
    private readonly Lazy<SchemaNode> _schema;
    private byte[]? _apiVersionUtf8;

    internal KindInfo(Func<SchemaNode> schema) => _schema = new Lazy<SchemaNode>(schema);

    internal KindInfo(Lazy<SchemaNode> schema) => _schema = schema;

    /// <summary>API group; empty for core.</summary>
    public required string Group { get; init; }

    /// <summary>API version, such as <c>v1</c>.</summary>
    public required string Version { get; init; }

    /// <summary>Plural, lower case: the path segment.</summary>
    public required string Plural { get; init; }

    /// <summary>Singular, lower case.</summary>
    public required string Singular { get; init; }

    /// <summary>The kind.</summary>
    public required string Kind { get; init; }

    /// <summary>The kind of a list of these.</summary>
    public required string ListKind { get; init; }

    /// <summary>Short names kubectl knows, such as <c>po</c>.</summary>
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>Categories, such as <c>all</c>.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Whether objects live in a namespace.</summary>
    public required bool Namespaced { get; init; }

    /// <summary>The verbs served, sorted.</summary>
    public required IReadOnlyList<string> Verbs { get; init; }

    /// <summary>The subresources served.</summary>
    public IReadOnlyList<SubresourceInfo> Subresources { get; init; } = [];

    /// <summary>Whether objects of this kind are stored in this version. One version of each kind is.</summary>
    public bool IsStorage { get; init; } = true;

    /// <summary>The name of the CustomResourceDefinition behind it; null for built-in kinds.</summary>
    public string? CrdName { get; init; }

    /// <summary>Columns a custom resource asks for; empty for built-in kinds and where the CRD has none.</summary>
    public IReadOnlyList<PrinterColumn> PrinterColumns { get; init; } = [];

    /// <summary>Where the scale subresource finds its numbers; null when there is none.</summary>
    public ScalePaths? Scale { get; init; }

    /// <summary>Dotted paths, beyond name and namespace, by which a field selector may choose.</summary>
    public IReadOnlyList<string> SelectableFields { get; init; } = [];

    /// <summary>The kind whose objects these are, where they are shown in another group than their own; null: they are its own.</summary>
    public KindInfo? Shows { get; private init; }

    /// <summary>The warning each answer carries because the version is deprecated; null when it is not.</summary>
    public string? DeprecationWarning { get; init; }

    /// <summary>The name of the definition in OpenAPI documents.</summary>
    public required string DefinitionName { get; init; }

    /// <summary>The schema of an object of this kind; parsed on first use.</summary>
    public SchemaNode Schema => _schema.Value;

    /// <summary>The schema as the CRD states it; null for built-in kinds and for a CRD without one.</summary>
    internal JsonObject? SchemaSource
    {
        get;
        init => (field, NameSchema) = (value, value?.ObjectAt("properties", "metadata", "properties", "name") is { } name ? Crds.CrdSchemaReader.Read(name) : null);
    }

    /// <summary>What a CRD asks of its objects' names beyond what every name must fulfil; null when nothing.</summary>
    internal SchemaNode? NameSchema { get; private init; }

    /// <summary>How its objects lie in the store; null: as they are served.</summary>
    internal Conversion.StoredForm? StoredForm { get; init; }

    /// <summary>How objects of a custom kind lie in the store; null for built-in kinds.</summary>
    internal Crds.CrdStorage? Storage { get; init; }

    /// <summary>Whether a CustomResourceDefinition brought this kind.</summary>
    public bool IsCustom => CrdName is not null;

    /// <summary><c>v1</c> or <c>apps/v1</c>.</summary>
    public string ApiVersion => field ??= Group.Length == 0 ? Version : Group + "/" + Version;

    /// <summary><see cref="ApiVersion"/> as stored bytes have it.</summary>
    internal ReadOnlySpan<byte> ApiVersionUtf8 => _apiVersionUtf8 ??= System.Text.Encoding.UTF8.GetBytes(ApiVersion);

    /// <summary><c>pods</c> or <c>deployments.apps</c>, as error texts name a resource.</summary>
    public string GroupResource => Group.Length == 0 ? Plural : Plural + "." + Group;

    /// <summary><c>Pod</c> or <c>Deployment.apps</c>, as error texts name a kind.</summary>
    public string GroupKind => Group.Length == 0 ? Kind : Kind + "." + Group;

    /// <summary>The subresource of that name; null when it is not served.</summary>
    public SubresourceInfo? Subresource(string name) => Subresources.FirstOrDefault(s => s.Name == name);

    /// <summary>Whether the verb is served.</summary>
    public bool Serves(string verb) => Verbs.Contains(verb);

    /// <summary>
    /// The same kind shown in another group, for a server whose clients find a kind of this name elsewhere already: without short names, so that those go on to mean that one, and with the verbs that
    /// reach an object of another cluster.
    /// </summary>
    internal KindInfo ShownIn(string group, string version, string category) => new(_schema)
    {
        Group = group,
        Version = version,
        Plural = Plural,
        Singular = Singular,
        Kind = Kind,
        ListKind = ListKind,
        Categories = [category],
        Namespaced = Namespaced,
        Verbs = [.. Verbs.Where(v => v is "delete" or "get" or "list" or "patch" or "watch")],
        Subresources = [.. Subresources.Select(s => s.Group == Group && s.Version == Version ? s with { Group = group, Version = version } : s)],
        DefinitionName = DefinitionName,
        Scale = Scale,
        SelectableFields = SelectableFields,
        Shows = this,
    };

    /// <summary>The group version as part of an identifier: <c>CoreV1</c>, <c>AppsV1</c>.</summary>
    internal string GroupVersionName() => string.Concat((Group.Length == 0 ? "core" : Group).Split('.').Append(Version)
        .Where(p => p.Length > 0).Select(p => char.ToUpperInvariant(p[0]) + p[1..]));

    /// <inheritdoc/>
    public override string ToString() => $"{ApiVersion}, Resource={Plural}";
}
