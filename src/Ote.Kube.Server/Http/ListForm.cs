using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Http;

/// <summary>How a collection is written: a head, then the items with commas between them, then <see cref="Tail"/>. Pure.</summary>
/// <param name="kind">The kind in the version asked for.</param>
/// <param name="form">What was asked for.</param>
/// <param name="version">The version of <c>meta.k8s.io</c>, for tables and for metadata alone.</param>
/// <param name="include">How much of each object a table's rows carry.</param>
/// <param name="now">The moment from which ages count.</param>
/// <param name="ofClusters">The objects are those of several clusters.</param>
internal sealed class ListForm(KindInfo kind, AnswerForm form, string version, IncludeObject include, DateTimeOffset now, bool ofClusters = false)
{
    /// <summary>Ends the items and the collection.</summary>
    public static ReadOnlySpan<byte> Tail => "]}"u8;

    /// <summary>All that comes before the first item.</summary>
    /// <param name="meta">The collection's metadata; becomes part of it.</param>
    public byte[] Head(JsonObject meta)
    {
        var (head, items) = form switch
        {
            AnswerForm.Table => (Table([], meta, withColumns: true), "rows"),
            AnswerForm.Metadata => (new JsonObject { ["kind"] = "PartialObjectMetadataList", ["apiVersion"] = $"meta.k8s.io/{version}", ["metadata"] = meta }, "items"),
            _ => (new JsonObject { ["kind"] = kind.ListKind, ["apiVersion"] = kind.ApiVersion, ["metadata"] = meta }, "items"),
        };
        head.Remove(items);
        var text = Answers.Bytes(head);
        return [.. text.AsSpan(0, text.Length - 1), .. ",\""u8, .. System.Text.Encoding.ASCII.GetBytes(items), .. "\":["u8];
    }

    /// <summary>One item.</summary>
    /// <param name="json">The object as it is stored.</param>
    public ReadOnlyMemory<byte> Item(byte[] json) => form switch
    {
        AnswerForm.Table => Answers.Bytes(Table([ObjectForm.Parse(json, kind)], null, withColumns: false)["rows"]![0]!),
        AnswerForm.Metadata => Answers.Bytes(ObjectForm.Metadata(json, version)),
        _ => ObjectForm.InVersion(json, kind),
    };

    private JsonObject Table(JsonObject[] objects, JsonObject? meta, bool withColumns)
    {
        var table = TableRenderer.Render(kind, objects, now, meta, include, withColumns, ofClusters);
        table["apiVersion"] = $"meta.k8s.io/{version}";
        return table;
    }
}
