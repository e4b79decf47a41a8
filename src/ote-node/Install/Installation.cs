using System.Text;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// Puts the hub before a node's kubelet while pods run on: they are the container runtime's, and a kubelet that is started anew finds them. What can be known beforehand is looked at before anything is changed; each step is safe to be done
/// twice; a conversion that fails is taken back.
/// </summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="check">Why an executable could not run the hub with these options; null: it could.</param>
/// <param name="answers">Whether the hub answers by now: what its kubeconfig leads to.</param>
/// <param name="isAsked">Whether anybody is connected to it.</param>
/// <param name="say">Told of each step.</param>
/// <param name="time">The clock.</param>
internal sealed class Installation(
    NodePaths paths, IServices services, Func<string, IReadOnlyList<string>, CancellationToken, Task<string?>> check, Func<string, CancellationToken, Task<bool>> answers, Func<string, bool> isAsked, Action<string> say, TimeProvider time)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

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
            ?? throw new RoleException($"there is no unit {kubelet}, and nothing was changed: name the kubelet's with --kubelet-unit");
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
            if (await check(staged, all, ct).ConfigureAwait(false) is { } unfit)
            {
                throw new RoleException($"{unfit}; nothing was changed");
            }
        }
        catch
        {
            installed.Unstage();
            throw;
        }

        var former = await FormerHub.KeepAsync(paths, installed, services, say, kubelet, ct).ConfigureAwait(false);
        try
        {
            await ConvertAsync(installed, all, kubelet, towards, dropIn, former, ct).ConfigureAwait(false);
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
    }

    private async Task ConvertAsync(InstalledProgram installed, IReadOnlyList<string> arguments, string kubelet, string towards, string dropIn, FormerHub former, CancellationToken ct)
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
        await RunAsync(["restart", HubUnit.Name], ct).ConfigureAwait(false);
        await AnswersAsync(towards, ct).ConfigureAwait(false);
        say("the hub answers");
        Write(paths.DropIn(kubelet), dropIn);
        await RunAsync(["daemon-reload"], ct).ConfigureAwait(false);
        former.IsKubeletStarted = true;
        if (await new KubeletTrial(services, isAsked, time).RunAsync(kubelet, towards, ct).ConfigureAwait(false) is { } why)
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

    private async Task AnswersAsync(string kubeconfig, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (!await answers(kubeconfig, ct).ConfigureAwait(false))
        {
            if (time.GetElapsedTime(began) > Soon)
            {
                throw new RoleException($"the hub does not answer within {Soon.TotalSeconds:0} s{await SaidAsync(ct).ConfigureAwait(false)}, and the kubelet was left as it is; `journalctl -u {HubUnit.Name}` says why");
            }

            await Task.Delay(LookAgain, time, ct).ConfigureAwait(false);
        }
    }

    /// <summary>What the hub itself said last of why it cannot start, as systemd shows it; empty: nothing.</summary>
    private async Task<string> SaidAsync(CancellationToken ct)
    {
        const string Error = "error: ";
        var shown = await services.RunAsync(["status", "--no-pager", "--lines=10", "--output=cat", HubUnit.Name], ct).ConfigureAwait(false);
        return shown.Out.Split('\n').LastOrDefault(line => line.StartsWith(Error, StringComparison.Ordinal)) is { } line ? $" ({line[Error.Length..].TrimEnd('.')})" : "";
    }

    private static void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }
}
