using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Who owns an object's fields, on the way through a write. While the write is prepared the entries are kept apart from the object: neither rules nor
/// comparisons have to look at them. Pure.
/// </summary>
internal static class ManagedFields
{
    private const string Field = "managedFields";

    /// <summary>Takes the entries out of an object; null when it has none.</summary>
    public static JsonNode? Take(JsonObject obj)
    {
        if (obj["metadata"] is not JsonObject metadata || metadata[Field] is not { } entries)
        {
            return null;
        }

        metadata.Remove(Field);
        return entries;
    }

    /// <summary>Puts entries into an object.</summary>
    public static void Put(JsonObject obj, JsonNode? entries) => ObjectRules.Put(obj.Child("metadata"), Field, entries);

    /// <summary>Whether a client sends back the entries that it read. Their texts are compared first: unfolding both costs more than the write.</summary>
    public static bool IsEcho(JsonNode sent, JsonNode? stored) =>
        stored is not null && (Answers.Bytes(sent).AsSpan().SequenceEqual(Answers.Bytes(stored)) || JsonNode.DeepEquals(sent, stored));

    /// <summary>
    /// The entries from which a write goes on: those of the client, if it sent any that can be read, else the stored ones, so that no client deletes by
    /// accident what it does not understand.
    /// </summary>
    /// <exception cref="ApiError">422 for an entry of no known operation.</exception>
    public static ManagedEntries Start(WriteContext context, string name, JsonNode? sent, ManagedEntries stored)
    {
        if (sent is null || context.ManagedBy is not null)
        {
            return stored;
        }

        if (ManagedEntries.IsReset(sent))
        {
            return ManagedEntries.None;
        }

        foreach (var entry in sent as JsonArray ?? [])
        {
            if (entry.Text("operation") is not (ManagedEntry.Apply or ManagedEntry.Update))
            {
                var shown = FieldError.Quote(entry.Text("operation") ?? "");
                throw ApiError.Invalid(context.Kind, name, [("FieldValueInvalid", $"Invalid value: {shown}: must be `Apply` or `Update`", "metadata.managedFields.operation")]);
            }
        }

        return ManagedEntries.OfSent(sent) ?? stored;
    }

    /// <summary>The rules for the kind that a context writes.</summary>
    public static FieldOwnership Ownership(SchemaCatalog catalog, WriteContext context)
    {
        var kind = context.Kind;
        return new FieldOwnership(TypedKind.Of(kind, context.Subresource), version =>
        {
            var slash = version.LastIndexOf('/');
            var group = slash < 0 ? "" : version[..slash];
            return group == kind.Group && catalog.Find(group, version[(slash + 1)..], kind.Plural) is { } other ? TypedKind.Of(other, context.Subresource) : null;
        });
    }

    /// <summary>The writer that a context stands for.</summary>
    public static FieldWriter Writer(WriteContext context, DateTimeOffset now) => new(context.Manager, context.ManagedBy, now.ToKubeTime());

    /// <summary>An apply's outcome, or the refusal by which the real server tells of conflicts.</summary>
    /// <exception cref="ApiError">409 with a cause for each field.</exception>
    public static Applied Granted(Applied applied)
    {
        if (applied.Conflicts.Count == 0)
        {
            return applied;
        }

        var single = applied.Conflicts.Select(c => (By: c.Owner.Described(), Paths: c.Fields.Paths().ToList())).ToList();
        var count = single.Sum(c => c.Paths.Count);
        var message = count == 1
            ? $"Apply failed with 1 conflict: conflict with {single[0].By}: {single[0].Paths[0]}"
            : $"Apply failed with {count} conflicts: " + string.Join('\n', single.Select(c => $"conflicts with {c.By}:\n" + string.Join('\n', c.Paths.Select(p => "- " + p))));
        throw new ApiError(409, "Conflict", message, new JsonObject
        {
            ["causes"] = new JsonArray([.. single.SelectMany(c => c.Paths.Select(path => (JsonNode)new JsonObject
            {
                ["reason"] = "FieldManagerConflict",
                ["message"] = "conflict with " + c.By,
                ["field"] = path,
            }))]),
        });
    }

    /// <summary>Whether two objects are the same but for their revision; neither holds its entries.</summary>
    public static bool Same(JsonObject a, JsonObject b) =>
        SameFields(a, b, "metadata")
        && (a["metadata"], b["metadata"]) switch
        {
            (JsonObject left, JsonObject right) => SameFields(left, right, "resourceVersion"),
            var (left, right) => JsonNode.DeepEquals(left, right),
        };

    private static bool SameFields(JsonObject a, JsonObject b, string except)
    {
        foreach (var (name, value) in a)
        {
            if (name != except && !JsonNode.DeepEquals(value, b[name]))
            {
                return false;
            }
        }

        return b.All(field => field.Key == except || field.Value is null || a.ContainsKey(field.Key));
    }
}
