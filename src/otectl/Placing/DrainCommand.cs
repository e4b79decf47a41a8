using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Following;
using Ote.Kube.Objects;

namespace Ote.Ctl.Placing;

/// <summary><c>otectl drain CLUSTER</c> and <c>otectl undrain CLUSTER</c>.</summary>
internal static class DrainCommand
{
    private const int MostShown = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    internal static Command Build(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        var noWait = new Option<bool>("--no-wait") { Description = "Return when the wish is written" };
        var timeout = Durations.Option("--timeout", $"How long to wait for the children to leave (default: {Durations.Format(Patience)})");
        var force = new Option<bool>("--force") { Description = "Drain it though clusters are left without a parent: they are sent away as well, and are offline until undrain, unpin or allow" };
        return runner.Attach(
            new Command("drain", "Send a cluster's children to other parents, before it is shut down.") { name, noWait, timeout, force },
            async (run, cancellation) =>
            {
                var cluster = ClusterReader.Bare(run.Typed.GetValue(name)!);
                await CheckAsync(run, cluster, run.Typed.GetValue(force), cancellation).ConfigureAwait(false);
                return await RunAsync(run, cluster, run.Typed.GetValue(noWait) ? null : run.Typed.GetValue(timeout) ?? Patience, cancellation).ConfigureAwait(false);
            });
    }

    internal static Command BuildUndrain(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        return runner.Attach(
            new Command("undrain", "Let a drained cluster take children again; those that were set up with it return.") { name },
            async (run, cancellation) =>
            {
                var cluster = run.Typed.GetValue(name)!;
                var was = false;
                await PlacementPatch.WriteAsync(
                    run,
                    cluster,
                    now =>
                    {
                        was = now.IsDrained;
                        return new JsonObject { ["drain"] = null };
                    },
                    _ => was ? $"cluster {cluster} takes children again" : $"cluster {cluster} was not drained",
                    cancellation).ConfigureAwait(false);
                return ExitCode.Ok;
            });
    }

    /// <summary>What has nowhere to go would hang below a cluster that is shut down, or wait for it for good.</summary>
    private static async Task CheckAsync(Invocation run, string name, bool force, CancellationToken cancellation)
    {
        var stranded = await PlacementPatch.StrandedAsync(run, name, cancellation).ConfigureAwait(false);
        if (stranded.Count == 0)
        {
            return;
        }

        var shown = string.Join(", ", stranded.Take(MostShown)) + (stranded.Count > MostShown ? $" and {stranded.Count - MostShown} more" : "");
        if (!force)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"cluster '{name}' is the only parent that {shown} can have, and nothing was changed; give them another (unpin, allow, undrain), or drain it all the same with --force");
        }

        var program = run.World.ProgramName;
        run.Note(
            $"left without a parent: {shown}; sent away, they are offline until {program} undrain {name}, or until they may have another parent ({program} unpin or allow): "
            + "that they hear 5 minutes after they lost theirs, or later");
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, TimeSpan? wait, CancellationToken cancellation)
    {
        var written = await PlacementPatch
            .WriteAsync(run, name, _ => new JsonObject { ["drain"] = true }, _ => $"cluster {name} is being drained", cancellation).ConfigureAwait(false);
        if (wait is not { } patience)
        {
            return ExitCode.Ok;
        }

        using var late = new CancellationTokenSource(patience, run.World.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        var last = "";
        try
        {
            await foreach (var cluster in ObjectFollower.Of(run).FollowAsync(Kinds.Clusters, null, name, either.Token).ConfigureAwait(false))
            {
                if (cluster is null)
                {
                    throw new CtlException(ExitCode.Failed, $"cluster '{name}' was deleted while it was being drained");
                }

                var condition = cluster.Condition("Drained");
                if (condition.Text("status") == "True")
                {
                    run.Note($"cluster {name} has no children any more; it can be shut down");
                    return ExitCode.Ok;
                }

                if (condition.Text("message") is { Length: > 0 } message && message != last)
                {
                    run.Note(last = message);
                }
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // Told below.
        }

        throw new CtlException(
            ExitCode.TimedOut,
            $"cluster '{written.Name}' still has children after {Durations.Format(patience)} ({last}); they go on looking for other parents: see {run.World.ProgramName} tree");
    }
}
