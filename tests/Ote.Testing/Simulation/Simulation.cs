namespace Ote.Testing.Simulation;

/// <summary>How a run went.</summary>
/// <param name="Steps">Things that happened in all.</param>
/// <param name="Elapsed">Virtual time.</param>
/// <param name="Grown">Virtual time until the whole tree stood for the first time.</param>
/// <param name="Live">Bytes of the heap in use when it did, garbage aside.</param>
/// <param name="Recovered">Virtual time from the end of faults until all was well.</param>
/// <param name="Packets">Packets that arrived, over all links.</param>
/// <param name="Commands">Commands written.</param>
/// <param name="Messages">Messages that clusters sent each other.</param>
/// <param name="Across">Those that came over a lateral link, as the processes that ran at the end count them.</param>
/// <param name="Changes">Changes of objects that clusters reported.</param>
/// <param name="Executions">Requests carried out at the clusters.</param>
/// <param name="Faults">Faults by kind.</param>
/// <param name="Fingerprint">The same for each run of one plan.</param>
public sealed record SimResult(
    long Steps, TimeSpan Elapsed, TimeSpan Grown, long Live, TimeSpan Recovered, long Packets, int Commands, int Messages, long Across, int Changes, int Executions, IReadOnlyDictionary<string, int> Faults, ulong Fingerprint);

/// <summary>A whole run: a tree grows, things go wrong, are mended, and all must be well.</summary>
public static class Simulation
{
    private const int ProgressEvery = 1000;

    // What it takes to attach is as much again as to be attached: for a large tree not at once.
    private const int StartedTogether = 2000;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Runs a plan. Blocks; the process must be one of <see cref="Turns.AreInForce"/>.</summary>
    /// <exception cref="SimulationFailedException">Something was that must never be, or did not become well in time.</exception>
    public static SimResult Run(SimPlan plan)
    {
        var timeline = new Timeline();
        SimResult? result = null;
        SimInvariants? invariants = null;
        SimWorld? running = null;
        Turns.Run(
            timeline,
            async () =>
            {
                var world = running = await SimWorld.CreateAsync(plan, timeline).ConfigureAwait(false);
                await using (world.ConfigureAwait(false))
                {
                    invariants = new SimInvariants(world);
                    result = await RunAsync(world, invariants).ConfigureAwait(false);
                }
            },
            () =>
            {
                invariants?.Check();
                if (timeline.Steps % ProgressEvery == 0)
                {
                    plan.Progress?.Invoke(running?.Phase ?? "begins", timeline.Elapsed, timeline.Steps);
                }
            });
        return result!;
    }

    private static async Task<SimResult> RunAsync(SimWorld world, SimInvariants invariants)
    {
        var plan = world.Plan;
        foreach (var batch in world.Nodes.Skip(1).Chunk(StartedTogether))
        {
            await Task.WhenAll(batch.Select(static n => n.StartAsync())).ConfigureAwait(false);
            await Task.Delay(batch.Length < StartedTogether ? TimeSpan.Zero : Look, world.Clock).ConfigureAwait(false);
        }

        await UntilAsync(world, "the tree has grown", () => Task.FromResult(invariants.Unsettled())).ConfigureAwait(false);

        var grown = world.Timeline.Elapsed;
        GC.Collect();
        var live = GC.GetTotalMemory(forceFullCollection: false);
        world.Phase = "suffers faults";
        world.FaultsEnd = world.Timeline.Steps + plan.Steps;
        var laterals = new SimLaterals(world);
        await laterals.BeginAsync().ConfigureAwait(false);
        var commands = new SimCommands(world, plan.CommandEvery ?? TimeSpan.FromDays(1));
        var messages = new SimMessages(world, laterals, plan.MessageEvery ?? TimeSpan.FromDays(1));
        var faults = plan.FaultEvery is { } mean ? new SimFaults(world, mean, commands, messages) : null;
        var wishes = new SimWishes(world, laterals, plan.WishEvery);
        await Task.WhenAll(faults?.RunAsync() ?? Task.CompletedTask, plan.CommandEvery is null ? Task.CompletedTask : commands.RunAsync(), plan.MessageEvery is null ? Task.CompletedTask : messages.RunAsync(), wishes.RunAsync(), world.Reports?.RunAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        await (faults?.MendAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        await wishes.EndAsync().ConfigureAwait(false);

        world.Phase = "recovers";
        var mended = world.Timeline.Elapsed;
        await UntilAsync(world, "all is well again", async () =>
        {
            var open = messages.Open();
            return invariants.Unsettled()
                ?? wishes.Unheeded()
                ?? laterals.Unlinked()
                ?? await wishes.UnlimitedAsync().ConfigureAwait(false)
                ?? (plan.MustBeHome ? invariants.Away() : null)
                ?? await invariants.WrongStatusAsync().ConfigureAwait(false)
                ?? await commands.OpenAsync().ConfigureAwait(false)
                ?? await (world.Reports?.UnlikeAsync() ?? Task.FromResult<string?>(null)).ConfigureAwait(false)
                ?? open;
        }).ConfigureAwait(false);
        if ((await commands.UntruthAsync().ConfigureAwait(false) ?? messages.Untruth() ?? laterals.Loop()) is { } untruth)
        {
            world.Violate(untruth);
            invariants.Check();
        }

        return new SimResult(
            world.Timeline.Steps,
            world.Timeline.Elapsed,
            grown,
            live,
            world.Timeline.Elapsed - mended,
            world.Network.Packets,
            commands.Count,
            messages.Count,
            laterals.Brought,
            world.Reports?.Count ?? 0,
            world.Nodes.Sum(static n => n.Site?.Executions ?? 0),
            faults?.Counts ?? [],
            world.Timeline.Fingerprint);
    }

    private static async Task UntilAsync(SimWorld world, string what, Func<Task<string?>> obstacle)
    {
        var began = world.Timeline.Elapsed;
        while (await obstacle().ConfigureAwait(false) is { } still)
        {
            if (world.Timeline.Elapsed - began > world.Plan.Recovery)
            {
                throw new SimulationFailedException($"{world.Timeline.Elapsed}: after {world.Plan.Recovery.TotalMinutes} minutes without faults it still does not hold that {what}: {still}");
            }

            await Task.Delay(Look, world.Clock).ConfigureAwait(false);
        }
    }
}
