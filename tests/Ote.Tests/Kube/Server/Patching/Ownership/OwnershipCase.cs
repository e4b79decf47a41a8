using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Patching.Ownership;

/// <summary>An object of a kind, its managers, and writes to it one after another. The clock is a count of writes.</summary>
internal sealed class OwnershipCase(SchemaCatalog catalog, string group, string version, string plural)
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private int _writes;

    public JsonObject Object { get; private set; } = [];

    public ManagedEntries Managed { get; set; } = ManagedEntries.None;

    /// <summary>The version of the writes that follow.</summary>
    public string Version { get; set; } = version;

    public static OwnershipCase Of(string group, string version, string plural) => new(SchemaCatalog.BuiltIn, group, version, plural);

    /// <summary>Puts the whole object.</summary>
    public OwnershipCase Update(string manager, string obj, string? subresource = null)
    {
        JsonObject after = Json(obj);
        Managed = Ownership(subresource).AfterUpdate(Managed, _writes == 0 ? null : Object, after, Writer(manager, subresource));
        Object = after;
        return this;
    }

    /// <summary>Applies; throws what conflicts there are.</summary>
    public OwnershipCase Apply(string manager, string applied, bool force = false, string? subresource = null)
    {
        Applied outcome = Try(manager, applied, force, subresource);
        Assert.Empty(outcome.Conflicts.SelectMany(c => c.Fields.Paths()));
        (Object, Managed) = (outcome.Object!, outcome.Managed);
        return this;
    }

    public Applied Try(string manager, string applied, bool force = false, string? subresource = null) =>
        Ownership(subresource).Apply(Managed, Object, Json(applied), Writer(manager, subresource), force);

    /// <summary>What a manager owns, as a document; empty when it has no entry.</summary>
    public string Owns(string manager, string? version = null) => Managed.All.FirstOrDefault(e => e.Manager == manager && (version is null || e.ApiVersion == version)) is { } entry
        ? FieldsV1.ToJson(entry.Fields).ToJsonString(s_plain) : "";

    public void Holds(string expected) => Assert.True(JsonNode.DeepEquals(Json(expected), Object), $"expected {expected}\nbut is    {Object.ToJsonString(s_plain)}");

    public static JsonObject Json(string text) => (JsonObject)JsonNode.Parse(text)!;

    private FieldWriter Writer(string manager, string? subresource) => new(manager, subresource, $"2026-01-01T00:{_writes / 60:00}:{_writes++ % 60:00}Z");

    private FieldOwnership Ownership(string? subresource) => new(Kind(Version, subresource)!, apiVersion => Kind(apiVersion[(apiVersion.LastIndexOf('/') + 1)..], subresource));

    private TypedKind? Kind(string version, string? subresource) => catalog.Find(group, version, plural) is { } kind ? TypedKind.Of(kind, subresource) : null;
}
