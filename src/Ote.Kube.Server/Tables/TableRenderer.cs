using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>How much of each object a Table's rows carry.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The names are those of the query parameter.")]
public enum IncludeObject
{
    /// <summary>Nothing but the cells.</summary>
    None,
    /// <summary>The object's metadata: the default.</summary>
    Metadata,
    /// <summary>The whole object.</summary>
    Object,
}

/// <summary>Renders objects as a <c>meta.k8s.io/v1</c> Table, which is what <c>kubectl get</c> prints. Pure.</summary>
public static class TableRenderer
{
    /// <summary>The policy behind an <c>includeObject</c> query; null when the text is none of None, Metadata, Object. Absent means Metadata.</summary>
    public static IncludeObject? ParseInclude(string? query) => query switch
    {
        null or "" or "Metadata" => IncludeObject.Metadata,
        "None" => IncludeObject.None,
        "Object" => IncludeObject.Object,
        _ => null,
    };

    /// <summary>A Table of the objects, in their order.</summary>
    /// <param name="kind">The objects' kind.</param>
    /// <param name="items">The objects; they are not changed.</param>
    /// <param name="now">The moment from which ages count.</param>
    /// <param name="listMeta">resourceVersion, continue and remainingItemCount of the list; copied. Null for an empty one.</param>
    /// <param name="include">How much of each object the rows carry.</param>
    /// <param name="withColumns">False leaves columnDefinitions empty, as watch events after the first have it.</param>
    /// <param name="ofClusters">The objects are those of several clusters: a column tells which.</param>
    public static JsonObject Render(
        KindInfo kind, IEnumerable<JsonObject> items, DateTimeOffset now, JsonObject? listMeta, IncludeObject include, bool withColumns = true, bool ofClusters = false)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(items);
        TableForm form = ofClusters ? TableForms.Of(kind).WithCluster() : TableForms.Of(kind);
        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = listMeta?.DeepClone() ?? new JsonObject(),
            ["columnDefinitions"] = withColumns ? new JsonArray([.. form.Columns.Select(c => (JsonNode)Column(c))]) : [],
            ["rows"] = new JsonArray([.. items.Select(o => (JsonNode)Row(form, o, kind.StoredForm is { } stored ? stored.ToStored(o) : o, now, include))]),
        };
    }

    private static JsonObject Column(TableColumn column) => new()
    {
        ["name"] = column.Name,
        ["type"] = column.Type,
        ["format"] = column.Format,
        ["description"] = column.Description,
        ["priority"] = column.Priority,
    };

    private static JsonObject Row(TableForm form, JsonObject o, JsonObject shown, DateTimeOffset now, IncludeObject include)
    {
        JsonObject row = new() { ["cells"] = new JsonArray(form.Cells(shown, now)) };
        if (form.Conditions(shown) is { } conditions)
            row["conditions"] = conditions;
        if (include == IncludeObject.Object)
            row["object"] = o.DeepClone();
        else if (include == IncludeObject.Metadata)
        {
            row["object"] = new JsonObject
            {
                ["kind"] = "PartialObjectMetadata",
                ["apiVersion"] = "meta.k8s.io/v1",
                ["metadata"] = o["metadata"]?.DeepClone(),
            };
        }
        return row;
    }
}
