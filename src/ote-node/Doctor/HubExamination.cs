using System.Globalization;
using System.Net;
using Ote.EdgeHub.K3s;
using Ote.Kube.Client;
using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Node.Doctor;

/// <summary>Looks whether the hub runs, goes on running, and answers.</summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="ask">Asks a server for a path.</param>
/// <param name="time">The clock.</param>
internal sealed class HubExamination(NodePaths paths, IServices services, Func<KubeEndpoint, string, CancellationToken, Task<BriefAnswer>> ask, TimeProvider time)
{
    /// <summary>So often it has ended by itself where that is told while it runs: one that was killed twice and runs is well.</summary>
    private const int Often = 3;

    /// <summary>One that often ended and has run for no longer than this is said to end again.</summary>
    private static readonly TimeSpan Briefly = TimeSpan.FromSeconds(10);

    /// <summary>One that often ended and has run for no longer than this is warned of.</summary>
    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(1);

    /// <summary>By so much before a start the process before it ended: systemd starts it anew after a second.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Journal = TimeSpan.FromMinutes(5);

    /// <summary>Looks at its service.</summary>
    public async Task<Finding> ServiceAsync(CancellationToken ct)
    {
        if (!File.Exists(paths.Unit))
        {
            return DataLock.IsHeld(paths.Data)
                ? Service(Standing.Warning, $"{HubUnit.Name} is not installed, and a hub that was started by hand runs by {paths.Data}: nothing starts it anew. End it, and run `ote-node install`")
                : Service(Standing.Fails, $"{HubUnit.Name} is not installed; `ote-node install` does it");
        }

        var isActive = await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is not null;
        var shown = await services.ShownAsync(HubUnit.Name, ct, "SubState", "NRestarts", "Result", "ExecMainStartTimestampMonotonic").ConfigureAwait(false);
        var (state, starts) = (shown.GetValueOrDefault("SubState") ?? "", Number(shown.GetValueOrDefault("NRestarts")));
        var up = Age(Number(shown.GetValueOrDefault("ExecMainStartTimestampMonotonic")));
        // It may have been started between both questions. systemd 254 and later also say auto-restart-queued.
        if (state.StartsWith("auto-restart", StringComparison.Ordinal) || (starts > 0 && !isActive && state == "running") || (starts >= Often && isActive && up < Briefly))
        {
            return Service(Standing.Fails, $"{HubUnit.Name} ends by itself, and was started anew {starts} times{await SaidAsync(Journal, ct).ConfigureAwait(false)}; `journalctl -u {HubUnit.Name}` says why");
        }

        if (!isActive)
        {
            // What was told to stop said nothing of why.
            var said = shown.GetValueOrDefault("Result") is null or "success" ? "" : await SaidAsync(Journal, ct).ConfigureAwait(false);
            return Service(Standing.Fails, $"{HubUnit.Name} does not run{said}; `journalctl -u {HubUnit.Name}` says why");
        }

        if (starts >= Often && up < Lately)
        {
            var said = await SaidAsync(up + Between, ct).ConfigureAwait(false);
            return Service(Standing.Warning, string.Create(CultureInfo.InvariantCulture, $"{HubUnit.Name} runs, and was started anew {starts} times, the last time {up.TotalSeconds:0} s ago{said}; `journalctl -u {HubUnit.Name}` says why"));
        }

        return await services.TryAsync(["is-enabled", HubUnit.Name], ct).ConfigureAwait(false) is null ? Service(Standing.Warning, $"{HubUnit.Name} runs, and would not after a reboot; run `systemctl enable {HubUnit.Name}`")
            : Service(Standing.Ok, $"{HubUnit.Name} runs");
    }

    /// <summary>
    /// Asked where its own unit says, by the kubeconfig that it writes for the kubelet; a hub that is no service of ours where the kubelet's unit leads, if that is to one: an API server that answers is no hub.
    /// </summary>
    /// <param name="leads">The kubeconfig that the kubelet's unit names; null: none.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>How it stands, and where it was asked when it answered; null: there is none to ask, which is said elsewhere.</returns>
    public async Task<(Finding Finding, KubeEndpoint? Hub)?> AnswersAsync(string? leads, CancellationToken ct)
    {
        var unit = paths.UnitText();
        var agent = unit is null ? null : HubUnit.ValuesOf(unit, "--k3s-agent").LastOrDefault();
        var kubeconfig = agent is not null ? Path.Combine(agent, "kubelet.kubeconfig")
            : unit is not null ? Path.Combine(paths.Kubeconfigs, Path.GetFileName(HubUnit.KubeconfigsOf(unit).FirstOrDefault() ?? "kubelet.conf"))
            : leads is not null && RunningKubelet.LiesIn(leads, paths.Kubeconfigs) ? leads
            : null;
        if (kubeconfig is null)
        {
            return null;
        }

        if (!File.Exists(kubeconfig))
        {
            return (Fails(agent is not null ? $"{kubeconfig}, by which the agent's components show who they are, is not there; let the agent join its server once"
                : $"{kubeconfig}, which the hub writes when it starts, is not there; `journalctl -u {HubUnit.Name}` says why"), null);
        }

        try
        {
            var endpoint = Kubeconfig.Load(kubeconfig);
            if (agent is not null)
            {
                endpoint = endpoint with { Server = new Uri($"https://{K3sListen(unit!)}") };
            }
            else if (unit is not null && HubUnit.ListenOf(unit) is { } listen && new Uri($"https://{listen}").Authority != endpoint.Server.Authority)
            {
                return (Fails($"it listens at {listen} by its unit, and {kubeconfig} leads to {endpoint.Server}; `systemctl restart {HubUnit.Name}` writes that anew, and the kubelet has to be started again after it"), null);
            }

            var whom = agent is null ? "kubelet" : "k3s agent";
            var answer = await ask(endpoint, agent is null ? "api" : "ping", ct).ConfigureAwait(false);
            return answer.Succeeded ? (new Finding("hub", Standing.Ok, $"it answers the {whom} at {endpoint.Server}"), endpoint) : (Fails($"it does not answer the {whom} at {endpoint.Server}: {answer.Cause}"), null);
        }
        catch (KubeconfigException bad)
        {
            return (Fails(bad.Message), null);
        }
    }

    /// <summary>What it said last of why it ended, in brackets; empty: nothing within that time.</summary>
    private async Task<string> SaidAsync(TimeSpan within, CancellationToken ct) =>
        await services.ErrorOfAsync(HubUnit.Name, time.GetUtcNow() - within, ct).ConfigureAwait(false) is { } said ? $" ({said})" : "";

    private static Finding Service(Standing standing, string words) => new("service", standing, words);

    private static Finding Fails(string words) => new("hub", Standing.Fails, words);

    private static IPEndPoint K3sListen(string unit) =>
        HubUnit.ValuesOf(unit, "--k3s-listen").LastOrDefault() is { } said && IPEndPoint.TryParse(said, out var listen) ? listen : new K3sOptions { CertificateFile = "", KeyFile = "" }.Listen;

    private static long Number(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>How long ago something was, in microseconds since the machine's start; a day where nobody knows.</summary>
    private TimeSpan Age(long began)
    {
        var file = Path.Combine(paths.Processes, "uptime");
        return File.Exists(file) && double.TryParse(File.ReadAllText(file).Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var up)
            ? TimeSpan.FromSeconds(up) - TimeSpan.FromMicroseconds(began) : TimeSpan.FromDays(1);
    }
}
