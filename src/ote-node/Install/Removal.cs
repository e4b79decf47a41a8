using Ote.Node.Doctor;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// Takes the hub away from before its kubelet while pods run on. Whatever would leave a kubelet that asks a hub which is gone is looked for before anything is changed, and once more before the hub goes. Each step is safe to be done twice.
/// </summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="forget">Takes what the hub wrote from its Node: why that could not be done, or null.</param>
/// <param name="say">Told of each step.</param>
internal sealed class Removal(NodePaths paths, IServices services, Func<NodeAnnotations, CancellationToken, Task<string?>> forget, Action<string> say)
{
    private const string Usual = "kubelet.service";

    /// <summary>Leads every unit that an installation led to the hub to its API server again, and removes the hub. Its cache stays unless it is to go as well.</summary>
    /// <param name="kubelet">The kubelet's unit; null: those that an installation led to the hub.</param>
    /// <param name="purge">Whether cache, key and journal go too.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RoleException">A service could not be changed, or something still needs the hub, which was left then.</exception>
    public async Task RunAsync(string? kubelet, bool purge, CancellationToken ct)
    {
        SystemdNeed.See(paths, "uninstall");
        var led = paths.Led;
        if (File.Exists(paths.K3sLead))
        {
            throw new RoleException($"{paths.K3sLead} leads this node's k3s agent to the hub, and nothing was changed: remove that file, run `systemctl restart k3s-agent`, and run `ote-node uninstall` again");
        }

        if (kubelet is null && !paths.IsAnythingInstalled && !(purge && Directory.Exists(paths.Data)))
        {
            say("nothing of the hub is installed here, and nothing was changed" + (Directory.Exists(paths.Data) ? $"; {paths.Data} is there from before (`ote-node uninstall --purge` removes it)" : ""));
            return;
        }

        await LookAsync(kubelet, led, ct).ConfigureAwait(false);
        var annotations = NodeAnnotations.Of(paths.UnitText());
        if (purge && Directory.Exists(paths.Data) && NodePaths.StrangeIn(paths.Data) is { } strange)
        {
            throw new RoleException($"no hub put {strange} into {paths.Data}, and nothing was changed. Name the hub's folder with --data, or move that away first");
        }

        if (purge && DataLock.IsHeld(paths.Data) && !await RunsAsync(ct).ConfigureAwait(false))
        {
            throw new RoleException($"a hub that {HubUnit.Name} did not start runs on {paths.Data}, and nothing was changed: end that hub first, or leave --purge out");
        }

        foreach (var unit in led)
        {
            await ReleaseAsync(unit, ct).ConfigureAwait(false);
        }

        if (RunningKubelet.From(paths.Processes, paths.Kubeconfigs).FirstOrDefault() is { } still)
        {
            throw new RoleException($"{still.Said(paths.Processes)} still asks the hub, by {still.Kubeconfig}, and the hub was left for it: start it with its own kubeconfig, and run `ote-node uninstall` again");
        }

        if (File.Exists(paths.Unit))
        {
            await SystemctlAsync(["disable", "--now", HubUnit.Name], ct).ConfigureAwait(false);
            if (purge && DataLock.IsHeld(paths.Data))
            {
                // Its own hub has ended, and the unit is what names the folder when this is done again.
                throw new RoleException($"{HubUnit.Name} is stopped, and another hub runs on {paths.Data}, which was left with all that belongs to it: end that hub, and run `ote-node uninstall` again, or leave --purge out");
            }

            File.Delete(paths.Unit);
            await SystemctlAsync(["daemon-reload"], ct).ConfigureAwait(false);
            say($"{HubUnit.Name} removed");
        }

        if (annotations is not null)
        {
            await ForgetAsync(annotations, ct).ConfigureAwait(false);
        }

        if (Directory.Exists(paths.Kubeconfigs))
        {
            Directory.Delete(paths.Kubeconfigs, recursive: true); // the hub's, which are good for nothing without it
        }

        if (purge && Directory.Exists(paths.Data))
        {
            Directory.Delete(paths.Data, recursive: true);
            say($"{paths.Data} removed");
        }
        else if (Directory.Exists(paths.Data))
        {
            say($"{paths.Data} stays: what was written while cut off and had not been told is in it (`ote-node uninstall --purge{(paths.Data == new NodePaths(paths.Root).Data ? "" : $" --data {paths.Data}")}` removes it)");
        }

        new InstalledProgram(paths).Remove(); // last: it may be what runs this
    }

