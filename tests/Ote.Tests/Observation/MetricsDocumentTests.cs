using System.Text.RegularExpressions;

namespace Ote.Tests.Observation;

/// <summary>docs/reference/metrics.md names every instrument of the product as Prometheus shows it, and no other.</summary>
public sealed partial class MetricsDocumentTests
{
    [Fact]
    public void Metrics_in_the_document_are_the_instruments_in_the_source()
    {
        string[] made = [.. Sources().SelectMany(file => Instrument().Matches(File.ReadAllText(file))).Select(Exposed).Order(StringComparer.Ordinal)];

        Assert.True(made.Length > 20, $"only {made.Length} instruments were found in the source");
        Assert.Equal(made, Documented().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_instrument_says_what_it_counts_and_in_which_unit()
    {
        int made = Sources().Sum(file => Made().Count(File.ReadAllText(file)));

        // An instrument without unit and description does not match, and would be missing above.
        Assert.Equal(made, Sources().Sum(file => Instrument().Count(File.ReadAllText(file))));
    }

    private static IEnumerable<string> Documented() => File.ReadLines(Path.Combine(ReviewedText.Root, "docs", "reference", "metrics.md"))
        .Where(line => line.StartsWith("| `ote_", StringComparison.Ordinal))
        .Select(line => line.Split('|'))
        .Select(cells => $"{cells[1].Trim(' ', '`')} {cells[2].Trim()}");

    private static IEnumerable<string> Sources() => Directory.EnumerateFiles(Path.Combine(ReviewedText.Root, "src"), "*.cs", SearchOption.AllDirectories);

    /// <summary>OpenTelemetry's rules: dots become underscores, the unit is appended unless it only annotates, and a counter ends in _total.</summary>
    private static string Exposed(Match made)
    {
        string name = made.Groups["name"].Value.Replace('.', '_');
        string unit = made.Groups["unit"].Value switch { "s" => "seconds", "By" => "bytes", var other when other.StartsWith('{') => "", var other => throw new InvalidOperationException($"unit '{other}' of {name} is new: tell this test how it is shown") };
        if (unit.Length > 0 && !name.EndsWith(unit, StringComparison.Ordinal))
            name += "_" + unit;
        return made.Groups["kind"].Value switch
        {
            "Counter" => $"{name}_total counter",
            "Histogram" => $"{name} histogram",
            _ => $"{name} gauge",
        };
    }

    [GeneratedRegex("""Create(?:Observable)?(?<kind>Counter|UpDownCounter|Gauge|Histogram)(?:<\w+>)?\(\s*"(?<name>ote\.[\w.]+)",\s*(?:[\w() =>.]+,\s*)?"(?<unit>[^"]+)",\s*"(?<text>[^"]+)"[,)]""")]
    private static partial Regex Instrument();

    [GeneratedRegex("""\bCreate(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)\b""")]
    private static partial Regex Made();
}
