using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Testing.Simulation;

namespace Ote.Bench.Simulate;

/// <summary><c>simulate</c>: a tree of shipped controllers in virtual time, with faults; the same seed shows the same run.</summary>
internal static class SimulateCommand
{
    public static Command Create(Option<string?> json)
    {
        var seed = new Option<int>("--seed") { Description = "Of everything random", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, one after the other, from --seed on", DefaultValueFactory = _ => 1 };
        var clusters = new Option<int>("--clusters", "-c") { Description = "Clusters beside the root", DefaultValueFactory = _ => 200 };
        var steps = new Option<long>("--steps") { Description = "Things that happen while faults go on", DefaultValueFactory = _ => 20_000 };
        var log = new Option<string?>("--log") { Description = "File for what the controllers log" };
        var command = new Command("simulate", "A tree of whole controllers in virtual time, with faults; a seed replays") { seed, seeds, clusters, steps, log, json };
        command.SetAction((parsed, _) => Task.FromResult(Turns.AreInForce
            ? Run(parsed.GetValue(seed), parsed.GetValue(seeds), parsed.GetValue(clusters), parsed.GetValue(steps), parsed.GetValue(log), parsed.GetValue(json) == "json")
            : Again()));
        return command;
    }

    private static int Run(int first, int count, int clusters, long steps, string? log, bool json)
    {
        var failed = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            using var writer = log is null ? null : new StreamWriter(log);
            var plan = new SimPlan(seed, clusters, steps) { Log = writer };
            var began = TimeProvider.System.GetTimestamp();
            try
            {
                Tell(seed, Simulation.Run(plan), TimeProvider.System.GetElapsedTime(began), json);
            }
            catch (SimulationFailedException violation)
            {
                failed++;
                Console.Out.WriteLine(json
                    ? new JsonObject { ["seed"] = seed, ["failed"] = violation.Message }.ToJsonString()
                    : $"seed {seed}: FAILED {violation.Message}");
            }
        }

        return failed == 0 ? 0 : 1;
    }

    private static void Tell(int seed, SimResult result, TimeSpan took, bool json) => Console.Out.WriteLine(json
        ? new JsonObject
        {
            ["seed"] = seed,
            ["steps"] = result.Steps,
            ["virtualSeconds"] = Math.Round(result.Elapsed.TotalSeconds, 3),
            ["recoveredSeconds"] = Math.Round(result.Recovered.TotalSeconds, 3),
            ["commands"] = result.Commands,
            ["executions"] = result.Executions,
            ["faults"] = new JsonObject([.. result.Faults.Select(f => KeyValuePair.Create(f.Key, (JsonNode?)f.Value))]),
            ["fingerprint"] = result.Fingerprint.ToString("x16", CultureInfo.InvariantCulture),
            ["seconds"] = Math.Round(took.TotalSeconds, 3),
            ["megabytes"] = Environment.WorkingSet >> 20,
        }.ToJsonString()
        : string.Create(
            CultureInfo.InvariantCulture,
            $"seed {seed}: {result.Steps} steps, {result.Elapsed.TotalSeconds:0} virtual s, {result.Faults.Values.Sum()} faults, well {result.Recovered.TotalSeconds:0} s after the last; {result.Commands} commands, {result.Executions} executions; {result.Fingerprint:x16}; {result.Steps / took.TotalSeconds:0} steps/s, {Environment.WorkingSet >> 20} MB"));

    /// <summary>The same in a process whose thread pool has one thread.</summary>
    private static int Again()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false };
        foreach (var argument in Environment.GetCommandLineArgs().Skip(Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? 0 : 1))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in Turns.Environment)
        {
            start.Environment[name] = value;
        }

        using var child = Process.Start(start)!;
        child.WaitForExit();
        return child.ExitCode;
    }
}
