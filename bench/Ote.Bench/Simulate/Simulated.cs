using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Bench.Simulate;

/// <summary><c>simulate</c>: one tree of so many whole controllers in one process in virtual time; what each of them costs there.</summary>
internal static class Simulated
{
    private const int Reference = 1000;

    // Of faults: those that take a third of a tree of 100,000 at once cost more memory than the tree.
    private const long MostSteps = 10_000;
    private const double MostMegabytes = 8 * 1024;

    public static async Task<IReadOnlyList<Row>> RunAsync(int clusters, int seed, CancellationToken ct)
    {
        var small = await OneAsync(Reference, seed, ct).ConfigureAwait(false);
        var large = clusters == Reference ? small : await OneAsync(clusters, seed, ct).ConfigureAwait(false);
        var label = clusters.ToString("N0", CultureInfo.InvariantCulture) + " clusters";
        var reference = $"baseline: {Reference.ToString("N0", CultureInfo.InvariantCulture)}";
        return
        [
            Row.WithLimit($"memory, {label}", Number(large, "megabytes"), "MB", MostMegabytes),
            new Row($"memory of each, {label} ({reference})", Each(large, "megabytes", clusters) * 1024, "KB", Each(small, "megabytes", Reference) * 1024, null, null),
            new Row($"virtual time until all routes stand, {label} ({reference})", Number(large, "grownSeconds"), "s", Number(small, "grownSeconds"), null, null),
            new Row($"virtual time from the last fault until all is well, {label} ({reference})", Number(large, "recoveredSeconds"), "s", Number(small, "recoveredSeconds"), null, null),
            new Row($"packets of each, whole run, {label} ({reference})", Each(large, "packets", clusters), "", Each(small, "packets", Reference), null, null),
            new Row($"events a second, {label} ({reference})", Number(large, "steps") / Number(large, "seconds"), "1/s", Number(small, "steps") / Number(small, "seconds"), null, null),
        ];
    }

    private static async Task<JsonObject> OneAsync(int clusters, int seed, CancellationToken ct)
    {
        string[] arguments =
        [
            "seeds", "--seed", seed.ToString(CultureInfo.InvariantCulture), "--clusters", clusters.ToString(CultureInfo.InvariantCulture),
            "--steps", Math.Min(10L * clusters, MostSteps).ToString(CultureInfo.InvariantCulture), "-o", "json",
        ];
        var (exit, output) = await OneThread.AgainAsync(arguments, capture: true, ct).ConfigureAwait(false);
        var line = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault();
        return exit == 0 && line is not null
            ? JsonNode.Parse(line)!.AsObject()
            : throw new BenchException($"the run of {clusters} clusters failed: {line ?? $"it ended with {exit}"}");
    }

    private static double Each(JsonObject run, string field, int clusters) => Number(run, field) / clusters;

    private static double Number(JsonObject run, string field) => run.At(field)!.GetValue<double>();
}
