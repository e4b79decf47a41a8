using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;

namespace Ote.Ctl.Placing;

/// <summary><c>otectl pin CLUSTER [PARENT]</c> and <c>otectl unpin CLUSTER</c>.</summary>
internal static class PinCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        var parent = new Argument<string?>("PARENT") { HelpName = "PARENT", Description = "The only parent it may have; the present one when left out", Arity = ArgumentArity.ZeroOrOne };
        parent.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(
            new Command("pin", "Let a cluster hang below one parent only.") { name, parent },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(name)!, run.Typed.GetValue(parent), cancellation));
    }

    internal static Command BuildUnpin(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        return runner.Attach(
            new Command("unpin", "Let a pinned cluster choose its parent again.") { name },
            async (run, cancellation) =>
            {
                var cluster = run.Typed.GetValue(name)!;
                var was = "";
                await PlacementPatch.WriteAsync(
                    run,
                    cluster,
                    now =>
                    {
                        was = now.PinnedParent;
                        return new JsonObject { ["pinnedParent"] = null };
                    },
                    _ => was.Length > 0 ? $"cluster {cluster} unpinned" : $"cluster {cluster} was not pinned",
                    cancellation).ConfigureAwait(false);
                return ExitCode.Ok;
            });
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, string? parent, CancellationToken cancellation)
    {
        if (parent is not null)
        {
            await PlacementPatch.CheckParentsAsync(run, name, [parent], cancellation).ConfigureAwait(false);
        }

        var chosen = parent ?? (await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false)).Parent;
        if (chosen.Length > 0)
        {
            await PlacementPatch.CheckPinAsync(run, name, chosen, cancellation).ConfigureAwait(false);
        }

        var pinned = await PlacementPatch.WriteAsync(
            run,
            name,
            cluster => new JsonObject { ["pinnedParent"] = parent ?? Present(cluster) },
            cluster => $"cluster {name} pinned below {cluster.PinnedParent}",
            cancellation).ConfigureAwait(false);
        if (pinned.Parent.Length > 0 && pinned.Parent != pinned.PinnedParent)
        {
            run.Note($"it hangs below {pinned.Parent} and moves when it hears of this; on the way it is offline for seconds");
        }

        return ExitCode.Ok;
    }

    private static string Present(ClusterView cluster) => cluster.Parent.Length > 0
        ? cluster.Parent
        : throw new CtlException(ExitCode.Failed, $"cluster '{cluster.Name}' has no parent yet; name the one it may have");
}
