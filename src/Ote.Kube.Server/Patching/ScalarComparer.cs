using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching;

/// <summary>Scalars are equal as in JSON: 1 and 1.0 are, 1 and "1" are not.</summary>
internal sealed class ScalarComparer : IEqualityComparer<JsonNode?>
{
    public static ScalarComparer Instance { get; } = new();

    public bool Equals(JsonNode? x, JsonNode? y) => JsonNode.DeepEquals(x, y);

    public int GetHashCode(JsonNode? obj) => obj?.GetValueKind() switch
    {
        JsonValueKind.String => string.GetHashCode(obj.Text(), StringComparison.Ordinal),
        JsonValueKind.Number => obj.Real().GetHashCode(),
        { } kind => (int)kind,
        null => 0,
    };
}
