using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Defaults;
using Ote.Kube.Server.Schema.Rules;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema;

/// <summary>What the catalog does to objects, in the order a write needs it: prune, default, validate.</summary>
[SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "Callers ask the catalog that serves the kind.")]
public sealed partial class SchemaCatalog
{
    /// <summary>
    /// Takes fields that the kind does not know out of the object, in place, and gives their paths (at most 100 of them, in the object's order) for
    /// fieldValidation Warn and Strict; see <see cref="InvalidStatus.OfUnknownFields"/>.
    /// </summary>
    public IReadOnlyList<string> Prune(KindInfo kind, JsonObject obj)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(obj);
        return Pruner.Prune(obj, kind.Schema);
    }

    /// <summary>Fills the defaults of absent fields and writes quantities and times in their canonical form, in place. Does it again without effect. Ill-typed fields are left for validation.</summary>
    public void Default(KindInfo kind, JsonObject obj)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(obj);
        if (kind.IsCustom)
        {
            SchemaDefaults.Fill(obj, kind.Schema);
            GoNumbers.Write(obj);
        }
        else
        {
            CanonicalForms.Write(obj, kind.Schema);
            BuiltInDefaults.Apply(kind, obj);
        }
    }

    /// <summary>Brings an object to the form in which the same amounts are equal, in place; what an earlier version stored is not in it.</summary>
    internal void Normalize(KindInfo kind, JsonObject obj, bool stored)
    {
        if (!kind.IsCustom)
            CanonicalForms.Write(obj, kind.Schema, stored);
    }

    /// <summary>Why an object cannot be read as its kind; null: it can.</summary>
    internal string? Undecodable(KindInfo kind, JsonObject obj) => Decoder.Error(kind, obj);

    /// <summary>
    /// The faults of an object that is about to be created or, beside <see cref="ValidateUpdate"/>, to replace another; empty when there are none.
    /// Wants the object after <see cref="Default"/>. A single <see cref="FieldErrorType.Undecodable"/> means that a value is of a wrong type.
    /// </summary>
    public IReadOnlyList<FieldError> Validate(KindInfo kind, JsonObject obj)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(obj);
        if (kind.IsCustom)
            return CustomRules.Check(kind, obj);
        if (Decoder.Error(kind, obj) is { } wrong)
            return [new FieldError("", FieldErrorType.Undecodable, "", wrong)];
        IReadOnlyList<FieldError> errors = ObjectRules.Check(this, kind, obj);
        return kind is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" } && errors.Count == 0 && NameConflict(obj) is { } conflict
            ? [new FieldError("spec.names", FieldErrorType.Forbidden, "", $"{conflict.Message} by another definition of this group ({conflict.Reason})")]
            : errors;
    }

    /// <summary>The faults of a new object alone: fields that only a later change may set. Check it with <see cref="Validate"/> too.</summary>
    internal IReadOnlyList<FieldError> ValidateCreate(KindInfo kind, JsonObject obj) => kind.IsCustom ? [] : ChangeRules.CheckNew(kind, obj);

    /// <summary>The faults of a change alone: fields that may not change once set. Check the new object with <see cref="Validate"/> too.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="before">As it is stored.</param>
    /// <param name="after">As it is wanted.</param>
    /// <param name="subresource">The endpoint through which it is changed; null for the object's own.</param>
    public IReadOnlyList<FieldError> ValidateUpdate(KindInfo kind, JsonObject before, JsonObject after, string? subresource = null)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return kind.IsCustom ? []
            : subresource is "ephemeralcontainers" ? EphemeralRules.Change(before, after)
            : ChangeRules.Check(kind, before, after);
    }
}
