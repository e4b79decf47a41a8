using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Testing.NodeCuts;
using Ote.Testing.Simulation;

namespace Ote.Bench.Simulate;

/// <summary><c>./ote simulate node</c>: a node with its shipped hub that is cut off and restarted in every way, in virtual time; the same seed shows the same run.</summary>
internal static class NodeSeedsCommand
{
    public const string Description = "A node with its hub that is cut off and restarted in every way, in virtual time; a seed replays";

    /// <summary>Makes a command this one.</summary>
    public static Command AddTo(Command command, Option<string?> json)
    {
        var seed = new Option<int>("--seed") { Description = "Of everything random", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, one after the other, from --seed on", DefaultValueFactory = _ => 1 };
        var troubles = new Option<int>("--troubles") { Description = "Times that something goes wrong; each is a cut, a restart, or several of them at once", DefaultValueFactory = _ => new CutPlan(0).Troubles };
        var sabotage = new Option<Sabotage>("--sabotage") { Description = "Break something on purpose, to see that it is noticed" };
        foreach (var (option, least, most) in new (Option, long, long)[] { (seed, int.MinValue, int.MaxValue), (seeds, 1, int.MaxValue), (troubles, 0, 1000) })
        {
            option.Validators.Add(r => SeedsCommand.Within(r, least, most));
        }

        var log = new Option<string?>("--log") { Description = "File for what happens" };
        log.Validators.Add(SeedsCommand.Writable);
        foreach (var option in new Option[] { seed, seeds, troubles, sabotage, log, json })
        {
            command.Options.Add(option);
        }

        command.SetAction(async (parsed, cancel) => Turns.AreInForce
            ? Run(parsed.GetValue(seed), parsed.GetValue(seeds), parsed.GetValue(troubles), parsed.GetValue(sabotage), parsed.GetValue(log), parsed.GetValue(json) == "json")
            : (await OneThread.AgainAsync(OneThread.Arguments, capture: false, cancel).ConfigureAwait(false)).ExitCode);
        return command;
    }

    private static int Run(int first, int count, int troubles, Sabotage sabotage, string? log, bool json)
    {
        var (failed, cuts, restarts, merged, conflicts, virtually) = (0, 0, 0, 0, 0, TimeSpan.Zero);
        var (began, told) = (TimeProvider.System.GetTimestamp(), TimeProvider.System.GetTimestamp());
        for (var seed = first; seed < first + count; seed++)
        {
            if (TimeProvider.System.GetElapsedTime(told) > TimeSpan.FromSeconds(10))
            {
                told = TimeProvider.System.GetTimestamp();
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {seed - first} of {count} done, {failed} failed, {Environment.WorkingSet >> 20} MB"));
            }

            using var writer = log is null ? null : new StreamWriter(log) { AutoFlush = true };
            try
            {
                var result = CutSimulation.Run(new CutPlan(seed) { Troubles = troubles, Sabotage = sabotage, Log = writer });
                cuts += result.Cuts;
                restarts += result.Restarts;
                merged += result.Merged;
                conflicts += result.Conflicts;
                virtually += result.Elapsed;
                if (json || count == 1)
                {
                    Tell(seed, result, json);
                }
            }
            catch (Exception violation) when (violation is SimulationFailedException or InvalidOperationException)
            {
                failed++;
                Console.Out.WriteLine(json ? new JsonObject { ["seed"] = seed, ["failed"] = violation.Message }.ToJsonString() : $"seed {seed}: FAILED {violation.Message}");
            }
        }

        if (!json)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{count} sequences, {failed} failed: {cuts} cuts, {restarts} restarts, {merged} objects merged, {conflicts} conflicts, {virtually.TotalHours:0.0} virtual hours in {TimeProvider.System.GetElapsedTime(began).TotalSeconds:0.0} s"));
        }

        return failed == 0 ? 0 : 1;
    }

    private static void Tell(int seed, CutResult result, bool json) => Console.Out.WriteLine(json
        ? new JsonObject
        {
            ["seed"] = seed, ["steps"] = result.Steps, ["cuts"] = result.Cuts, ["restarts"] = result.Restarts, ["merged"] = result.Merged, ["conflicts"] = result.Conflicts, ["containers"] = result.Containers,
            ["virtualSeconds"] = Math.Round(result.Elapsed.TotalSeconds, 3), ["recoveredSeconds"] = Math.Round(result.Recovered.TotalSeconds, 3), ["fingerprint"] = result.Fingerprint.ToString("x16", CultureInfo.InvariantCulture),
        }.ToJsonString()
        : string.Create(
            CultureInfo.InvariantCulture,
            $"seed {seed}: {result.Steps} steps, {result.Elapsed.TotalSeconds:0} virtual s, well {result.Recovered.TotalSeconds:0} s after the last trouble; {result.Containers} containers started; {result.Fingerprint:x16}"));
}
