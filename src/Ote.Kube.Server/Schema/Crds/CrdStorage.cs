using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>
/// How the objects of a CustomResourceDefinition lie in the store and what they are when they are read: they lie in the storage version, whichever version they were
/// written in, and are read as what they lie in, whose schema prunes and fills them, and then as what is asked for, whose schema prunes them. So an object that was
/// stored under another schema is never shown as that schema had it. Immutable; safe on any thread.
/// </summary>
/// <param name="storage">The apiVersion of the storage version.</param>
/// <param name="schemas">The schema of each version by its apiVersion, served or not.</param>
internal sealed class CrdStorage(string storage, IReadOnlyDictionary<string, Lazy<SchemaNode>> schemas)
{
    /// <summary>The object as it is to be stored; the one given stays as it is.</summary>
    /// <param name="obj">Pruned and filled by the schema of the version it is in.</param>
    /// <param name="kind">The version it is in.</param>
    public JsonObject ToStored(JsonObject obj, KindInfo kind)
    {
        if (kind.IsStorage)
            return obj;
        JsonObject stored = (JsonObject)obj.DeepClone();
        Pruner.Prune(stored, schemas[storage].Value);
        SchemaDefaults.Fill(stored, schemas[storage].Value);
        stored["apiVersion"] = storage;
        return stored;
    }

    /// <summary>Whether stored bytes are, but for their apiVersion, what is read: so it is nearly always, and asking costs a tenth of making it so.</summary>
    /// <param name="json">As stored.</param>
    /// <param name="lies">The apiVersion they lie in, in UTF-8.</param>
    /// <param name="kind">The version asked for.</param>
    public bool IsAsRead(ReadOnlySpan<byte> json, ReadOnlySpan<byte> lies, KindInfo kind)
    {
        if (lies.SequenceEqual(kind.ApiVersionUtf8) || !schemas.TryGetValue(Encoding.UTF8.GetString(lies), out Lazy<SchemaNode>? own))
            return StoredFit.Fits(json, kind.Schema, filled: true);
        return StoredFit.Fits(json, own.Value, filled: true) && StoredFit.Fits(json, kind.Schema, filled: false);
    }

    /// <summary>Makes a stored object, in place, what it is when it is read.</summary>
    /// <param name="obj">As stored, its apiVersion included.</param>
    /// <param name="kind">The version asked for.</param>
    public void Read(JsonObject obj, KindInfo kind)
    {
        // A version that the definition no longer has is read as the one asked for.
        SchemaNode schema = obj.TextAt("apiVersion") is { } lies && schemas.TryGetValue(lies, out Lazy<SchemaNode>? own) ? own.Value : kind.Schema;
        Pruner.Prune(obj, schema);
        SchemaDefaults.Fill(obj, schema);
        if (schema != kind.Schema)
            Pruner.Prune(obj, kind.Schema);
    }
}
