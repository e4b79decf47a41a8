using System.Globalization;
using System.Net.Sockets;
using Ote.Kube.Client;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Looks at an installed hub and the node around it, and changes nothing.</summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="ask">Asks a server for a path: its code, or why there is no answer.</param>
/// <param name="time">The clock.</param>
/// <param name="freeOf">Bytes that are free on a folder's disk; null: as the system says.</param>
internal sealed class Examination(NodePaths paths, IServices services, Func<KubeEndpoint, string, CancellationToken, Task<(int Code, string Cause)>> ask, TimeProvider time, Func<string, long>? freeOf = null)
{
    private const long LeastFree = 200L * 1024 * 1024;
    private const long Nothing = 1024 * 1024;
    private static readonly TimeSpan Soon = TimeSpan.FromDays(14);

    /// <summary>Everything in turn.</summary>
    /// <param name="kubelet">The kubelet's unit.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<IReadOnlyList<Finding>> LookAsync(string kubelet, CancellationToken ct)
    {
        var unit = await services.TryAsync(["cat", kubelet], ct).ConfigureAwait(false);
        var leads = unit is null ? null : KubeletUnit.KubeconfigOf(unit);
        return
        [
            await ServiceAsync(ct).ConfigureAwait(false),
            await new KubeletExamination(paths, services).LookAsync(kubelet, unit, leads, ct).ConfigureAwait(false),
            await HubAsync(leads, ct).ConfigureAwait(false),
            .. await ServersAsync(ct).ConfigureAwait(false),
            Folder(),
            Disk(),
        ];
    }

    private async Task<Finding> ServiceAsync(CancellationToken ct) =>
        !File.Exists(paths.Unit) ? new Finding("service", Standing.Fails, $"{HubUnit.Name} is not installed; `ote-node install` does it")
        : await services.TryAsync(["is-active", HubUnit.Name], ct).ConfigureAwait(false) is null ? new Finding("service", Standing.Fails, $"{HubUnit.Name} does not run; `journalctl -u {HubUnit.Name}` says why")
        : await services.TryAsync(["is-enabled", HubUnit.Name], ct).ConfigureAwait(false) is null ? new Finding("service", Standing.Warning, $"{HubUnit.Name} runs, and would not after a reboot; run `systemctl enable {HubUnit.Name}`")
        : new Finding("service", Standing.Ok, $"{HubUnit.Name} runs");

    /// <summary>Asked where its own unit says, by the kubeconfig that it writes for the kubelet; a hub that is no service of ours where the kubelet's unit leads.</summary>
    private async Task<Finding> HubAsync(string? leads, CancellationToken ct)
    {
        var unit = paths.UnitText();
        var kubeconfig = unit is not null && HubUnit.KubeconfigsOf(unit).FirstOrDefault() is { } first ? Path.Combine(paths.Kubeconfigs, Path.GetFileName(first)) : leads;
        if (kubeconfig is null || !File.Exists(kubeconfig))
        {
            return new Finding("hub", Standing.Fails, kubeconfig is null ? "the kubelet's unit names no kubeconfig" : $"{kubeconfig}, which the hub writes when it starts, is not there; `journalctl -u {HubUnit.Name}` says why");
        }

        try
        {
            var endpoint = Kubeconfig.Load(kubeconfig);
            if (unit is not null && HubUnit.ListenOf(unit) is { } listen && new Uri($"https://{listen}").Authority != endpoint.Server.Authority)
            {
                return new Finding("hub", Standing.Fails, $"it listens at {listen} by its unit, and {kubeconfig} leads to {endpoint.Server}; `systemctl restart {HubUnit.Name}` writes that anew, and the kubelet has to be started again after it");
            }

            var (code, cause) = await ask(endpoint, "api", ct).ConfigureAwait(false);
            return code == 200 ? new Finding("hub", Standing.Ok, $"it answers the kubelet at {endpoint.Server}") : new Finding("hub", Standing.Fails, $"it does not answer the kubelet at {endpoint.Server}: {cause}");
        }
        catch (KubeconfigException bad)
        {
            return new Finding("hub", Standing.Fails, bad.Message);
        }
    }

