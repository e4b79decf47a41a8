using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Bench;

/// <summary>One figure beside its baseline.</summary>
/// <param name="What">What was measured, with the count it holds for.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit, the baseline's too.</param>
/// <param name="Baseline">The figure of the baseline in the same run; null when there is none.</param>
/// <param name="Target">In words, such as <c>ratio &lt;= 2</c>; null for a figure without a demand.</param>
/// <param name="Meets">Whether the target is reached; null without a target.</param>
internal sealed record Row(string What, double Value, string Unit, double? Baseline, string? Target, bool? Meets)
{
    public double? Ratio => Baseline is > 0 ? Value / Baseline : null;

    /// <summary>A figure whose ratio to the baseline is limited.</summary>
    public static Row WithRatio(string what, double value, string unit, double baseline, double most, bool applies = true) => new(
        what, value, unit, baseline,
        applies ? string.Create(CultureInfo.InvariantCulture, $"ratio <= {most}") : null,
        applies ? baseline > 0 && value / baseline <= most : null);

    /// <summary>A figure that must be so many times the baseline.</summary>
    public static Row WithLeastRatio(string what, double value, string unit, double baseline, double least) => new(
        what, value, unit, baseline, string.Create(CultureInfo.InvariantCulture, $"ratio >= {least}"), baseline > 0 && value / baseline >= least);

    /// <summary>A figure that is limited itself.</summary>
    public static Row WithLimit(string what, double value, string unit, double most, double? baseline = null) =>
        new(what, value, unit, baseline, string.Create(CultureInfo.InvariantCulture, $"<= {most} {unit}"), value <= most);

    /// <summary>A figure that must be exactly so.</summary>
    public static Row Exactly(string what, double value, string unit, double wanted) =>
        new(what, value, unit, wanted, string.Create(CultureInfo.InvariantCulture, $"= {wanted}"), value.Equals(wanted));

    /// <summary>A figure without a baseline and without a demand.</summary>
    public static Row Alone(string what, double value, string unit) => new(what, value, unit, null, null, null);

    public JsonObject ToJson() => new()
    {
        ["what"] = What,
        ["value"] = Rounded(Value),
        ["unit"] = Unit,
        ["baseline"] = Rounded(Baseline),
        ["ratio"] = Rounded(Ratio),
        ["target"] = Target,
        ["meets"] = Meets,
    };

    /// <summary>What never came has no figure.</summary>
    private static JsonValue? Rounded(double? value) => value is { } v && double.IsFinite(v) ? JsonValue.Create(Math.Round(v, 3)) : null;
}

/// <summary>Tells the rows, and keeps the last run's beside the benchmarks.</summary>
internal static class Report
{
    // Targets read "ratio <= 2"; nothing here ends up in a web page.
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Pretty = new(OneLine) { WriteIndented = true };

    /// <param name="bench">Which it was.</param>
    /// <param name="rows">What it measured.</param>
    /// <param name="json">As one object on a line of its own.</param>
    /// <param name="keeps">Whether it was a whole run, which takes the place of the last one.</param>
    /// <param name="now">When it ended.</param>
    /// <param name="output">Where it is told.</param>
    public static void Write(string bench, IReadOnlyList<Row> rows, bool json, bool keeps, DateTimeOffset now, TextWriter output)
    {
        var result = new JsonObject { ["bench"] = bench, ["rows"] = new JsonArray([.. rows.Select(r => r.ToJson())]) };
        if (keeps)
        {
            Keep(bench, result, now);
        }

        if (json)
        {
            output.WriteLine(result.ToJsonString(OneLine));
            return;
        }

        var width = rows.Max(r => r.What.Length);
        output.WriteLine($"{"WHAT".PadRight(width)}  {"VALUE",12}  {"BASELINE",12}  {"UNIT",-8}{"RATIO",8}  {"TARGET",-16}MEETS");
        foreach (var row in rows)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.What.PadRight(width)}  {row.Value,12:0.##}  {row.Baseline,12:0.##}  {row.Unit,-8}{row.Ratio,8:0.##}  {row.Target ?? "-",-16}{(row.Meets is { } meets ? meets ? "yes" : "NO" : "-")}"));
        }
    }

    private static void Keep(string bench, JsonObject result, DateTimeOffset now)
    {
        if (Repository.Find() is not { } root)
        {
            return;
        }

        var folder = Directory.CreateDirectory(Path.Combine(root, "bench", "results"));
        var kept = new JsonObject
        {
            ["date"] = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["cores"] = Environment.ProcessorCount,
            ["load"] = Load(),
            ["cpu"] = Line("/proc/cpuinfo", "model name"),
            ["memory"] = Line("/proc/meminfo", "MemTotal"),
            ["kernel"] = Environment.OSVersion.VersionString,
            ["bench"] = bench,
            ["rows"] = result["rows"]!.DeepClone(),
        };
        File.WriteAllText(Path.Combine(folder.FullName, bench + ".json"), kept.ToJsonString(Pretty) + "\n");
        FiguresTable.Update(root);
    }

    /// <summary>What a file of the kernel says of a thing: a figure tells little without its machine.</summary>
    private static string? Line(string file, string thing) =>
        File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(thing, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim() : null;

    /// <summary>The machine's load averages: a figure taken on a busy machine says so.</summary>
    private static string? Load() => File.Exists("/proc/loadavg") ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3)) : null;
}

/// <summary>The working copy this was built in.</summary>
internal static class Repository
{
    public static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Ote.slnx")))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
