using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Roles.Hosting;

namespace Ote.Roles.EdgeController;

/// <summary><c>ote edge-controller</c>: keeps nodes that are cut off from being taken for dead.</summary>
internal static class EdgeControllerCommand
{
    private const string LeaseNamespace = "kube-system";
    private const string LeaseName = "ote-edge-controller";

    public static Command Create()
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "The cluster whose nodes it looks after; kubectl's own choice when absent" };
        var times = new EdgeControllerTimes();
        var nodes = new EdgeControllerNodes();
        var common = new CommonOptions();
        var command = new Command("edge-controller", "Tells nodes that are cut off from dead ones, and keeps the former's pods from being evicted") { kubeconfig };
        nodes.AddTo(command);
        times.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            var options = times.Read(parsed) with { Chooses = nodes.Read(parsed) };
            var endpoint = Kubeconfig.Load(Kubeconfig.DefaultPath(parsed.GetValue(kubeconfig)));
            if (!endpoint.NeedsMachineTrust)
            {
                MachineTrust.LeaveOut();
            }

            var log = host.Loggers.CreateLogger<EdgeNodeController>();
            using var client = new KubeClient(endpoint.CreateHttpClient(host.Time), "ote-edge-controller");
            using var metrics = new EdgeNodeMetrics(host.Meters);
            var controller = new EdgeNodeController(client, options, host.Time, host.Random, metrics, log);
            await using var observed = await Observation.StartAsync(CommonOptions.EndPoint(parsed, common.Observe), host, "edge-controller", () => null).ConfigureAwait(false); // before anything is written to the cluster
            await InstallAsync(controller, endpoint, host.Stop).ConfigureAwait(false);
            var identity = $"{Dns.GetHostName().ToLowerInvariant()}_{Guid.NewGuid():N}";
            var elector = new LeaderElector(client, LeaseNamespace, LeaseName, identity, "", new ElectionOptions(), host.Time, host.Random, log);
            await Console.Out.WriteLineAsync($"ready: edge-controller of {endpoint.Server} runs").ConfigureAwait(false);
            host.Settle();
            var watching = controller.WatchAsync(host.Stop);
            try
            {
                await elector.RunAsync((_, led) => controller.LeadAsync(led), host.Stop).ConfigureAwait(false);
            }
            finally
            {
                await watching.ConfigureAwait(false); // It ends as it is told to stop, and does not fail.
            }
        }));
        return command;
    }

    /// <summary>The first that is asked of the cluster: what stands in the way of it stands in the way of all.</summary>
    private static async Task InstallAsync(EdgeNodeController controller, KubeEndpoint endpoint, CancellationToken stop)
    {
        try
        {
            await controller.InstallAsync(stop).ConfigureAwait(false);
        }
        catch (HttpRequestException unreachable)
        {
            throw new RoleException($"{endpoint.Server} cannot be asked: {unreachable.GetBaseException().Message.TrimEnd('.')}; see whether the cluster's API server runs and is reached from here, or name another with --kubeconfig");
        }
        catch (KubeStatusException refused) when (refused.Code == 401)
        {
            throw new RoleException($"{endpoint.Server} does not take the credentials of the kubeconfig ({refused.Message.TrimEnd('.')}); name another with --kubeconfig, or let them be renewed");
        }
        catch (KubeStatusException refused) when (refused.Code == 403)
        {
            throw new RoleException($"{endpoint.Server} does not let it: {refused.Message.TrimEnd('.')}; give it the rights of samples/edge-controller/rbac.yaml with `kubectl apply -f`, or name another kubeconfig with --kubeconfig");
        }
    }
}
