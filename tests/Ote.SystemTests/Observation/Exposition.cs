using System.Globalization;
using System.Text.RegularExpressions;

namespace Ote.SystemTests.Observation;

/// <summary>One line of a Prometheus exposition.</summary>
/// <param name="Name">With the <c>_total</c>, <c>_bucket</c>, <c>_sum</c> or <c>_count</c> it carries.</param>
/// <param name="Labels">By name.</param>
/// <param name="Value">The number.</param>
internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>What <c>/metrics</c> answered, read strictly: a line that is none of the format's is an error.</summary>
internal sealed partial class Exposition
{
    private readonly List<Sample> _samples = [];
    private readonly Dictionary<string, string> _types = [];

    /// <exception cref="FormatException">A line is none of the format's, or a sample comes before its type.</exception>
    public Exposition(string text)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (TypeLine().Match(line) is { Success: true } type)
                _types.Add(type.Groups[1].Value, type.Groups[2].Value);
            else if (SampleLine().Match(line) is { Success: true } sample)
                _samples.Add(Read(sample));
            else if (!line.StartsWith("# ", StringComparison.Ordinal))
                throw new FormatException($"'{line}' is no line of the exposition format");
        }
    }

    /// <summary>Families by name, with their type.</summary>
    public IReadOnlyDictionary<string, string> Types => _types;

    public IReadOnlyList<Sample> Samples => _samples;

    /// <summary>The sum over all series of a name that carry these labels, <c>name=value</c> each; null when there is none.</summary>
    public double? Sum(string name, params string[] labels)
    {
        Sample[] meant = [.. _samples.Where(sample => sample.Name == name && labels.All(label => sample.Labels.TryGetValue(label.Split('=')[0], out string? value) && value == label.Split('=')[1]))];
        return meant.Length == 0 ? null : meant.Sum(sample => sample.Value);
    }

    /// <summary>The names of the labels a family's series carry, without those of every exposition: a bucket's bound, and which meter it is.</summary>
    public IEnumerable<string> LabelsOf(string family) => _samples
        .Where(sample => sample.Name == family || (sample.Name.StartsWith(family, StringComparison.Ordinal) && sample.Name[family.Length..] is "_bucket" or "_sum" or "_count"))
        .SelectMany(sample => sample.Labels.Keys)
        .Where(label => label != "le" && label != "cluster" && !label.StartsWith("otel_scope_", StringComparison.Ordinal))
        .Distinct();

    private static Sample Read(Match match)
    {
        Dictionary<string, string> labels = [];
        foreach (Match label in Label().Matches(match.Groups["labels"].Value))
            labels.Add(label.Groups[1].Value, label.Groups[2].Value);
        return new Sample(match.Groups["name"].Value, labels, double.Parse(match.Groups["value"].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"\A# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped|unknown|info)\z")]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"\A(?<name>[a-zA-Z_:][\w:]*)(\{(?<labels>.*)\})? (?<value>[^ ]+)( [0-9.]+)?\z")]
    private static partial Regex SampleLine();

    [GeneratedRegex("""([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?""")]
    private static partial Regex Label();
}
