using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>Reads what concerns autonomy off Node objects. Pure.</summary>
public static class NodeReading
{
    /// <summary>The label of the site a node is at; nodes of one site bear witness to one another.</summary>
    public const string SiteLabel = "ote.baidu.com/site";

    /// <summary>The annotation in which a node's hub says which others it reaches: a JSON object from node names to truth values.</summary>
    public const string WitnessAnnotation = "ote.baidu.com/witness";

    /// <summary>What a node's owner wants; null: it is not opted in. A duration that cannot be read is the default: an operator's slip must not evict.</summary>
    public static AutonomyPolicy? Policy(JsonObject node)
    {
        if (node.Labels()?[AutonomyPolicy.Label] is not JsonValue label || !label.TryGetValue<string>(out var text) || text is not ("enabled" or "true"))
        {
            return null;
        }

        return new AutonomyPolicy(Duration(node.Annotation(AutonomyPolicy.DurationAnnotation)) ?? AutonomyPolicy.Default.Duration, node.Annotation(AutonomyPolicy.AloneAnnotation) != "evict");
    }

    /// <summary>What other nodes of its site say of one.</summary>
    /// <param name="node">The node.</param>
    /// <param name="others">All nodes.</param>
    /// <param name="isHeard">Whether a node's own kubelet is heard: what a node says that is itself cut off is of the past.</param>
    public static IReadOnlyList<WitnessVote> Votes(JsonObject node, IEnumerable<JsonObject> others, Func<string, bool> isHeard) => Words(node, others, isHeard).Votes;

    /// <summary>The same, and how many of its site say something that does not count.</summary>
    /// <param name="node">The node.</param>
    /// <param name="others">All nodes.</param>
    /// <param name="isHeard">Whether a node's own kubelet is heard.</param>
    public static (IReadOnlyList<WitnessVote> Votes, int Refused) Words(JsonObject node, IEnumerable<JsonObject> others, Func<string, bool> isHeard)
    {
        ArgumentNullException.ThrowIfNull(others);
        ArgumentNullException.ThrowIfNull(isHeard);
        var (name, site) = (node.Name(), Site(node));
        var (votes, refused) = (new List<WitnessVote>(), 0);
        foreach (var other in others)
        {
            if (site is null || other.Name() == name || Site(other) != site || other.Annotation(WitnessAnnotation) is null)
            {
                continue;
            }

            var seen = Seen(other);
            if (seen is not null && !seen.ContainsKey(name))
            {
                continue;
            }

            if (seen?[name] is JsonValue value && value.TryGetValue<bool>(out var sees) && isHeard(other.Name()))
            {
                votes.Add(new WitnessVote(other.Name(), sees));
            }
            else
            {
                refused++;
            }
        }

        votes.Sort((one, two) => string.CompareOrdinal(one.Node, two.Node));
        return (votes, refused);
    }

    private static string? Site(JsonObject node) => node.Labels().Text(SiteLabel);

    private static JsonObject? Seen(JsonObject node)
    {
        try
        {
            return node.Annotation(WitnessAnnotation) is { } text ? JsonNode.Parse(text) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null; // Somebody else's text under our key is no vote.
        }
    }

    private static TimeSpan? Duration(string? text)
    {
        var unit = text is { Length: > 1 } ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 } : 0;
        return unit > 0 && int.TryParse(text.AsSpan(0, text!.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? TimeSpan.FromSeconds((long)number * unit) : null;
    }
}
