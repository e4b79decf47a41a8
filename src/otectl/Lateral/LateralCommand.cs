using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Placing;
using Ote.Kube.Objects;

namespace Ote.Ctl.Lateral;

/// <summary><c>otectl lateral CLUSTER PEER [--subtree]</c> and <c>otectl lateral CLUSTER PEER --none</c>: written at both, as both must name the other.</summary>
internal static class LateralCommand
{
    private const int MostPeers = 16;

    internal static Command Build(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        var peer = new Argument<string>("PEER") { HelpName = "PEER", Description = "The other cluster" };
        peer.CompletionSources.Add(Completions.Clusters);
        var subtree = new Option<bool>("--subtree") { Description = "Each may speak for the clusters it says are below it" };
        var rate = Sizes.Option("--rate", "Bytes a second each of the two may send on it");
        var none = new Option<bool>("--none") { Description = "Take it back" };
        return runner.Attach(
            new Command("lateral", "Let two clusters have a direct link for messages between clusters.") { name, peer, subtree, rate, none },
            async (run, cancellation) =>
            {
                var (one, other) = (ClusterReader.Bare(run.Typed.GetValue(name)!), ClusterReader.Bare(run.Typed.GetValue(peer)!));
                var (wide, limit, takes) = (run.Typed.GetValue(subtree), run.Typed.GetValue(rate), run.Typed.GetValue(none));
                if (takes && (wide || limit is not null))
                {
                    throw new CtlException(ExitCode.Usage, "say either how the link is to be (--subtree, --rate) or --none");
                }

                Sizes.Check("--rate", limit, LinkBudget.LeastBytesPerSecond, LinkBudget.MostBytesPerSecond);
                var both = await CheckAsync(run, one, other, takes, cancellation).ConfigureAwait(false);
                var entry = takes ? null : Entry(wide, limit);
                await WriteAsync(run, one, other, entry, cancellation).ConfigureAwait(false);
                if (both)
                {
                    await WriteAsync(run, other, one, entry, cancellation).ConfigureAwait(false);
                }
                else
                {
                    run.Note($"cluster '{other}' is not in the tree any more; nothing is left to take back there");
                }

                return ExitCode.Ok;
            });
    }

    private static JsonObject Entry(bool subtree, long? rate)
    {
        var entry = new JsonObject();
        if (subtree)
        {
            entry["subtree"] = true;
        }

        if (rate is { } limit)
        {
            entry["linkBudget"] = new JsonObject { ["bytesPerSecond"] = limit };
        }

        return entry;
    }

    /// <summary>What the API cannot see, before anything is written: that the two are different, not the root, and that one of them can be dialled.</summary>
    /// <returns>Whether both are there: a link is taken back from one whose peer was deleted, too.</returns>
    private static async Task<bool> CheckAsync(Invocation run, string one, string other, bool takes, CancellationToken cancellation)
    {
        if (one == other)
        {
            throw new CtlException(ExitCode.Usage, $"cluster '{one}' has no lateral link with itself; name two clusters");
        }

        var first = await ClusterReader.OneAsync(run, one, cancellation).ConfigureAwait(false);
        if (takes && IsNamed(first, other) && await run.Api.GetAsync(Kinds.Clusters, null, other, cancellation).ConfigureAwait(false) is null)
        {
            return false;
        }

        var second = await ClusterReader.OneAsync(run, other, cancellation).ConfigureAwait(false);
        foreach (var root in new[] { first, second }.Where(c => c.Parent.Length == 0 && c.Status == ClusterView.Online))
        {
            throw new CtlException(ExitCode.Failed, $"cluster '{root.Name}' is the root, to which every way over the tree leads; choose two clusters below it");
        }

        if (!takes && string.IsNullOrEmpty(first.Listen) && string.IsNullOrEmpty(second.Listen))
        {
            run.Note($"neither {one} nor {other} can be dialled; there is no link until one of them is started with --listen");
        }

        return true;
    }

    private static bool IsNamed(ClusterView cluster, string peer) => (cluster.Object.Items("spec", "lateral") ?? []).OfType<JsonObject>().Any(e => e.Text("peer") == peer);

    private static async Task WriteAsync(Invocation run, string name, string peer, JsonObject? entry, CancellationToken cancellation)
    {
        await PlacementPatch.WriteAsync(
            run,
            name,
            cluster =>
            {
                // A list is replaced whole: all other entries are written again as they are.
                var others = Others(cluster, peer);
                if (entry is not null && others.Count >= MostPeers)
                {
                    throw new CtlException(ExitCode.Failed, $"cluster '{name}' may have lateral links with {others.Count} others already, and no more; take one back with --none");
                }

                JsonNode[] mine = entry is null ? [] : [With(entry, peer)];
                return new JsonObject { ["lateral"] = new JsonArray([.. others, .. mine]) };
            },
            cluster => Names(cluster) is { Length: > 0 } names ? $"cluster {name} may have lateral links with {names}" : $"cluster {name} may have no lateral links",
            cancellation,
            atRoot: "every way over the tree leads to it").ConfigureAwait(false);
    }

    private static JsonObject With(JsonObject entry, string peer)
    {
        var mine = (JsonObject)entry.DeepClone();
        mine["peer"] = peer;
        return mine;
    }

    private static List<JsonNode> Others(ClusterView cluster, string peer) =>
        [.. (cluster.Object.Items("spec", "lateral") ?? []).OfType<JsonObject>().Where(e => e.Text("peer") != peer).Select(e => e.DeepClone())];

    private static string Names(ClusterView cluster) =>
        string.Join(", ", (cluster.Object.Items("spec", "lateral") ?? []).OfType<JsonObject>().Select(e => e.Text("peer") + (e.Truth("subtree") == true ? " (with what is below it)" : "")));
}
