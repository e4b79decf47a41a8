using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>Reads commands from the control API, with errors that say what to do.</summary>
internal static class CommandReader
{
    /// <summary>Every command of a namespace (null: of all), newest first.</summary>
    internal static async Task<IReadOnlyList<CommandView>> AllAsync(Invocation run, string? ns, CancellationToken cancellation)
    {
        try
        {
            var list = await run.Api.ListAsync(Kinds.ClusterControllers, ns, null, cancellation).ConfigureAwait(false);
            return [.. list.Items.Select(item => new CommandView(item))
                .OrderByDescending(command => command.Created)
                .ThenBy(command => command.Name, StringComparer.Ordinal)];
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw ClusterReader.NotInstalled(run, Kinds.ClusterControllers, unknown);
        }
    }

    /// <summary>One command of the run's namespace; fails with the names that come near.</summary>
    internal static async Task<CommandView> OneAsync(Invocation run, string name, CancellationToken cancellation)
    {
        if (await run.Api.GetAsync(Kinds.ClusterControllers, run.CommandNamespace, name, cancellation).ConfigureAwait(false) is { } found)
        {
            return new CommandView(found);
        }

        var all = await AllAsync(run, run.CommandNamespace, cancellation).ConfigureAwait(false);
        throw new CtlException(
            ExitCode.Failed,
            $"command '{name}' is not in namespace {run.CommandNamespace}{Nearest.Hint(name, all.Select(command => command.Name))}; "
            + $"{run.World.ProgramName} command list --all-namespaces lists those that are kept");
    }
}
