using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Output;

/// <summary>Writes objects in the format asked for: verbatim, but for who owns which field, which kubectl leaves out too.</summary>
internal static class ObjectPrinter
{
    private const int IndentSize = 4;

    /// <summary>Writes one object.</summary>
    internal static void One(TextWriter writer, OutputFormat format, JsonObject obj)
    {
        switch (format)
        {
            case OutputFormat.Yaml:
                writer.Write(Yaml.Write(Shown(obj)));
                break;
            case OutputFormat.Name:
                writer.Write(NameOf(obj) + "\n");
                break;
            default:
                writer.Write(Json(Shown(obj)) + "\n");
                break;
        }
    }

    /// <summary>Writes a <c>v1 List</c>, each object as it comes, so that a long list needs no memory of its length.</summary>
    internal static async Task ListAsync(TextWriter writer, OutputFormat format, IAsyncEnumerable<JsonObject> items)
    {
        var first = true;
        if (format == OutputFormat.Json)
        {
            writer.Write("{\n    \"apiVersion\": \"v1\",\n    \"items\": [");
            await foreach (var item in items.ConfigureAwait(false))
            {
                writer.Write((first ? "\n        " : ",\n        ") + Json(Shown(item)).Replace("\n", "\n        ", StringComparison.Ordinal));
                first = false;
            }

            writer.Write((first ? "" : "\n    ") + "],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n");
        }
        else if (format == OutputFormat.Yaml)
        {
            writer.Write("apiVersion: v1\n");
            await foreach (var item in items.ConfigureAwait(false))
            {
                writer.Write((first ? "items:\n" : "") + Yaml.Write(new JsonArray(Shown(item).DeepClone())));
                first = false;
            }

            writer.Write((first ? "items: []\n" : "") + "kind: List\nmetadata:\n  resourceVersion: \"\"\n");
        }
        else
        {
            await foreach (var item in items.ConfigureAwait(false))
            {
                writer.Write(NameOf(item) + "\n");
            }
        }
    }

    /// <summary>Writes a <c>v1 List</c> of objects at hand.</summary>
    internal static Task ListAsync(TextWriter writer, OutputFormat format, IEnumerable<JsonObject> items) =>
        ListAsync(writer, format, items.ToAsyncEnumerable());

    /// <summary><c>kind.group/name</c>, as kubectl's <c>-o name</c>.</summary>
    internal static string NameOf(JsonObject obj)
    {
        var kind = (obj.Text("kind") ?? "").ToLowerInvariant();
        var apiVersion = obj.Text("apiVersion") ?? "";
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? $"{kind}/{obj.Name()}" : $"{kind}.{apiVersion[..slash]}/{obj.Name()}";
    }

    private static JsonObject Shown(JsonObject obj)
    {
        if (obj["metadata"] is not JsonObject metadata || !metadata.ContainsKey("managedFields"))
        {
            return obj;
        }

        var shown = obj.Copy();
        shown.Child("metadata").Remove("managedFields");
        return shown;
    }

    internal static string Json(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        var options = new JsonWriterOptions { Indented = true, IndentSize = IndentSize, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            node.WriteTo(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
