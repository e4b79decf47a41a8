using Ote.Testing.Simulation;

namespace Ote.Testing.NodeCuts;

/// <summary>A whole run: a node comes up, is cut off and restarted in every way, is mended, and all must be well.</summary>
public static class CutSimulation
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Runs a plan. Blocks; the process must be one of <see cref="Turns.AreInForce"/>.</summary>
    /// <exception cref="SimulationFailedException">Something was that must never be, or did not become well in time; the message has what happened before it.</exception>
    public static CutResult Run(CutPlan plan)
    {
        var timeline = new Timeline();
        CutResult? result = null;
        CutWorld? world = null;
        CutInvariants? invariants = null;
        Turns.Run(
            timeline,
            async () =>
            {
                world = await CutWorld.CreateAsync(plan, timeline).ConfigureAwait(false);
                await using (world.ConfigureAwait(false))
                {
                    invariants = new CutInvariants(world);
                    result = await RunAsync(world, invariants).ConfigureAwait(false);
                }
            },
            () =>
            {
                invariants?.Check();
                if (world?.Story.Violation is { } violation)
                {
                    throw new SimulationFailedException(violation);
                }
            });
        return result!;
    }

    private static async Task<CutResult> RunAsync(CutWorld world, CutInvariants invariants)
    {
        world.Witness.Start();
        await world.Centre.BeginAsync().ConfigureAwait(false);
        world.Hub.Start();
        world.Agent.Start();
        await UntilAsync(world, "the node is up", invariants).ConfigureAwait(false);
        var script = new CutScript(world);
        var goesOn = true;
        var others = Task.WhenAll(world.Centre.RunAsync(() => goesOn), world.Centre.WatchNodeAsync(() => goesOn));
        await script.RunAsync().ConfigureAwait(false);
        goesOn = false;
        await others.ConfigureAwait(false);
        var mended = world.Timeline.Elapsed;
        await UntilAsync(world, "all is well again", invariants).ConfigureAwait(false);
        if (await invariants.UntruthAsync().ConfigureAwait(false) is { } untruth)
        {
            throw new SimulationFailedException($"{world.Timeline.Elapsed:hh\\:mm\\:ss\\.fff}: {untruth}\n{world.Story.Last}");
        }

        return new CutResult(
            script.Cuts, script.Restarts, world.Hub.Logs.Sum(log => log.Told), world.Hub.Logs.Sum(log => log.Conflicts), world.Containers.Started,
            world.Timeline.Elapsed, world.Timeline.Elapsed - mended, world.Timeline.Steps, world.Timeline.Fingerprint);
    }

    private static async Task UntilAsync(CutWorld world, string what, CutInvariants invariants)
    {
        var began = world.Timeline.Elapsed;
        while (await invariants.UnsettledAsync().ConfigureAwait(false) is { } still)
        {
            if (world.Timeline.Elapsed - began > world.Plan.Recovery)
            {
                throw new SimulationFailedException($"{world.Timeline.Elapsed:hh\\:mm\\:ss\\.fff}: after {world.Plan.Recovery.TotalMinutes} minutes without trouble it still does not hold that {what}: {still}\n{world.Story.Last}");
            }

            await world.PassAsync(Look).ConfigureAwait(false);
        }
    }
}