    /// <summary>The API servers, asked with each component's own credentials, and how long those are good.</summary>
    private async Task<IReadOnlyList<Finding>> ServersAsync(CancellationToken ct)
    {
        var findings = new List<Finding>();
        foreach (var file in OwnKubeconfigs())
        {
            try
            {
                var endpoint = Kubeconfig.Load(file);
                var (code, cause) = await ask(endpoint, "readyz", ct).ConfigureAwait(false);
                findings.Add(
                    code == 200 ? new Finding("API server", Standing.Ok, $"{endpoint.Server} is ready for {file}")
                    : code is 401 or 403 ? new Finding("API server", Standing.Fails, $"{endpoint.Server} does not take the credentials of {file} ({code}): renew them")
                    : new Finding("API server", Standing.Warning, $"{endpoint.Server} does not answer {file} ({cause}): the node is cut off, or goes by another server"));
                if (endpoint.ClientCertificate is { } certificate && certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime is var left && left < Soon)
                {
                    findings.Add(new Finding("credentials", left < TimeSpan.Zero ? Standing.Fails : Standing.Warning, string.Create(
                        CultureInfo.InvariantCulture, $"the certificate of {file} {(left < TimeSpan.Zero ? "ran out" : "runs out")} at {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm}Z; renew it")));
                }
            }
            catch (KubeconfigException bad)
            {
                findings.Add(new Finding("credentials", Standing.Fails, bad.Message));
            }
        }

        return findings;
    }

    private IEnumerable<string> OwnKubeconfigs() => paths.UnitText() is { } unit ? HubUnit.KubeconfigsOf(unit) : [];

    private Finding Folder() =>
        File.Exists(paths.Unit) && paths.InstalledData is var own && own != paths.Data ? new Finding("cache", Standing.Warning, $"{HubUnit.Name} keeps its cache in {own}, not in {paths.Data}; leave --data out to look at that")
        : !Directory.Exists(paths.Data) ? new Finding("cache", Standing.Fails, $"{paths.Data} is not there")
        : (File.GetUnixFileMode(paths.Data) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)) != 0
            ? new Finding("cache", Standing.Fails, $"others than its owner can enter {paths.Data}, which holds secrets and their key; run chmod 700 {paths.Data}")
        : Directory.EnumerateFiles(paths.Data, "*.damaged*").FirstOrDefault() is { } damaged ? new Finding("cache", Standing.Warning, $"a damaged cache was put aside as {damaged}: what was written while cut off then is in it alone. Remove it when it is of no use")
        : new Finding("cache", Standing.Ok, $"{paths.Data} is the owner's alone");

    private Finding Disk()
    {
        var free = Directory.Exists(paths.Data) ? (freeOf ?? (folder => new DriveInfo(folder).AvailableFreeSpace))(paths.Data) : long.MaxValue;
        return free < Nothing ? new Finding("disk", Standing.Fails, $"no room is left where {paths.Data} is: nothing new is kept for when the node is cut off, and writes while it is are refused. Make room; the hub goes on by itself")
            : free < LeastFree ? new Finding("disk", Standing.Warning, string.Create(CultureInfo.InvariantCulture, $"{free / 1024 / 1024} MiB are free where {paths.Data} is: on a full disk nothing is kept while cut off"))
            : new Finding("disk", Standing.Ok, "there is room");
    }

    /// <summary>Asks over the network, for five seconds.</summary>
    public static async Task<(int Code, string Cause)> AskAsync(KubeEndpoint endpoint, string path, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            using var http = endpoint.CreateHttpClient(TimeProvider.System);
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), patience.Token).ConfigureAwait(false);
            return ((int)answer.StatusCode, $"code {(int)answer.StatusCode}");
        }
        catch (Exception unanswered) when (unanswered is HttpRequestException or SocketException or IOException || (unanswered is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return (0, unanswered is OperationCanceledException ? "no answer within 5 s" : unanswered.GetBaseException().Message);
        }
    }
}
