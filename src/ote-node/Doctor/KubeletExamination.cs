using System.Net;
using Ote.Kube.Client;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Looks whether the kubelet asks the hub: by what its unit says, which counts from its next start, and by what its process was started with, which counts now.</summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
internal sealed class KubeletExamination(NodePaths paths, IServices services)
{
    /// <summary>Looks.</summary>
    /// <param name="kubelet">The kubelet's unit.</param>
    /// <param name="unit">Its text with its drop-ins; null: there is none.</param>
    /// <param name="leads">The kubeconfig that it names; null: none.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<Finding> LookAsync(string kubelet, string? unit, string? leads, CancellationToken ct)
    {
        if (unit is null)
        {
            return Fails($"there is no unit {kubelet}; " + (K3sRecipe.IsAgent(kubelet) ? K3sRecipe.Installed : await K3sRecipe.FoundAsync(services, ct).ConfigureAwait(false) is { } k3s ? $"{k3s} runs this node's kubelet: look at it with --kubelet-unit {k3s}" : "name the kubelet's with --kubelet-unit, as `systemctl list-unit-files '*kubelet*'` shows it"));
        }

        if (K3sRecipe.IsAgent(kubelet))
        {
            return await AgentAsync(kubelet, ct).ConfigureAwait(false);
        }

        if (leads is not null && RunningKubelet.LiesIn(leads, paths.Kubeconfigs) && !File.Exists(leads))
        {
            return Fails($"{kubelet} names {leads}, which leads to the hub and is not there: its next start fails. "
                + (File.Exists(paths.Unit) ? $"`systemctl restart {HubUnit.Name}` writes it anew" : $"The hub is not installed any more: `ote-node uninstall` leads {kubelet} to its API server again, `ote-node install` puts the hub there anew"));
        }

        var willAsk = Asks(leads);
        if (await services.TryAsync(["is-active", kubelet], ct).ConfigureAwait(false) is null)
        {
            return RunningKubelet.Any(paths.Processes) is { } other
                ? Fails($"{kubelet} does not run, and a kubelet that it did not start does: process {other.Process} with {Said(other.Kubeconfig)}. End that and start {kubelet}, or name its own unit with --kubelet-unit")
                : willAsk ? Fails($"{kubelet} does not run; `journalctl -u {kubelet}` says why")
                : Fails($"{kubelet} does not run, and does not ask the hub when it does (it names {Said(leads)}); `ote-node install` leads it there");
        }

        var main = await services.MainProcessAsync(kubelet, ct).ConfigureAwait(false);
        if (RunningKubelet.Of(paths.Processes, main) is not { } running)
        {
            return willAsk ? new Finding("kubelet", Standing.Warning, $"{kubelet} runs and leads to the hub, and what its process {main} was started with cannot be seen in {paths.Processes}; run this as root, and again in a moment")
                : Fails($"{kubelet} does not ask the hub (it names {Said(leads)}); `ote-node install` leads it there");
        }

        return (willAsk, Asks(running.Kubeconfig)) switch
        {
            (true, true) => new Finding("kubelet", Standing.Ok, $"{kubelet} runs and asks the hub, by its unit and as process {running.Process}"),
            (true, false) => Fails($"{kubelet} leads to the hub, but its process {running.Process} was started with {Said(running.Kubeconfig)}: run `systemctl daemon-reload` and `systemctl restart {kubelet}`"),
            // Where the unit takes it from a file of variables, only the process shows it.
            (false, true) when leads is null => new Finding("kubelet", Standing.Ok, $"{kubelet} runs and asks the hub as process {running.Process}; the unit's own text names no kubeconfig"),
            (false, true) => new Finding("kubelet", Standing.Warning, $"process {running.Process} of {kubelet} asks the hub, but the unit names {Said(leads)}: it asks that from its next start on; `ote-node install` leads it to the hub"),
            _ => Fails($"{kubelet} does not ask the hub, neither by its unit ({Said(leads)}) nor as process {running.Process} ({Said(running.Kubeconfig)}); `ote-node install` leads it there"),
        };
    }

    /// <summary>An agent is led by its own configuration, and its kubelet is part of it.</summary>
    private async Task<Finding> AgentAsync(string agent, CancellationToken ct) =>
        !File.Exists(paths.K3sLead) ? Fails($"{agent} does not ask the hub: there is no {paths.K3sLead}. For a k3s agent {K3sRecipe.Steps}")
        : await services.TryAsync(["is-active", agent], ct).ConfigureAwait(false) is null ? Fails($"{agent} is led to the hub by {paths.K3sLead}, and does not run; `journalctl -u {agent}` says why")
        : new Finding("kubelet", Standing.Ok, $"{agent} runs, and {paths.K3sLead} leads it to the hub");

    private static Finding Fails(string words) => new("kubelet", Standing.Fails, words);

    /// <summary>Whether a kubeconfig leads to the hub: by its server where that can be read, else by where it lies.</summary>
    private bool Asks(string? kubeconfig) => kubeconfig is not null
        && (Server(kubeconfig) is { } server && paths.UnitText() is { } unit && HubUnit.ListenOf(unit) is { } listen ? Leads(server, listen) : RunningKubelet.LiesIn(kubeconfig, paths.Kubeconfigs));

    private static bool Leads(Uri server, IPEndPoint listen) => server.Port == listen.Port
        && IPAddress.TryParse(server.Host, out var address) && (address.Equals(listen.Address) || listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any));

    private static string Said(string? kubeconfig) => kubeconfig is null ? "no kubeconfig" : Server(kubeconfig) is { } server ? $"{kubeconfig}, which leads to {server}" : kubeconfig;

    private static Uri? Server(string kubeconfig)
    {
        try
        {
            return Kubeconfig.Load(kubeconfig).Server;
        }
        catch (KubeconfigException)
        {
            return null; // What is wrong with it is said where the hub is looked at.
        }
    }
}
