using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What a custom object must fulfil: the rules of all metadata, and its own schema.</summary>
internal static class CustomRules
{
    private const string MetadataPath = "metadata";

    public static IReadOnlyList<FieldError> Check(KindInfo kind, JsonObject obj)
    {
        if (obj[MetadataPath] is JsonObject && Decoder.Error(kind, new JsonObject { [MetadataPath] = obj[MetadataPath]!.DeepClone() }) is { } wrong)
            return [new FieldError("", FieldErrorType.Undecodable, "", wrong)];
        Faults faults = new();
        MetadataRules.Check(kind, obj, faults);
        // Metadata is the same for every kind and has just been checked; a null in it is an absent field, which a custom schema would refuse.
        JsonObject rest = [];
        foreach ((string name, JsonNode? value) in obj)
        {
            if (name != MetadataPath)
                rest[name] = value?.DeepClone();
        }
        if (kind.SchemaSource?.ObjectAt("properties", MetadataPath, "properties", "name") is { } nameSchema)
        {
            foreach (FieldError error in SchemaValidator.Validate(obj.At(MetadataPath, "name"), Crds.CrdSchemaReader.Read(nameSchema), "metadata.name"))
                faults.Add(error);
        }
        foreach (FieldError error in SchemaValidator.Validate(rest, kind.Schema))
        {
            if (error.Path != MetadataPath)
                faults.Add(error);
        }
        return faults.Errors;
    }
}
