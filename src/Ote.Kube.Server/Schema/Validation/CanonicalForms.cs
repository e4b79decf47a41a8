using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>
/// Writes each quantity and each time of an object as Kubernetes does: a quantity as a text, of the largest unit of which it is a whole number (<c>1</c> for 1000m, <c>1Gi</c> for
/// 1024Mi), a time in UTC. So the same amount and the same moment are the same text whoever wrote them: no change, and no conflict. What is neither is left for validation.
/// </summary>
internal static class CanonicalForms
{
    private const string MicroTime = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

    /// <summary>Rewrites them in place. Does it again without effect.</summary>
    /// <param name="node">The object, or a part of it.</param>
    /// <param name="schema">Its schema.</param>
    /// <param name="stored">Whether it comes from the store, where an earlier version left times of other precision than their field's; what a client sends so is left for validation.</param>
    public static void Write(JsonNode? node, SchemaNode schema, bool stored = false)
    {
        switch (node)
        {
            case JsonObject map:
                WriteMap(map, schema, stored);
                break;
            case JsonArray list when schema.Items is { Type: not SchemaType.String } items:
                foreach (JsonNode? element in list)
                    Write(element, items, stored);
                break;
        }
    }

    /// <summary>Whether a field holds a MicroTime.</summary>
    public static bool IsMicro(SchemaNode field) => field.Name == MicroTime;

    private static void WriteMap(JsonObject map, SchemaNode schema, bool stored)
    {
        List<(string Name, string Text)>? changes = null;
        foreach ((string name, JsonNode? value) in map)
        {
            if (value is null || schema.Field(name) is not { } field)
                continue;
            if (value is JsonObject or JsonArray)
                Write(value, field, stored);
            else if (field.Format == "date-time")
            {
                if (value.Text() is { } time && (stored || GoTime.Fault(time, IsMicro(field)) is null) && CanonicalTime.Of(time, IsMicro(field)) is { } moment && moment != time)
                    (changes ??= []).Add((name, moment));
            }
            else if (field.AcceptsNumberAsString && Amount.Read(value) is { } amount && amount.ToString() is var text && !(value.IsText() && value.Scalar() == text))
                (changes ??= []).Add((name, text));
        }
        foreach ((string name, string text) in changes ?? [])
            map[name] = text;
    }
}
