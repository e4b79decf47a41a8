using Ote.Cli;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary>Reads clusters from the control API, with errors that say what to do.</summary>
internal static class ClusterReader
{
    /// <summary>Every cluster, by name.</summary>
    internal static async Task<IReadOnlyList<ClusterView>> AllAsync(Invocation run, CancellationToken cancellation)
    {
        try
        {
            var list = await run.Api.ListAsync(Kinds.Clusters, null, null, cancellation).ConfigureAwait(false);
            return [.. list.Items.Select(item => new ClusterView(item)).OrderBy(cluster => cluster.Name, StringComparer.Ordinal)];
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw NotInstalled(run, Kinds.Clusters, unknown);
        }
    }

    /// <summary>The name alone of one written as <c>-o name</c> prints it, <c>cluster.ote.baidu.com/c1</c>.</summary>
    internal static string Bare(string name) => Bare(name, Kinds.Clusters);

    /// <summary>The name alone of one written as <c>-o name</c> prints it, of any kind of a group.</summary>
    internal static string Bare(string name, ResourceRef kind) =>
        name.Split('/') is [var before, var bare] && before.EndsWith($".{kind.Group}", StringComparison.Ordinal) ? bare : name;

    /// <summary>One cluster; fails with the names that come near, and with <paramref name="more"/> to be done about it.</summary>
    internal static async Task<ClusterView> OneAsync(Invocation run, string name, CancellationToken cancellation, string more = "")
    {
        name = Bare(name);
        if (await run.Api.GetAsync(Kinds.Clusters, null, name, cancellation).ConfigureAwait(false) is { } found)
        {
            return new ClusterView(found);
        }

        var all = await AllAsync(run, cancellation).ConfigureAwait(false);
        throw Unknown(run, name, all, more);
    }

    internal static CtlException Unknown(Invocation run, string name, IEnumerable<ClusterView> all, string more = "") => new(
        ExitCode.Failed,
        $"cluster '{name}' is not in the tree{Nearest.Hint(name, all.Select(cluster => cluster.Name))}; {run.World.ProgramName} get clusters lists those that are{more}");

    /// <summary>The API server does not serve one of our kinds.</summary>
    internal static CtlException NotInstalled(Invocation run, ResourceRef kind, Exception cause) => new(
        ExitCode.Failed,
        $"the control API at {run.Server} does not serve {kind.Plural}.{kind.Group}; check that --kubeconfig names the root's API, "
        + $"or install the definitions with {run.World.ProgramName} install",
        cause);
}
