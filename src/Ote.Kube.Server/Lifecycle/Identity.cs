using System.Text.Json;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>The few words of metadata that each commit is asked for, read without parsing the rest.</summary>
/// <param name="Uid">Its uid.</param>
/// <param name="Deleting">Whether it is going.</param>
/// <param name="Owners">Uids of its owners.</param>
/// <param name="Waits">Whether its deletion waits for the garbage collector.</param>
internal readonly record struct Identity(string Uid, bool Deleting, IReadOnlyList<string> Owners, bool Waits)
{
    public static Identity Read(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        var uid = "";
        var deleting = false;
        var waits = false;
        List<string>? owners = null;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == 1)
            {
                // The end of metadata: stored objects have apiVersion, kind and metadata first.
                break;
            }

            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            switch (reader.CurrentDepth)
            {
                case 2 when reader.ValueTextEquals("uid"u8):
                    reader.Read();
                    uid = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
                    break;
                case 2 when reader.ValueTextEquals("deletionTimestamp"u8):
                    deleting = true;
                    reader.Skip();
                    break;
                case 2 when reader.ValueTextEquals("finalizers"u8):
                    waits = ReadFinalizers(ref reader);
                    break;
                case 2 when reader.ValueTextEquals("ownerReferences"u8):
                    owners = ReadOwners(ref reader);
                    break;
                case 1 when reader.ValueTextEquals("metadata"u8):
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new Identity(uid, deleting, owners ?? (IReadOnlyList<string>)[], waits);
    }

    private static bool ReadFinalizers(ref Utf8JsonReader reader)
    {
        var waits = false;
        reader.Read();
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            waits |= reader.TokenType == JsonTokenType.String
                && (reader.ValueTextEquals(PropagationFinalizers.Foreground) || reader.ValueTextEquals(PropagationFinalizers.Orphan));
        }

        return waits;
    }

    private static List<string> ReadOwners(ref Utf8JsonReader reader)
    {
        var owners = new List<string>();
        reader.Read();
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == depth + 2 && reader.ValueTextEquals("uid"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String)
                {
                    owners.Add(reader.GetString()!);
                }
            }
        }

        return owners;
    }
}
