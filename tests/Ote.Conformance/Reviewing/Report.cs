using System.Text.Json.Nodes;

namespace Ote.Conformance.Reviewing;

/// <summary>What a run showed. A command counts once, whatever the number of kubectls that ran it, by the worst of its verdicts.</summary>
/// <param name="Comparisons">In the order of the script.</param>
public sealed record Report(IReadOnlyList<Comparison> Comparisons)
{
    private const int Slowest = 8;
    private const int MostLines = 40;

    /// <summary>Commands by their worst verdict.</summary>
    public IReadOnlyDictionary<string, Verdict> Commands { get; } =
        Comparisons.GroupBy(c => c.Statement.Name, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Max(c => c.Verdict), StringComparer.Ordinal);

    /// <summary>Commands with this verdict.</summary>
    public int Count(Verdict verdict) => Commands.Values.Count(found => found == verdict);

    /// <summary><c>{commands, same, reviewed, different}</c></summary>
    public JsonObject ToJson() => new()
    {
        ["commands"] = Commands.Count,
        ["same"] = Count(Verdict.Same),
        ["reviewed"] = Count(Verdict.Reviewed),
        ["different"] = Count(Verdict.Different),
    };

    /// <summary>For people: each command that is different, with in what; then the counts.</summary>
    public void Write(TextWriter to)
    {
        foreach (Comparison found in Comparisons.Where(c => c.Verdict == Verdict.Different))
        {
            to.WriteLine($"different  {found.Statement.Name}   ({found.Age} kubectl; {(found.Difference.Lines.Count == 0 ? "the reviewed list says that it differs, and it does not" : found.Difference.Hash)})");
            foreach (string line in found.Difference.Lines.Take(MostLines))
                to.WriteLine($"    {line}");
            if (found.Difference.Lines.Count > MostLines)
                to.WriteLine($"    ... and {found.Difference.Lines.Count - MostLines} lines more");
        }
        foreach (var section in Comparisons.GroupBy(c => c.Statement.Section))
        {
            var commands = section.GroupBy(c => c.Statement.Name, StringComparer.Ordinal).Select(group => group.Max(c => c.Verdict)).ToList();
            to.WriteLine($"{section.Key,-18} {commands.Count,4} commands {commands.Count(v => v == Verdict.Same),4} same {commands.Count(v => v == Verdict.Reviewed),4} reviewed {commands.Count(v => v == Verdict.Different),4} different");
        }
        to.WriteLine($"{"all",-18} {Commands.Count,4} commands {Count(Verdict.Same),4} same {Count(Verdict.Reviewed),4} reviewed {Count(Verdict.Different),4} different");
    }

    /// <summary>The commands that took longest, for whoever wants the run shorter.</summary>
    public IEnumerable<string> SlowestCommands() =>
        Comparisons.OrderByDescending(c => c.Took).Take(Slowest).Select(c => $"{c.Took.TotalSeconds,5:0.0} s  {c.Statement.Name} ({c.Age})");
}
