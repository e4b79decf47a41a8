using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Testing.Simulation;

namespace Ote.Bench.Simulate;

/// <summary><c>./ote simulate</c>: a tree of shipped controllers in virtual time, with faults; the same seed shows the same run.</summary>
internal static class SeedsCommand
{
    public const string Description = "A tree of whole controllers in virtual time, with faults; a seed replays";

    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(0.5);

    /// <summary>Makes a command this one.</summary>
    public static Command AddTo(Command command, Option<string?> json)
    {
        var seed = new Option<int>("--seed") { Description = "Of everything random", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, one after the other, from --seed on", DefaultValueFactory = _ => 1 };
        var clusters = new Option<int>("--clusters", "-c") { Description = "Clusters beside the root", DefaultValueFactory = _ => 200 };
        var steps = new Option<long>("--steps") { Description = "Things that happen while faults go on; growing before that, and recovering after it, take as many as they need", DefaultValueFactory = _ => 20_000 };
        var home = new Option<bool>("--home") { Description = "End only when each cluster is below the parent it was set up with again" };
        foreach (var (option, least, most) in new (Option, long, long)[] { (seed, int.MinValue, int.MaxValue), (seeds, 1, int.MaxValue), (clusters, 1, 200_000), (steps, 0, long.MaxValue) })
        {
            option.Validators.Add(r => Within(r, least, most));
        }

        var silent = new Option<bool>("--no-reports") { Description = "Without objects in the clusters and the root's mirror of them" };
        var log = new Option<string?>("--log") { Description = "File for what the controllers log" };
        log.Validators.Add(Writable);
        foreach (var option in new Option[] { seed, seeds, clusters, steps, home, silent, log, json })
        {
            command.Options.Add(option);
        }

        command.SetAction(async (parsed, cancel) => Turns.AreInForce
            ? Run(parsed.GetValue(seed), parsed.GetValue(seeds), parsed.GetValue(clusters), parsed.GetValue(steps), parsed.GetValue(home), !parsed.GetValue(silent), parsed.GetValue(log), parsed.GetValue(json) == "json")
            : (await OneThread.AgainAsync(OneThread.Arguments, capture: false, cancel).ConfigureAwait(false)).ExitCode);
        return command;
    }

    internal static void Within(OptionResult result, long least, long most)
    {
        if (result.Tokens is [{ Value: var text }] && !(long.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most))
        {
            result.AddError($"{result.Option.Name}: '{text}' is no whole number{(least == int.MinValue ? "" : most is int.MaxValue or long.MaxValue ? $", {least} or more" : $" from {least} to {most}")}");
        }
    }

    internal static void Writable(OptionResult result)
    {
        if (result.Tokens is [{ Value: var file }] && Path.GetDirectoryName(Path.GetFullPath(file)) is var folder && (Directory.Exists(file) || !Directory.Exists(folder)))
        {
            result.AddError($"{result.Option.Name}: '{file}' cannot be a file; name one in a folder that is there");
        }
    }

    private static int Run(int first, int count, int clusters, long steps, bool home, bool reports, string? log, bool json)
    {
        var failed = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            using var writer = log is null ? null : new StreamWriter(log);
            var began = TimeProvider.System.GetTimestamp();
            var plan = new SimPlan(seed, clusters, steps) { MustBeHome = home, ReportEvery = reports ? ReportEvery : null, Log = writer, Progress = new Watched(seed).Tell };
            try
            {
                Tell(plan, Simulation.Run(plan), TimeProvider.System.GetElapsedTime(began), json);
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

    /// <summary>A line on standard error every ten seconds.</summary>
    private sealed class Watched(int seed)
    {
        private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
        private long _told = TimeProvider.System.GetTimestamp();

        public void Tell(string phase, TimeSpan virtualTime, long steps)
        {
            if (TimeProvider.System.GetElapsedTime(_told) < Every)
            {
                return;
            }

            _told = TimeProvider.System.GetTimestamp();
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed} {phase}: {steps} steps, {virtualTime.TotalSeconds:0.0} virtual s, {Environment.WorkingSet >> 20} MB"));
        }
    }

    private static void Tell(SimPlan plan, SimResult result, TimeSpan took, bool json) => Console.Out.WriteLine(json
        ? new JsonObject
        {
            ["seed"] = plan.Seed,
            ["stepsWithFaults"] = plan.Steps,
            ["steps"] = result.Steps,
            ["virtualSeconds"] = Math.Round(result.Elapsed.TotalSeconds, 3),
            ["recoveredSeconds"] = Math.Round(result.Recovered.TotalSeconds, 3),
            ["commands"] = result.Commands,
            ["messages"] = result.Messages,
            ["across"] = result.Across,
            ["changes"] = result.Changes,
            ["executions"] = result.Executions,
            ["faults"] = new JsonObject([.. result.Faults.Select(f => KeyValuePair.Create(f.Key, (JsonNode?)f.Value))]),
            ["fingerprint"] = result.Fingerprint.ToString("x16", CultureInfo.InvariantCulture),
            ["seconds"] = Math.Round(took.TotalSeconds, 3),
            ["grownSeconds"] = Math.Round(result.Grown.TotalSeconds, 3),
            ["packets"] = result.Packets,
            ["liveMegabytes"] = result.Live >> 20,
            ["megabytes"] = PeakMegabytes(),
        }.ToJsonString()
        : string.Create(
            CultureInfo.InvariantCulture,
            $"seed {plan.Seed}: {plan.Steps} steps with faults of {result.Steps}, {result.Elapsed.TotalSeconds:0} virtual s, {result.Faults.Values.Sum()} faults, well {result.Recovered.TotalSeconds:0} s after the last; {result.Commands} commands, {result.Messages} messages, {result.Across} across, {result.Changes} changes of objects, {result.Executions} executions; {result.Fingerprint:x16}; {result.Steps / took.TotalSeconds:0} steps/s, {PeakMegabytes()} MB"));

    /// <summary>The most memory the process ever had, in MB of 1,048,576 bytes, code and what is beside the heap included.</summary>
    private static long PeakMegabytes()
    {
        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 >> 20;
    }
}
