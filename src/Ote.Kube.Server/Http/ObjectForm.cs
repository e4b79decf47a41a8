using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>Brings stored bytes into the form an answer needs.</summary>
internal static class ObjectForm
{
    private static ReadOnlySpan<byte> Start => "{\"apiVersion\":\""u8;

    /// <summary>Parses stored JSON, which passed the depth limit when it came in, as the kind it is asked for.</summary>
    public static JsonObject Parse(byte[] json, KindInfo kind)
    {
        var obj = ObjectJson.Stored(json);
        if (kind.StoredForm is { } form)
        {
            obj = form.FromStored(obj);
        }
        else if (kind.Storage is { } storage && !storage.IsAsRead(json, Lies(json), kind))
        {
            storage.Read(obj, kind);
        }

        obj["apiVersion"] = kind.ApiVersion;
        return obj;
    }

    /// <summary>An object of a kind as it is to be stored.</summary>
    public static JsonObject ToStored(JsonObject obj, KindInfo kind) => kind.StoredForm is { } form ? form.ToStored(obj) : kind.Storage?.ToStored(obj, kind) ?? obj;

    /// <summary>The stored bytes in the version asked for: most versions of a kind differ in their name alone.</summary>
    public static ReadOnlyMemory<byte> InVersion(byte[] json, KindInfo kind)
    {
        var lies = Lies(json);
        if (kind.StoredForm is not null || lies.IsEmpty || kind.Storage?.IsAsRead(json, lies, kind) == false)
        {
            return Answers.Bytes(Parse(json, kind));
        }

        return lies.SequenceEqual(kind.ApiVersionUtf8) ? json : (byte[])[.. Start, .. kind.ApiVersionUtf8, .. json.AsSpan(Start.Length + lies.Length)];
    }

    /// <summary>The apiVersion that stored bytes begin with; empty when they begin with something else.</summary>
    private static ReadOnlySpan<byte> Lies(ReadOnlySpan<byte> json)
    {
        if (!json.StartsWith(Start))
        {
            return [];
        }

        var stored = json[Start.Length..];
        return stored[..stored.IndexOf((byte)'"')];
    }

    /// <summary>The stored bytes with another <c>metadata.resourceVersion</c>, and nothing else of them another.</summary>
    public static byte[] AtVersion(byte[] json, string version)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = ObjectJson.StoredDepth });
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.CurrentDepth == 1 && !reader.ValueTextEquals("metadata"u8))
            {
                reader.Skip();
            }
            else if (reader.CurrentDepth == 2)
            {
                if (reader.ValueTextEquals("resourceVersion"u8))
                {
                    reader.Read();
                    return [.. json.AsSpan(0, (int)reader.TokenStartIndex), (byte)'"', .. System.Text.Encoding.UTF8.GetBytes(version), (byte)'"', .. json.AsSpan((int)reader.BytesConsumed)];
                }

                reader.Skip();
            }
        }

        return json;
    }

    /// <summary>An object's metadata alone.</summary>
    public static JsonObject Metadata(byte[] json, string version) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = $"meta.k8s.io/{version}",
        ["metadata"] = ObjectJson.Stored(json)["metadata"]?.DeepClone(),
    };
}
