using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Placing;

/// <summary>Writes an operator's wish about a cluster's place in the tree, or the link that holds it there. A wish is part of the object's spec: it holds until it is changed.</summary>
internal static class PlacementPatch
{
    private const int Attempts = 5;

    /// <summary>Changes the spec and says what was done.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name">The cluster.</param>
    /// <param name="edit">What to change, seeing the cluster as it is now; called again when someone else was first.</param>
    /// <param name="done">What to say.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="atRoot">Why that makes no sense at the root.</param>
    internal static async Task<ClusterView> WriteAsync(
        Invocation run, string name, Func<ClusterView, JsonObject> edit, Func<ClusterView, string> done, CancellationToken cancellation,
        string atRoot = "it has no other place, and its children no other parent")
    {
        for (var attempt = 1; ; attempt++)
        {
            var cluster = await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
            if (cluster.Parent.Length == 0 && cluster.Status == ClusterView.Online)
            {
                throw new CtlException(ExitCode.Failed, $"cluster '{name}' is the root: {atRoot}; choose a cluster below it");
            }

            name = cluster.Name;
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = cluster.Object.ResourceVersion() }, ["spec"] = edit(cluster) };
            try
            {
                var changed = new ClusterView(await run.Api
                    .PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, patch, cancellation, fieldManager: "otectl").ConfigureAwait(false));
                if (run.WantsObjects)
                {
                    ObjectPrinter.One(run.Out, run.Format, changed.Object);
                }
                else
                {
                    run.Out.Write(done(changed) + "\n");
                }

                return changed;
            }
            catch (KubeStatusException conflict) when (conflict.IsConflict && attempt < Attempts)
            {
                // Someone else changed the cluster between our look and our word: look again.
            }
        }
    }

    /// <summary>Fails when a cluster that is to be a parent is not in the tree.</summary>
    internal static async Task CheckParentsAsync(Invocation run, string child, IReadOnlyCollection<string> parents, CancellationToken cancellation)
    {
        var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        if (parents.Contains(child))
        {
            throw new CtlException(ExitCode.Usage, $"cluster '{child}' cannot be its own parent; name another");
        }

        if (parents.FirstOrDefault(p => all.All(cluster => cluster.Name != p)) is { } unknown)
        {
            throw ClusterReader.Unknown(run, unknown, all);
        }
    }

    /// <summary>
    /// Fails when a cluster would be left without any parent it knows of: no wish reaches a cluster that hangs nowhere, so that one could
    /// not be taken back. Otherwise the parents that are left.
    /// </summary>
    internal static async Task<IReadOnlyList<string>> CheckForbidAsync(Invocation run, string child, IReadOnlyCollection<string> parents, CancellationToken cancellation)
    {
        var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        if (all.FirstOrDefault(cluster => cluster.Name == child) is not { Object: not null } cluster)
        {
            throw ClusterReader.Unknown(run, child, all);
        }

        if (cluster.PinnedParent.Length > 0 && parents.Contains(cluster.PinnedParent))
        {
            throw new CtlException(ExitCode.Failed, $"cluster '{child}' is pinned below '{cluster.PinnedParent}' and would hang nowhere; unpin it first");
        }

        var possible = PossibleParents.Of(cluster, all);
        var left = possible.Except(cluster.ForbiddenParents).Except(parents).ToArray();
        var drained = left.Where(name => all.Any(other => other.Name == name && other.IsDrained)).ToArray();
        left = [.. left.Except(drained)];
        if (left.Length == 0 && drained.Length > 0)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"cluster '{child}' would have no parent left but {string.Join(", ", drained)}, which {(drained.Length == 1 ? "is" : "are")} drained and take{(drained.Length == 1 ? "s" : "")} no children; "
                + $"leave it another, or take that back first ({run.World.ProgramName} undrain {drained[0]})");
        }

        if (left.Length == 0)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"cluster '{child}' would have no parent left ({string.Join(", ", possible)} {(possible.Count == 1 ? "is" : "are")} all it can hang below), "
                + "and no later wish could reach it; leave it one");
        }

        return left;
    }

    /// <summary>Clusters that would have no parent left if this one were drained, each with the reason. None for the root, which is refused anyway.</summary>
    internal static async Task<IReadOnlyList<string>> StrandedAsync(Invocation run, string name, CancellationToken cancellation)
    {
        var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        return all.FirstOrDefault(cluster => cluster.Name == name) is { Object: not null, Parent.Length: > 0 } ? PossibleParents.Stranded(name, all) : [];
    }

    /// <summary>Fails when a cluster cannot be another's parent, as far as the tree tells.</summary>
    internal static async Task CheckPinAsync(Invocation run, string child, string parent, CancellationToken cancellation)
    {
        var chosen = await ClusterReader.OneAsync(run, parent, cancellation).ConfigureAwait(false);
        if ((chosen.Object.Items("status", "path") ?? []).Any(step => step?.ToString() == child))
        {
            throw new CtlException(ExitCode.Failed, $"cluster '{parent}' hangs below '{child}', which cannot hang below it; name another parent");
        }

        if ((await ClusterReader.OneAsync(run, child, cancellation).ConfigureAwait(false)).ForbiddenParents.Contains(parent))
        {
            throw new CtlException(ExitCode.Failed, $"cluster '{child}' is forbidden to hang below '{parent}' and would hang nowhere; allow it first");
        }

        if (chosen.Parent.Length > 0 && string.IsNullOrEmpty(chosen.Object.Text("status", "listen")))
        {
            throw new CtlException(ExitCode.Failed, $"cluster '{parent}' takes no children: its controller was started without --listen; name another parent");
        }

        if (chosen.IsDrained)
        {
            throw new CtlException(
                ExitCode.Failed, $"cluster '{parent}' is drained and takes no children, so '{child}' would hang nowhere; take that back first ({run.World.ProgramName} undrain {parent}), or name another parent");
        }
    }
}
