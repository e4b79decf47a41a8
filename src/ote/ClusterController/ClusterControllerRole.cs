using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Kube.Client;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Mirror.Applying;
using Ote.Roles.Backup;
using Ote.Roles.Following;
using Ote.Roles.Hosting;
using Ote.Roles.Messages;
using Ote.Roles.Shim;
using Ote.Shim;
using Ote.Shim.Kubernetes.K3s;
using Ote.Shim.Kubernetes.Kubernetes;
using Ote.Shim.Remote;

namespace Ote.Roles.ClusterController;

/// <summary>Puts a controller together with its control API and its shim, and runs it until stopped.</summary>
internal static class ClusterControllerRole
{
    public static async Task RunAsync(RoleHost host, ClusterControllerArguments arguments)
    {
        var options = arguments.Options;
        var faults = options.Faults();
        if (faults.Count > 0)
        {
            throw new RoleException(string.Join("; ", faults));
        }

        if (arguments is { ApiAudit: not null, Api: null, Fleet: null })
        {
            throw new RoleException("--audit-log-path: this controller serves no API of its own; give --api-listen, or ask the API server of --kubeconfig for its audit log");
        }

        if (Restoration.Objection(options.DataDirectory) is { } objection)
        {
            throw new RoleException(objection);
        }

        if (Ote.Cluster.Handling.ClusterController.Objection(options) is { } owner)
        {
            throw new RoleException(owner);
        }

        using var held = DataLock.Take(options.DataDirectory); // before anything is put into it
        if (arguments.LeaderElect)
        {
            await RootReplicaRole.RunAsync(host, arguments).ConfigureAwait(false);
            return;
        }

        var control = arguments.ControlKubeconfig is { } controlFile ? Kubeconfig.Load(controlFile) : null;
        var managed = arguments.ManagedKubeconfig is { } managedFile ? Kubeconfig.Load(managedFile) : null;
        if (control is not { NeedsMachineTrust: true } && managed is not { NeedsMachineTrust: true })
        {
            MachineTrust.LeaveOut();
        }

        Ote.Cluster.Handling.ClusterController? controller = null;
        string? joinWaits = null;
        ApiServer? served = null;
        FleetServing? shown = null;
        await using var observed = await Observation.StartAsync(
            arguments.Observe, host, options.Name,
            () => WhyNotReady(options, Volatile.Read(ref controller), Volatile.Read(ref joinWaits), Volatile.Read(ref served)?.Trouble() ?? Volatile.Read(ref shown)?.Trouble)).ConfigureAwait(false);
        await using var mirror = arguments.ShowsTree ? OpenMirror(host, arguments) : null;
        var gate = new ClusterGate();
        await using var api = arguments.Api is null ? null : await StartApiAsync(host, arguments, mirror, gate).ConfigureAwait(false);
        Volatile.Write(ref served, api);
        using var client = control is not null
            ? new KubeClient(control.CreateHttpClient(host.Time))
            : api?.CreateClient(UserInfo.Component("cluster-controller"));
        await using var fleet = arguments.Fleet is { } place ? await FleetServing.StartAsync(host, options.Name, place, mirror!, gate, client!, host.Stop).ConfigureAwait(false) : null;
        Volatile.Write(ref shown, fleet);
        await using var follow = arguments.Follow is { } door ? await FollowServing.StartAsync(host, options.Name, door).ConfigureAwait(false) : null;
        controller = await Ote.Cluster.Handling.ClusterController.StartAsync(
            options,
            new ClusterControllerParts(host.Loggers, host.Meters, host.Time, host.Random)
            {
                ControlApi = client,
                ControlApiNamesRequester = api is not null && control is null,
                Shim = Shim(host, arguments, managed),
                Mirror = mirror,
                JoinWaits = why => Volatile.Write(ref joinWaits, why),
            },
            host.Stop).ConfigureAwait(false);
        await using (controller.ConfigureAwait(false))
        {
            gate.Controller = controller;
            follow?.Lead(controller, client!, host.Stop);
            if (api is not null)
            {
                var listens = await api.ListenAsync(arguments.Api!, host.Stop).ConfigureAwait(false);
                var kubeconfig = Path.Combine(options.DataDirectory, "kubeconfig");
                await api.WriteAdminKubeconfigAsync(kubeconfig, new Uri($"https://{Reachable(listens)}"), host.Stop).ConfigureAwait(false);
                await Console.Out.WriteLineAsync($"kubeconfig {kubeconfig}").ConfigureAwait(false);
            }

            if (fleet is not null)
            {
                await Console.Out.WriteLineAsync($"fleet {fleet.Address}").ConfigureAwait(false);
            }

            var following = mirror is null ? Task.CompletedTask : new TreeFollower(mirror, controller.FollowReportsAsync, host.Time, host.Random, host.Loggers.CreateLogger("Ote.Mirror")).RunAsync(host.Stop);
            var living = client is not null && control is not null && options.Parent is null ? RootSignOfLife.RunAsync(host, client, options, host.Stop) : Task.CompletedTask;
            await using var messages = await MessageDoor.StartAsync(arguments.MessageSocket, controller.Messages, host.Loggers, host.Time, host.Stop).ConfigureAwait(false);
            if (controller.CaPin is { } pin)
            {
                await Console.Out.WriteLineAsync($"ca-pin {pin}").ConfigureAwait(false);
            }

            await Console.Out.WriteLineAsync($"ready {options.Name}{(controller.ListenAddress is { } at ? $" {at}" : "")}").ConfigureAwait(false);
            host.Settle();
            await controller.RunAsync(host.Stop).ConfigureAwait(false);
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await living.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What keeps a controller from its work, for people; null when nothing does.</summary>
    /// <param name="options">What it was asked to be.</param>
    /// <param name="controller">The controller, once it has started; one that has to join first has not.</param>
    /// <param name="joinWaits">What its joining waits for, as far as is known.</param>
    /// <param name="storeTrouble">What keeps the embedded API server's store from its work; null when nothing does, or there is none.</param>
    internal static string? WhyNotReady(ClusterControllerOptions options, Ote.Cluster.Handling.ClusterController? controller, string? joinWaits, string? storeTrouble = null)
    {
        // A disk that takes no more has other consequences too, such as no link: it comes first.
        string[] reasons = [.. new[] { storeTrouble, controller?.JournalFault, WhyNotAtWork(options, controller, joinWaits) }.OfType<string>()];
        return reasons.Length == 0 ? null : string.Join(" Also: ", reasons);
    }

    private static string? WhyNotAtWork(ClusterControllerOptions options, Ote.Cluster.Handling.ClusterController? controller, string? joinWaits) => controller switch
    {
        null when options.Parent is null => "the controller is starting",
        null when joinWaits is not null => $"it has not joined yet through {options.Parent}: {joinWaits}",
        null => $"the controller is starting, or has not joined yet through {options.Parent}",
        { IsReady: true } => null,
        { ControlFault: { } fault } => fault,
        _ when options.Parent is null => "children cannot connect yet",
        { CertificateFault: { } ended } => $"there is no link to the parent {options.Parent}: {ended}",
        _ => $"there is no link to the parent {options.Parent}; the cluster goes on with what it has, and the log says why",
    };

    private static Task<ApiServer> StartApiAsync(RoleHost host, ClusterControllerArguments arguments, MirrorStore? mirror, ClusterGate gate) => ApiServer.StartAsync(
        new ApiServerOptions
        {
            Name = arguments.Options.Name,
            DataDirectory = Path.Combine(arguments.Options.DataDirectory, BackupService.Api),
            Downloads = Downloads(host, arguments.Options),
            TokenFile = arguments.ApiTokens,
            Authorizer = new CommanderAuthorizer(),
            Audit = arguments.ApiAudit,
            BootstrapRoles = true,
            KeepsKubernetesService = mirror is null, // where Services are those of the clusters below, an own one would be shown to nobody
            Mirror = mirror,
            Clusters = gate,
            InstallCrds = Definitions(),
            InstallFingerprint = Crds.Fingerprint(),
            Namespaces = [Ote.Cluster.Handling.ClusterController.SystemNamespace],
        },
        host.Loggers,
        host.Time,
        host.Stop,
        host.Meters);

    private static MirrorStore OpenMirror(RoleHost host, ClusterControllerArguments arguments)
    {
        var folder = Path.Combine(arguments.Options.DataDirectory, "mirror");
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return MirrorStore.Open(arguments.Mirror with { Directory = folder }, host.Time, host.Loggers.CreateLogger("Ote.Mirror"));
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"--serve: {unusable.Message}");
        }
    }

