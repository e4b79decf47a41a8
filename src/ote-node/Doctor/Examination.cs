using System.Globalization;
using Ote.Kube.Client;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Looks at an installed hub and the node around it, and changes nothing.</summary>
/// <param name="paths">Where things lie.</param>
/// <param name="services">The machine's services.</param>
/// <param name="ask">Asks a server for a path.</param>
/// <param name="time">The clock.</param>
/// <param name="freeOf">Bytes that are free on a folder's disk.</param>
internal sealed class Examination(
    NodePaths paths, IServices services, Func<KubeEndpoint, string, CancellationToken, Task<BriefAnswer>> ask, Func<string, long> freeOf, TimeProvider time)
{
    private static readonly TimeSpan Soon = TimeSpan.FromDays(14);

    /// <summary>Everything in turn.</summary>
    /// <param name="kubelet">The kubelet's unit.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="Ote.Roles.Hosting.RoleException">There is no systemd to ask.</exception>
    public async Task<IReadOnlyList<Finding>> LookAsync(string kubelet, CancellationToken ct)
    {
        SystemdNeed.See(paths, "doctor");
        var unit = await services.TryAsync(["cat", kubelet], ct).ConfigureAwait(false);
        var leads = unit is null ? null : KubeletUnit.KubeconfigOf(unit);
        var looks = new HubExamination(paths, services, ask, time);
        var service = await looks.ServiceAsync(ct).ConfigureAwait(false);
        var asks = await new KubeletExamination(paths, services).LookAsync(kubelet, unit, leads, ct).ConfigureAwait(false);
        var hub = await looks.AnswersAsync(leads, ct).ConfigureAwait(false);
        return
        [
            service,
            asks,
            .. hub is { } found ? new[] { found.Finding } : [],
            .. await SiteAsync(hub?.Hub, ct).ConfigureAwait(false),
            .. await ServersAsync(ct).ConfigureAwait(false),
            .. new FolderExamination(paths, freeOf).Look(),
        ];
    }

    /// <summary>By the label that the hub is asked for, where it answers.</summary>
    private async Task<IReadOnlyList<Finding>> SiteAsync(KubeEndpoint? hub, CancellationToken ct)
    {
        if (hub is null || paths.UnitText() is not { } unit)
        {
            return [];
        }

        var node = await ask(hub, SiteReach.Path(HubUnit.NodeOf(unit)), ct).ConfigureAwait(false);
        return SiteReach.Missing(SiteReach.SiteOf(node), unit) is { } missing ? [new Finding("site", Standing.Warning, missing)] : [];
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
                var (code, cause, _) = await ask(endpoint, "readyz", ct).ConfigureAwait(false);
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

    /// <summary>Bytes that are free on a folder's disk, as the system says.</summary>
    public static long FreeOf(string folder) => new DriveInfo(folder).AvailableFreeSpace;
}
