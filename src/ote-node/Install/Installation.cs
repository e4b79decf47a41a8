using System.Net;
using System.Text;
using Ote.Node.Doctor;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// Puts the hub before a node's kubelet while pods run on: they are the container runtime's, and a kubelet that is started anew finds them. What can be known beforehand is looked at before anything is changed; each step is safe to be done
/// twice; a conversion that fails is taken back.
/// </summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="check">Whether an executable could run the hub with these options.</param>
/// <param name="answers">Whether the hub answers by now: what its kubeconfig leads to.</param>
/// <param name="isAsked">Whether anybody is connected to it.</param>
/// <param name="siteOf">The site that a node's Node names, asked of the hub that a kubeconfig leads to; null: none, or there is no answer.</param>
/// <param name="othersHave">What a hub needs for itself, its folder or where it listens, and another process has, in words; null: nothing.</param>
/// <param name="say">Told of each step.</param>
/// <param name="time">The clock.</param>
internal sealed class Installation(
    NodePaths paths, IServices services, Func<string, IReadOnlyList<string>, CancellationToken, Task<HubTrialResult>> check, Func<string, CancellationToken, Task<bool>> answers, Func<string, bool> isAsked,
    Func<string, string, CancellationToken, Task<string?>> siteOf, Func<string, IPEndPoint?, string?> othersHave, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    /// <summary>Installs the hub and leads the kubelet to it.</summary>
    /// <param name="program">The executable to install.</param>
    /// <param name="arguments">Of <c>ote-node edgehub</c>, without <c>--write-kubeconfigs</c>.</param>
    /// <param name="kubeletConfig">The kubelet's own kubeconfig, which is among them.</param>
    /// <param name="kubelet">The kubelet's unit.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RoleException">It cannot be done; the node is as it was, but for files of no effect that were told of.</exception>
    public async Task InstallAsync(string program, IReadOnlyList<string> arguments, string kubeletConfig, string kubelet, CancellationToken ct)
    {
        var unit = await services.TryAsync(["cat", kubelet], ct).ConfigureAwait(false)
            ?? throw new RoleException($"there is no unit {kubelet}, and nothing was changed: " + (await K3sRecipe.FoundAsync(services, ct).ConfigureAwait(false) is { } k3s
                ? $"{k3s} runs this node's kubelet, which install does not lead. For a k3s agent {K3sRecipe.Steps}" : "name the kubelet's with --kubelet-unit"));
        var towards = Path.Combine(paths.Kubeconfigs, Path.GetFileName(kubeletConfig));
        // Ours of an earlier time would be found in place of what the kubelet itself says.
        if (!KubeletUnit.TryRedirect(KubeletUnit.Without(unit, paths.DropIn(kubelet)), towards, out var dropIn))
        {
            throw new RoleException($"{kubelet} names no --kubeconfig, in ExecStart or in an Environment= line: add one, or start the kubelet with --kubeconfig={towards} yourself and run `ote-node edgehub` as a service of your own");
        }

        string[] all = [.. arguments, "--write-kubeconfigs", paths.Kubeconfigs];
        var installed = new InstalledProgram(paths);
        try
        {
            var staged = installed.Stage(program);
            var trial = await check(staged, all, ct).ConfigureAwait(false);
            if (trial.Unfit is { } unfit)
            {
                throw new RoleException($"{unfit}; nothing was changed");
            }

            foreach (var warning in trial.Warnings)
            {
                say($"warning: {warning}");
            }

            await LookForOtherAsync(all, ct).ConfigureAwait(false);
        }
        catch
        {
            installed.Unstage();
            throw;
        }

        var start = new HubStart(services, answers, say, time);
        var former = await FormerHub.KeepAsync(paths, installed, services, start, say, kubelet, ct).ConfigureAwait(false);
        try
        {
            await ConvertAsync(installed, all, kubelet, towards, dropIn, former, start, ct).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            if (!await former.PutBackAsync().ConfigureAwait(false) && fault is RoleException)
            {
                throw new RoleException($"{fault.Message}. Not all could be put back, as was said above");
            }

            throw;
        }

        installed.Forget();
        say($"{kubelet} asks the hub ({paths.DropIn(kubelet)}); its pods were not touched");
        if (SiteReach.Missing(await siteOf(towards, HubUnit.NodeOf(paths.UnitText()!), ct).ConfigureAwait(false), paths.UnitText()!) is { } missing)
        {
            say($"warning: {missing}");
        }

        say("next: `ote-node doctor`");
    }

    /// <summary>One that was started by hand would answer in place of the service's, which would end for ever.</summary>
    private async Task LookForOtherAsync(IReadOnlyList<string> arguments, CancellationToken ct)
    {
        if (othersHave(paths.Data, HubUnit.ListenOf(HubUnit.Text(paths.Program, arguments, []))) is { } what
            && (!File.Exists(paths.Unit) || await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is null))
        {
            throw new RoleException($"{what}, {HubUnit.Name} does not run, and nothing was changed: end the hub that was started by hand first (one of another node, or another program, may stay when this hub is given a place of its own, after -- with --data or --listen)");
        }
    }

    private async Task ConvertAsync(InstalledProgram installed, IReadOnlyList<string> arguments, string kubelet, string towards, string dropIn, FormerHub former, HubStart start, CancellationToken ct)
    {
        var formerData = paths.InstalledData;
        installed.Place();
        say($"{paths.Programs} written, and {paths.Command} leads there");
        Write(paths.Unit, HubUnit.Text(paths.Program, arguments, [paths.Data, paths.Kubeconfigs]));
        Directory.CreateDirectory(paths.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(paths.Kubeconfigs, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        say($"{paths.Unit} written");
        if (formerData != paths.Data && Directory.Exists(formerData))
        {
            say($"{formerData}, where the hub kept its cache before, stays: what was written while cut off and had not been told is in it");
        }

        await RunAsync(["daemon-reload"], ct).ConfigureAwait(false);
        await RunAsync(["enable", HubUnit.Name], ct).ConfigureAwait(false);
        if (await start.RunAsync(towards, Soon, ct).ConfigureAwait(false) is { } silent)
        {
            throw new RoleException($"{silent}. The kubelet was left as it is");
        }

        say("the hub answers");
        Write(paths.DropIn(kubelet), dropIn);
        await RunAsync(["daemon-reload"], ct).ConfigureAwait(false);
        former.IsKubeletStarted = true;
        if (await new KubeletTrial(services, isAsked, say, time).RunAsync(kubelet, towards, ct).ConfigureAwait(false) is { } why)
        {
            throw new RoleException($"{kubelet} did not start behind the hub, and was started as before: {why}; see `journalctl -u {kubelet}`");
        }
    }

    private async Task RunAsync(string[] arguments, CancellationToken ct)
    {
        if (await services.RunAsync(arguments, ct).ConfigureAwait(false) is { Succeeded: false } failed)
        {
            throw new RoleException($"systemctl {string.Join(' ', arguments)} failed: {failed.Error}" + (arguments.Length > 1 ? $"; see `systemctl status {arguments[^1]}`" : ""));
        }
    }

    private static void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }
}