    /// <summary>Backups, of a root: any other cluster joins anew.</summary>
    private static Dictionary<string, Func<Stream, CancellationToken, Task>> Downloads(RoleHost host, ClusterControllerOptions options)
    {
        if (options.Parent is not null)
        {
            return [];
        }

        var backup = new BackupService(options.DataDirectory, Ote.Cluster.Handling.ClusterController.ProductVersion, host.Time);
        backup.Clear();
        return new() { [BackupService.Path] = backup.WriteAsync };
    }

    // Read from their text only when they are to be installed.
    private static IEnumerable<System.Text.Json.Nodes.JsonObject> Definitions()
    {
        foreach (var definition in Crds.Load())
        {
            yield return definition;
        }
    }

    private static string Reachable(System.Net.IPEndPoint served) =>
        served.Address.Equals(System.Net.IPAddress.Any) || served.Address.Equals(System.Net.IPAddress.IPv6Any) ? $"127.0.0.1:{served.Port}" : served.ToString();

    private static IClusterShim? Shim(RoleHost host, ClusterControllerArguments arguments, KubeEndpoint? managed)
    {
        if (arguments.Shim is not null && managed is not null)
        {
            throw new RoleException("--shim and --managed-kubeconfig: a controller manages one cluster; give one of them");
        }

        if (arguments.Shim is { } address)
        {
            if (!ShimAddress.TryParse(address, out var parsed, out var error))
            {
                throw new RoleException($"--shim: {error}");
            }

            ShimTls? tls = null;
            if (!parsed.IsUnix)
            {
                if (arguments.ShimTls is not [var files] || files.Split(',') is not [var certificate, var key, var authority])
                {
                    throw new RoleException("--shim-tls: a shim over https needs --shim-tls CERT,KEY,CA");
                }

                tls = ShimTls.FromFiles(certificate, key, authority, []);
            }

            return new RemoteShim(new RemoteShimOptions { Address = parsed, Tls = tls }, host.Time, host.Random, host.Loggers.CreateLogger<RemoteShim>());
        }

        if (managed is not null)
        {
            var defaults = arguments.ManagedKind switch
            {
                "k8s" => new KubernetesShimOptions(),
                "k3s" => K3sShim.Options,
                var other => throw new RoleException($"--managed-kind: '{other}' is neither k8s nor k3s"),
            };
            var impersonation = arguments.Impersonate switch
            {
                "requester" => Impersonation.Requester,
                "none" => Impersonation.None,
                var other => throw new RoleException($"--impersonate: '{other}' is neither requester nor none"),
            };
            var shim = new KubernetesShim(
                managed.CreateHttpClient(host.Time), defaults with { Impersonate = impersonation }, new ShimMetrics(host.Meters), host.Time, host.Random, host.Loggers.CreateLogger<KubernetesShim>(),
                managed.CreateLiveInvoker(host.Time));
            return Reports.Around(shim, managed, Path.Combine(arguments.Options.DataDirectory, "reports"), arguments.Reported, host);
        }

        return null;
    }
}
