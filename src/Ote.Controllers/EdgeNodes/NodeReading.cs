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

    /// <summary>A hundred years: more than anything lasts, and far less than a clock can count.</summary>
    private const long LongestSeconds = 36500L * 86400;

    /// <summary>What a node's owner wants; null: it is not opted in. A duration that cannot be read is the default: an operator's slip must not evict (<see cref="Slip"/> tells it).</summary>
    /// <param name="node">The node.</param>
    /// <param name="chooses">Whether a node with these labels is opted in where its own label says neither; null: none is.</param>
    public static AutonomyPolicy? Policy(JsonObject node, Func<JsonObject?, bool>? chooses = null) =>
        AutonomyPolicy.Says(Label(node)) ?? chooses?.Invoke(node.Labels()) ?? false
            ? new AutonomyPolicy(Duration(node.Annotation(AutonomyPolicy.DurationAnnotation)) ?? AutonomyPolicy.Default.Duration, node.Annotation(AutonomyPolicy.AloneAnnotation) != "evict")
            : null;

    /// <summary>What its owner wrote and cannot be understood, what is done instead, and what to write; null: nothing.</summary>
    public static string? Slip(JsonObject node)
    {
        var label = Label(node) is { } text && AutonomyPolicy.Says(text) is null ? $"its label {AutonomyPolicy.Label} is '{text}', which says nothing: write enabled or disabled" : null;
        var duration = node.Annotation(AutonomyPolicy.DurationAnnotation) is { } time && Duration(time) is null
            ? $"its annotation {AutonomyPolicy.DurationAnnotation} is '{time}', which is no duration of at most 100 years, so it may be on its own for a day: write for instance 90s, 12h or 30d" : null;
        return label is not null && duration is not null ? $"{label}; {duration}" : label ?? duration;
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

    /// <summary>The site it is at; null: none.</summary>
    public static string? Site(JsonObject node) => node.Labels().Text(SiteLabel);

    /// <summary>A duration as its owner may write it: in the largest unit that it is whole in.</summary>
    public static string Written(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        return seconds % 86400 == 0 ? $"{seconds / 86400}d" : seconds % 3600 == 0 ? $"{seconds / 3600}h" : seconds % 60 == 0 ? $"{seconds / 60}m" : $"{seconds}s";
    }

    private static string? Label(JsonObject node) => node.Labels().Text(AutonomyPolicy.Label);

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
        return unit > 0 && long.TryParse(text.AsSpan(0, text!.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= LongestSeconds / unit
            ? TimeSpan.FromSeconds(number * unit) : null;
    }
}
