using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>Brings stored bytes into the form an answer needs.</summary>
internal static class ObjectForm
{
    /// <summary>Parses stored JSON, which passed the depth limit when it came in.</summary>
    public static JsonObject Parse(byte[] json, KindInfo kind)
    {
        var obj = ObjectJson.Stored(json);
        if (kind.StoredForm is { } form)
        {
            obj = form.FromStored(obj);
        }

        obj["apiVersion"] = kind.ApiVersion;
        return obj;
    }

    /// <summary>An object of a kind as it is to be stored.</summary>
    public static JsonObject ToStored(JsonObject obj, KindInfo kind) => kind.StoredForm is { } form ? form.ToStored(obj) : obj;

    /// <summary>The stored bytes in the version asked for: most versions of a kind differ in their name alone.</summary>
    public static ReadOnlyMemory<byte> InVersion(byte[] json, KindInfo kind)
    {
        var start = "{\"apiVersion\":\""u8;
        if (kind.StoredForm is not null || !json.AsSpan().StartsWith(start))
        {
            return Answers.Bytes(Parse(json, kind));
        }

        var stored = json.AsSpan(start.Length);
        var length = stored.IndexOf((byte)'"');
        var wanted = Encoding.UTF8.GetBytes(kind.ApiVersion);
        return stored[..length].SequenceEqual(wanted) ? json : (byte[])[.. start, .. wanted, .. stored[length..]];
    }

    /// <summary>An object's metadata alone.</summary>
    public static JsonObject Metadata(byte[] json, string version) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = $"meta.k8s.io/{version}",
        ["metadata"] = ObjectJson.Stored(json)["metadata"]?.DeepClone(),
    };
}
