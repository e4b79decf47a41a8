using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary>For commands that make sense at the root's API alone: at any other the objects they write would be kept, and nobody would go by them.</summary>
internal static class RootApi
{
    /// <summary>The name of every tree's root.</summary>
    internal const string Name = "root";

    /// <summary>
    /// Fails at the API of another controller. One that knows no cluster at all may be that of a root whose controller has not run yet, and
    /// whoever may not look at clusters is not held up: what is asked for is decided at the API, this only spares a surprise.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="why">Why the root's it must be, such as <c>and only the root can revoke</c>.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="CtlException">It is another controller's API.</exception>
    internal static async Task CheckAsync(Invocation run, string why, CancellationToken cancellation)
    {
        try
        {
            if (await run.Api.GetAsync(Kinds.Clusters, null, Name, cancellation).ConfigureAwait(false) is not null)
            {
                return;
            }

            // A root that has just begun may have written itself since the question above.
            var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
            if (all.Count == 0 || all.Any(cluster => cluster.Name == Name))
            {
                return;
            }
        }
        catch (KubeStatusException refused) when (refused.Code == 403)
        {
            return;
        }

        throw new CtlException(ExitCode.Failed, $"the control API at {run.Server} is not the root's, {why}; give --kubeconfig of the root");
    }
}
