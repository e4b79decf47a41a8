using System.Text.Json;

namespace Ote.Cluster.Observing;

/// <summary>Which object a cluster's answer is about: one with <c>metadata</c>, or a Status with <c>details</c>, as deletions are answered.</summary>
/// <param name="Name">Null when the answer does not say it.</param>
/// <param name="Uid">Likewise.</param>
/// <param name="ResourceVersion">Likewise; a Status has none.</param>
internal readonly record struct AnsweredObject(string? Name, string? Uid, string? ResourceVersion)
{
    /// <summary>Reads as much of an answer as is there: of one that is cut, or is no JSON, what was read until then.</summary>
    public static AnsweredObject Read(ReadOnlySpan<byte> answer)
    {
        var found = default(AnsweredObject);
        var reader = new Utf8JsonReader(answer, isFinalBlock: false, default);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return found;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var tells = reader.ValueTextEquals("metadata"u8) || reader.ValueTextEquals("details"u8);
                if (!reader.Read() || !(tells && reader.TokenType == JsonTokenType.StartObject ? ReadNames(ref reader, ref found) : reader.TrySkip()))
                {
                    break;
                }
            }
        }
        catch (JsonException)
        {
            // What was found before counts.
        }

        return found;
    }

    /// <summary>Reads an object's strings; false when the answer ends in it.</summary>
    private static bool ReadNames(ref Utf8JsonReader reader, ref AnsweredObject found)
    {
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.EndObject)
            {
                return true;
            }

            var field = reader.ValueTextEquals("name"u8) ? 1 : reader.ValueTextEquals("uid"u8) ? 2 : reader.ValueTextEquals("resourceVersion"u8) ? 3 : 0;
            if (!reader.Read())
            {
                return false;
            }

            var text = reader.TokenType == JsonTokenType.String && field > 0 ? reader.GetString() : null;
            found = field switch
            {
                1 => found with { Name = text ?? found.Name },
                2 => found with { Uid = text ?? found.Uid },
                3 => found with { ResourceVersion = text ?? found.ResourceVersion },
                _ => found,
            };
            if (!reader.TrySkip())
            {
                return false;
            }
        }

        return false;
    }
}
