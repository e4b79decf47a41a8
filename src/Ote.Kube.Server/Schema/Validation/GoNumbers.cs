using System.Globalization;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>
/// Writes each number of a custom object as Go does: what is whole, without a point and an exponent. The real server reads numbers and writes them anew, and programs
/// in Go refuse <c>2.0</c> where a whole number is meant.
/// </summary>
internal static class GoNumbers
{
    /// <summary>Rewrites them in place. Does it again without effect.</summary>
    public static void Write(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                List<(string Name, JsonNode Number)>? changes = null;
                foreach ((string name, JsonNode? value) in map)
                {
                    if (Changed(value) is { } number)
                        (changes ??= []).Add((name, number));
                    else
                        Write(value);
                }
                foreach ((string name, JsonNode number) in changes ?? [])
                    map[name] = number;
                break;
            case JsonArray list:
                for (int i = 0; i < list.Count; i++)
                {
                    if (Changed(list[i]) is { } number)
                        list[i] = number;
                    else
                        Write(list[i]);
                }
                break;
        }
    }

    /// <summary>A number that is written otherwise; null for one that stays, and for what is none.</summary>
    private static JsonNode? Changed(JsonNode? value)
    {
        if (value is not JsonValue || !value.IsNumber() || value.IsInteger())
            return null;
        string written = value.ToJsonString();
        return double.TryParse(written, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real) && Format(real) is { } text && text != written
            ? JsonNode.Parse(text) : null;
    }

    /// <summary>The shortest digits that are the same number; an exponent below 1e-6 and from 1e21 on, as in JSON of Go and of JavaScript.</summary>
    private static string Format(double real)
    {
        string shortest = real.ToString("R", CultureInfo.InvariantCulture);
        if (real == 0 || Math.Abs(real) is >= 1e-6 and < 1e21)
            return decimal.Parse(shortest, NumberStyles.Float, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
        string[] parts = shortest.Split('E');
        int exponent = int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{parts[0]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent)}");
    }
}
