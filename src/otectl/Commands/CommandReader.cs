using Ote.Cli;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>Reads commands from the control API, with errors that say what to do.</summary>
internal static class CommandReader
{
    /// <summary>Every command of the namespace typed, else of all, newest first. Who may not list all gets those of the control namespace.</summary>
    internal static async Task<(IReadOnlyList<CommandView> Commands, string? Namespace)> AllAsync(Invocation run, string? ns, CancellationToken cancellation)
    {
        var (items, of) = await ListAsync(run, ns, null, cancellation).ConfigureAwait(false);
        return ([.. items.OrderByDescending(command => command.Created).ThenBy(command => command.Name, StringComparer.Ordinal)], of);
    }

    /// <summary>One command, by its name or as <c>-o name</c> prints it, of the namespace typed, else of whichever has it; fails with the names that come near.</summary>
    internal static async Task<CommandView> OneAsync(Invocation run, string name, CancellationToken cancellation)
    {
        name = ClusterReader.Bare(name, Kinds.ClusterControllers);
        var query = new ListQuery(FieldSelector: $"metadata.name={(name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.') ? name : "-")}");
        var (found, of) = await ListAsync(run, run.Namespace, query, cancellation).ConfigureAwait(false);
        switch (found)
        {
            case [var only]:
                return only;
            case [_, _, ..]:
                throw new CtlException(
                    ExitCode.Usage,
                    $"there are {found.Count} commands '{name}', in namespaces {string.Join(", ", found.Select(command => command.Namespace).Order(StringComparer.Ordinal))}; say which with -n");
            default:
                var (all, _) = await AllAsync(run, of, cancellation).ConfigureAwait(false);
                throw new CtlException(
                    ExitCode.Failed,
                    $"command '{name}' is not in {(of is null ? "any namespace" : $"namespace {of}")}{Nearest.Hint(name, all.Select(command => command.Name))}; "
                    + $"{run.World.ProgramName} command list lists those that are kept");
        }
    }

    private static async Task<(IReadOnlyList<CommandView> Commands, string? Namespace)> ListAsync(Invocation run, string? ns, ListQuery? query, CancellationToken cancellation)
    {
        try
        {
            var list = await run.Api.ListAsync(Kinds.ClusterControllers, ns, query, cancellation).ConfigureAwait(false);
            return ([.. list.Items.Select(item => new CommandView(item))], ns);
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw ClusterReader.NotInstalled(run, Kinds.ClusterControllers, unknown);
        }
        catch (KubeStatusException refused) when (refused.Code == 403 && ns is null)
        {
            try
            {
                return await ListAsync(run, GlobalOptions.ControlNamespace, query, cancellation).ConfigureAwait(false);
            }
            catch (KubeStatusException here) when (here.Code == 403)
            {
                throw new CtlException(ExitCode.Failed, $"{refused.Message.TrimEnd('.')}; say with -n in which namespace you may read commands", refused);
            }
        }
    }
}
