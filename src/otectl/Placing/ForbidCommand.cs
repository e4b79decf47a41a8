using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Cli;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;

namespace Ote.Ctl.Placing;

/// <summary><c>otectl forbid CLUSTER PARENT...</c> and <c>otectl allow CLUSTER PARENT...</c>.</summary>
internal static class ForbidCommand
{
    internal static Command Build(CommandRunner runner) => Build(runner, "forbid", "Keep a cluster from hanging below some parents.", forbids: true);

    internal static Command BuildAllow(CommandRunner runner) => Build(runner, "allow", "Let a cluster hang below parents that were forbidden.", forbids: false);

    private static Command Build(CommandRunner runner, string word, string description, bool forbids)
    {
        var name = Arguments.Cluster();
        var parents = new Argument<string[]>("PARENT") { HelpName = "PARENT", Description = "The parents", Arity = ArgumentArity.OneOrMore };
        parents.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(
            new Command(word, description) { name, parents },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(name)!, run.Typed.GetValue(parents)!, forbids, cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, string[] parents, bool forbids, CancellationToken cancellation)
    {
        name = ClusterReader.Bare(name);
        parents = [.. parents.Select(ClusterReader.Bare)];
        IReadOnlyList<string> left = [];
        if (forbids)
        {
            await PlacementPatch.CheckParentsAsync(run, name, parents, cancellation).ConfigureAwait(false);
            left = await PlacementPatch.CheckForbidAsync(run, name, parents, cancellation).ConfigureAwait(false);
        }
        else
        {
            await CheckForbiddenAsync(run, name, parents, cancellation).ConfigureAwait(false);
        }

        var changed = await PlacementPatch.WriteAsync(
            run,
            name,
            cluster =>
            {
                var next = forbids ? cluster.ForbiddenParents.Union(parents) : cluster.ForbiddenParents.Except(parents);
                return new JsonObject { ["forbiddenParents"] = new JsonArray([.. next.Order(StringComparer.Ordinal).Select(p => (JsonNode)p)]) };
            },
            cluster => $"cluster {name} may hang below {(cluster.ForbiddenParents.Count == 0 ? "any parent" : "any parent but " + string.Join(", ", cluster.ForbiddenParents))}",
            cancellation).ConfigureAwait(false);
        if (forbids && (changed.ForbiddenParents.Contains(changed.Parent) || changed.Status != ClusterView.Online))
        {
            run.Note($"cluster {name} is away until it attaches to {(changed.PinnedParent.Length > 0 ? changed.PinnedParent : string.Join(" or ", left))}");
        }

        return ExitCode.Ok;
    }

    /// <summary>A name that is not forbidden was mistyped, or nothing is to be done about it: either is worth saying.</summary>
    private static async Task CheckForbiddenAsync(Invocation run, string name, string[] parents, CancellationToken cancellation)
    {
        var forbidden = (await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false)).ForbiddenParents;
        if (parents.FirstOrDefault(parent => !forbidden.Contains(parent)) is { } other)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"cluster '{name}' is not kept from hanging below '{other}'{Nearest.Hint(other, forbidden)}; forbidden are {(forbidden.Count == 0 ? "no parents" : string.Join(", ", forbidden))}");
        }
    }
}