    /// <summary>Whether the hub that holds its folder may be the service's own.</summary>
    private async Task<bool> RunsAsync(CancellationToken ct) =>
        File.Exists(paths.Unit) && paths.InstalledData == paths.Data && await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is not null;

    /// <summary>Before anything is changed.</summary>
    private async Task LookAsync(string? kubelet, IReadOnlyList<string> led, CancellationToken ct)
    {
        if (kubelet is not null && !led.Contains(kubelet) && await services.TryAsync(["cat", kubelet], ct).ConfigureAwait(false) is null)
        {
            throw new RoleException($"there is no unit {kubelet}, and nothing was changed: "
                + (led.Count == 0 ? "name the kubelet's, as `systemctl list-unit-files '*kubelet*'` shows it, or leave --kubelet-unit out" : $"what an installation led to the hub is {string.Join(", ", led)}; leave --kubelet-unit out"));
        }

        HashSet<int> released = [];
        foreach (var unit in led.Append(kubelet ?? Usual).Distinct())
        {
            if (await services.TryAsync(["cat", unit], ct).ConfigureAwait(false) is not { } text)
            {
                continue;
            }

            if (KubeletUnit.KubeconfigOf(KubeletUnit.Without(text, paths.DropIn(unit))) is { } own && RunningKubelet.LiesIn(own, paths.Kubeconfigs))
            {
                throw new RoleException($"{unit} names {own} by {KubeletUnit.FileOf(KubeletUnit.Without(text, paths.DropIn(unit))) ?? "a file"} that no installation wrote, could not start without it, and nothing was changed: name the kubelet's own kubeconfig there, and run `ote-node uninstall` again");
            }

            if (led.Contains(unit) && RunningKubelet.Of(paths.Processes, await services.MainProcessAsync(unit, ct).ConfigureAwait(false)) is { } running)
            {
                released.Add(running.Process);
            }
        }

        if (RunningKubelet.From(paths.Processes, paths.Kubeconfigs).FirstOrDefault(running => !released.Contains(running.Process) && !(RunningKubelet.ServiceOf(paths.Processes, running.Process) is { } service && led.Contains(service))) is { } other)
        {
            throw new RoleException($"{other.Said(paths.Processes)}, which no unit with a drop-in of an installation started, asks the hub by {other.Kubeconfig}, and nothing was changed: start it with its own kubeconfig, and run `ote-node uninstall` again");
        }
    }

    /// <summary>When the hub has ended, which would write them again. Without them the other nodes of its site ask it in vain, no more.</summary>
    private async Task ForgetAsync(NodeAnnotations annotations, CancellationToken ct)
    {
        var why = await forget(annotations, ct).ConfigureAwait(false);
        say(why is null ? $"the hub's annotations are gone from node {annotations.Node}"
            : $"the hub's annotations may still be on node {annotations.Node} ({why.TrimEnd('.')}); remove them from where you can: {annotations.Command}");
    }

    private async Task ReleaseAsync(string unit, CancellationToken ct)
    {
        var isThere = await services.TryAsync(["cat", unit], ct).ConfigureAwait(false) is not null;
        File.Delete(paths.DropIn(unit));
        await SystemctlAsync(["daemon-reload"], ct).ConfigureAwait(false);
        if (isThere)
        {
            await SystemctlAsync(["restart", unit], ct).ConfigureAwait(false);
            say($"{unit} asks the API server; its pods were not touched");
        }
        else
        {
            say($"{paths.DropIn(unit)} removed; there is no unit {unit} any more");
        }
    }

    private async Task SystemctlAsync(string[] arguments, CancellationToken ct)
    {
        if (await services.RunAsync(arguments, ct).ConfigureAwait(false) is { Succeeded: false } failed)
        {
            throw new RoleException($"systemctl {string.Join(' ', arguments)} failed: {failed.Error}" + (arguments.Length > 1 ? $"; see `systemctl status {arguments[^1]}`" : ""));
        }
    }
}
