using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Which part of an object a write may change, and so may own.</summary>
internal enum OwnedPart
{
    /// <summary>All but the status, where that has an endpoint of its own.</summary>
    Main,
    /// <summary>As <see cref="Main"/> without the spec, which is the server's.</summary>
    Metadata,
    /// <summary>The status and, of built-in kinds, what their status writers bring along in the metadata.</summary>
    Status,
    /// <summary>All there is.</summary>
    Whole,
}

/// <summary>One kind in one version, as ownership of fields needs it. Immutable.</summary>
/// <param name="ApiVersion">Such as <c>apps/v1</c>.</param>
/// <param name="Schema">Of the whole object.</param>
/// <param name="IsCustom">Whether a CustomResourceDefinition brought it.</param>
/// <param name="Part">What the write at hand may own.</param>
internal sealed record TypedKind(string ApiVersion, SchemaNode Schema, bool IsCustom, OwnedPart Part)
{
    public FieldShapes Shapes { get; } = new(IsCustom);

    /// <summary>The kind for a write of the object itself or, with a name, of its subresource.</summary>
    public static TypedKind Of(KindInfo kind, string? subresource) => new(
        kind.ApiVersion, kind.Schema, kind.IsCustom,
        subresource == "status" ? OwnedPart.Status
            : kind is { Group: "", Plural: "namespaces" } ? OwnedPart.Metadata
            : kind.Subresource("status") is null ? OwnedPart.Whole : OwnedPart.Main);

    /// <summary>Whether the write may own something in a field of the object's first level.</summary>
    public bool Tracks(string field) => Part switch
    {
        OwnedPart.Status => field == "status" || (field == "metadata" && !IsCustom),
        OwnedPart.Metadata => field is "metadata",
        OwnedPart.Main => field is not ("status" or "apiVersion" or "kind"),
        _ => field is not ("apiVersion" or "kind"),
    };

    /// <summary>Whether an apply reaches a field of the object's first level: through the status it reaches nothing else.</summary>
    public bool Applies(string field) => Part == OwnedPart.Status ? field == "status" : Tracks(field);
}
