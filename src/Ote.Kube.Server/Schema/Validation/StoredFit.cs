using System.Text.Json;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>
/// Whether <see cref="Pruner"/> and <see cref="SchemaDefaults"/> would leave a stored object as it is. Reads the bytes once and makes nothing of them: lists of many
/// objects ask it for each.
/// </summary>
internal static class StoredFit
{
    /// <summary>Longer than the name of any field that a schema is likely to have; longer ones are read into a text of their own.</summary>
    private const int NameMax = 128;

    /// <param name="json">The object as it is stored.</param>
    /// <param name="schema">The schema of its kind.</param>
    /// <param name="filled">Whether defaults must be there too, and nulls that count as absent must not.</param>
    public static bool Fits(ReadOnlySpan<byte> json, SchemaNode schema, bool filled)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = ObjectJson.StoredDepth });
        reader.Read();
        return FitsMap(ref reader, schema, filled, isRoot: true);
    }

    private static bool FitsValue(ref Utf8JsonReader reader, SchemaNode schema, bool filled)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject when Pruner.HasFields(schema) && !(schema.PreserveUnknownFields && schema.Properties.Count == 0 && schema.AdditionalProperties is null):
                return FitsMap(ref reader, schema, filled, isRoot: false);
            case JsonTokenType.StartArray when schema.Items is { } items:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (!FitsValue(ref reader, items, filled))
                        return false;
                }
                return true;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                reader.Skip();
                return true;
            default:
                return true;
        }
    }

    private static bool FitsMap(ref Utf8JsonReader reader, SchemaNode schema, bool filled, bool isRoot)
    {
        int defaults = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            // An object's metadata is the same in every schema, and was held against it when it was written.
            if (isRoot && reader.ValueTextEquals("metadata"u8))
            {
                reader.Skip();
                continue;
            }
            SchemaNode? named = Named(ref reader, schema), field = named ?? schema.AdditionalProperties;
            reader.Read();
            if (field is null)
            {
                if (!schema.PreserveUnknownFields)
                    return false;
                reader.Skip();
                continue;
            }
            if (filled && reader.TokenType == JsonTokenType.Null && !field.Nullable)
                return false;
            if (named is { HasDefault: true })
                defaults++;
            if (!FitsValue(ref reader, field, filled))
                return false;
        }
        return !filled || defaults == schema.DefaultCount;
    }

    private static SchemaNode? Named(ref Utf8JsonReader reader, SchemaNode schema)
    {
        if (schema.Properties.Count == 0)
            return null;
        if (reader.ValueSpan.Length > NameMax)
            return schema.Properties.GetValueOrDefault(reader.GetString()!);
        Span<char> name = stackalloc char[NameMax]; // No character is written in fewer bytes than one.
        return schema.Property(name[..reader.CopyString(name)]);
    }
}
