using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Conformance.Comparing;

namespace Ote.Conformance.Reviewing;

/// <summary>The differences that are meant, with their reasons, as the repository holds them. Immutable.</summary>
public sealed class ReviewedList
{
    private const int ExcerptLines = 10;
    private static readonly JsonSerializerOptions s_written = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ReviewedList(IReadOnlyDictionary<string, string> reasons, IReadOnlyList<ReviewedDifference> entries)
    {
        Reasons = reasons;
        Entries = entries;
    }

    /// <summary>Why two servers differ on purpose, by a short key.</summary>
    public IReadOnlyDictionary<string, string> Reasons { get; }

    /// <summary>In the order of the script.</summary>
    public IReadOnlyList<ReviewedDifference> Entries { get; }

    /// <summary>Reads the list.</summary>
    /// <param name="text">The file's.</param>
    /// <param name="unexplained">Whether entries may be without a reason of the list: while the list is being renewed.</param>
    /// <exception cref="FormatException">An entry names no reason of the list, or a command twice.</exception>
    public static ReviewedList Read(string text, bool unexplained = false)
    {
        JsonObject root = JsonNode.Parse(text)!.AsObject();
        Dictionary<string, string> reasons = root["reasons"]!.AsObject().ToDictionary(field => field.Key, field => (string)field.Value!, StringComparer.Ordinal);
        List<ReviewedDifference> entries = [.. root["differences"]!.AsArray().Select(node => Entry(node!.AsObject()))];
        foreach (ReviewedDifference entry in entries)
        {
            if (!unexplained && !reasons.ContainsKey(entry.Reason))
                throw new FormatException($"the reviewed difference of '{entry.Command}' gives the reason '{entry.Reason}', which is not among the list's reasons; write it there");
        }
        if (entries.GroupBy(entry => entry.Command, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new FormatException($"'{twice.Key}' is in the reviewed list twice; leave one");
        return new ReviewedList(reasons, entries);
    }

    /// <summary>The hash that is meant; empty when the command is to be the same.</summary>
    public string Meant(string command, string age) =>
        Entries.FirstOrDefault(entry => entry.Command == command)?.Hashes.GetValueOrDefault(age) ?? "";

    /// <summary>
    /// The list as it is after these runs: entries that no longer differ are left out, changed ones renewed, new ones get the reason
    /// <c>?</c>, which <see cref="Read"/> refuses until somebody has looked at them.
    /// </summary>
    /// <param name="runs">Command, age and difference of each comparison, in the script's order.</param>
    public string Renewed(IReadOnlyList<(string Command, string Age, Difference Difference)> runs)
    {
        JsonArray written = [];
        foreach (var command in runs.GroupBy(run => run.Command, StringComparer.Ordinal))
        {
            if (command.All(run => run.Difference.Lines.Count == 0))
                continue;
            JsonObject entry = new() { ["command"] = command.Key, ["reason"] = Entries.FirstOrDefault(known => known.Command == command.Key)?.Reason ?? "?" };
            foreach ((string _, string age, Difference difference) in command.Where(run => run.Difference.Lines.Count > 0))
            {
                entry[age] = difference.Hash;
                if (!entry.ContainsKey("difference") || (string)entry["old"]! != difference.Hash)
                    entry[entry.ContainsKey("difference") ? "newDifference" : "difference"] = Excerpt(difference.Lines);
            }
            written.Add((JsonNode)entry);
        }
        JsonObject reasons = new(Reasons.Select(reason => KeyValuePair.Create<string, JsonNode?>(reason.Key, reason.Value)));
        return new JsonObject { ["reasons"] = reasons, ["differences"] = written }.ToJsonString(s_written) + "\n";
    }

    private static JsonArray Excerpt(IReadOnlyList<string> lines)
    {
        IEnumerable<string> shown = lines.Count <= ExcerptLines ? lines : lines.Take(ExcerptLines - 1).Append($"... and {lines.Count - ExcerptLines + 1} lines more");
        return new JsonArray([.. shown.Select(line => (JsonNode)line)]);
    }

    private static ReviewedDifference Entry(JsonObject node)
    {
        Dictionary<string, string> hashes = new(StringComparer.Ordinal);
        Dictionary<string, IReadOnlyList<string>> excerpts = new(StringComparer.Ordinal);
        foreach (string age in (string[])["old", "new"])
        {
            if (node[age] is null)
                continue;
            hashes[age] = (string)node[age]!;
            excerpts[age] = [.. (node[age == "new" && node["newDifference"] is not null ? "newDifference" : "difference"] as JsonArray ?? []).Select(line => (string)line!)];
        }
        return new ReviewedDifference((string)node["command"]!, (string)node["reason"]!, hashes, excerpts);
    }
}
