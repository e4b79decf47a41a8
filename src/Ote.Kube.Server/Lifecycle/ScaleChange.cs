using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Patching.Ownership;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>A change to an object's count, made to or applied as its Scale. Pure.</summary>
/// <param name="context">The write.</param>
/// <param name="change">Gets the Scale, may use it up, and returns the wanted one.</param>
/// <param name="applied">The applied Scale in place of a change; null for a change.</param>
/// <param name="force">With an applied Scale: take the count over from whoever owns it.</param>
internal sealed class ScaleChange(WriteContext context, Func<JsonObject, JsonObject> change, JsonObject? applied, bool force)
{
    private readonly ScaleOwnership _scales = new(context.Kind);
    private readonly FieldOwnership _ownership = new(ScaleOwnership.Kind, static _ => null);

    /// <summary>What it makes of an object.</summary>
    /// <param name="old">The stored object, without its managedFields.</param>
    /// <param name="managed">These.</param>
    /// <param name="now">The time of the write.</param>
    /// <exception cref="ApiError">409 when others own the count and it is applied without force.</exception>
    public WantedObject Of(JsonObject old, JsonNode? managed, DateTimeOffset now)
    {
        var parent = ManagedEntries.OfStored(managed);
        var entries = _scales.ToScale(parent);
        var writer = ManagedFields.Writer(context, now);
        var scale = ScaleView.Of(context.Kind, old);
        JsonObject wanted;
        if (applied is null)
        {
            wanted = change(scale.Copy());
            entries = _ownership.AfterUpdate(entries, scale, wanted, writer);
        }
        else
        {
            var outcome = ManagedFields.Granted(_ownership.Apply(entries, scale, applied, writer, force));
            (wanted, entries) = (outcome.Object!, outcome.Managed);
            ApplyRules.KeepVersion(wanted, applied);
        }

        return new WantedObject(ScaleView.Into(context.Kind, old.Copy(), wanted), parent.IsNone ? parent : _scales.ToParent(parent, entries));
    }
}
