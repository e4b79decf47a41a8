using System.Text.Json;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>Reads whose object one is from its bytes: who may see one cluster alone has it done for each object of a list, so nothing else of it is looked at.</summary>
internal static class MirroredOrigin
{
    /// <summary>Whose it is; null when it does not say.</summary>
    /// <param name="shown">A JSON object as it is shown.</param>
    public static ObjectOrigin? Read(ReadOnlySpan<byte> shown)
    {
        var reader = new Utf8JsonReader(shown);
        string? apiVersion = null, cluster = null, name = null, version = null;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("apiVersion"u8))
            {
                apiVersion = Text(ref reader);
            }
            else if (reader.ValueTextEquals("metadata"u8))
            {
                ReadMetadata(ref reader, ref cluster, ref name, ref version);
            }
            else
            {
                reader.Skip();
            }
        }

        return cluster is null || name is null ? null : new ObjectOrigin(cluster, name, version, apiVersion);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, ref string? cluster, ref string? name, ref string? version)
    {
        if (!Enter(ref reader))
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!reader.ValueTextEquals("annotations"u8))
            {
                reader.Skip();
            }
            else if (Enter(ref reader))
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    if (reader.ValueTextEquals("ote.baidu.com/cluster"u8))
                    {
                        cluster = Text(ref reader);
                    }
                    else if (reader.ValueTextEquals("ote.baidu.com/name"u8))
                    {
                        name = Text(ref reader);
                    }
                    else if (reader.ValueTextEquals("ote.baidu.com/resource-version"u8))
                    {
                        version = Text(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }
        }
    }

    /// <summary>Into the object that is a property's value; past the value, when it is none.</summary>
    private static bool Enter(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            return true;
        }

        reader.Skip();
        return false;
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString();
        }

        reader.Skip();
        return null;
    }
}
