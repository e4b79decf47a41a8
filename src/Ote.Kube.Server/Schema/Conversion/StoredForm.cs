using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Conversion;

/// <summary>
/// How the objects of a kind lie in the store where that is not as they are served: as those of another version, or of another group that shows the same
/// objects. What is converted there and back is what it was. Pure.
/// </summary>
/// <param name="Group">Group of the stored kind.</param>
/// <param name="Version">Version of the stored kind.</param>
/// <param name="ToStored">A fresh object in the stored form; the one given stays as it is.</param>
/// <param name="FromStored">The served form; uses the one given up.</param>
internal sealed record StoredForm(string Group, string Version, Func<JsonObject, JsonObject> ToStored, Func<JsonObject, JsonObject> FromStored)
{
    private static readonly StoredForm Events = new("", "v1", EventForm.ToCore, EventForm.FromCore);
    private static readonly StoredForm Autoscalers = new("autoscaling", "v2", AutoscalerForm.ToV2, AutoscalerForm.FromV2);

    /// <summary>Of a built-in kind; null: it lies as it is served.</summary>
    public static StoredForm? Of(string group, string version, string plural) => (group, version, plural) switch
    {
        ("events.k8s.io", _, "events") => Events,
        ("autoscaling", "v1", "horizontalpodautoscalers") => Autoscalers,
        _ => null,
    };
}
