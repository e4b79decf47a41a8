using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What a custom object must fulfil: the rules of all metadata, and its own schema.</summary>
internal static class CustomRules
{
    private const string MetadataPath = "metadata";

    public static IReadOnlyList<FieldError> Check(KindInfo kind, JsonObject obj)
    {
        if (Decoder.ErrorOf(kind, obj, MetadataPath) is { } wrong)
            return [new FieldError("", FieldErrorType.Undecodable, "", wrong)];
        Faults faults = new();
        MetadataRules.Check(kind, obj, faults);
        if (kind.NameSchema is { } nameSchema)
        {
            foreach (FieldError error in SchemaValidator.Validate(obj.At(MetadataPath, "name"), nameSchema, "metadata.name"))
                faults.Add(error);
        }
        // Metadata is the same for every kind and has just been checked; a null in it is an absent field, which a custom schema would refuse.
        foreach (FieldError error in SchemaValidator.Validate(obj, kind.Schema, except: MetadataPath))
            faults.Add(error);
        EmbeddedRules.Check(kind, obj, faults);
        return faults.Errors;
    }
}
