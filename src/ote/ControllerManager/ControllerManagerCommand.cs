using System.CommandLine;
using Ote.Kube.Resources;
using Ote.Roles.ClusterController;
using Ote.Roles.Hosting;

namespace Ote.Roles.ControllerManager;

/// <summary><c>ote controller-manager</c>: the mirror of the tree, in a process beside the root.</summary>
internal static class ControllerManagerCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Directory for the mirror and the certificates", Required = true };
        var kubeconfig = new Option<string>("--kubeconfig", "-k") { Description = "The real cluster on which the root keeps its objects; its API server passes requests on to here", Required = true };
        var serve = new Option<string>("--serve") { Description = "Serve the fleet to that API server here, such as 0.0.0.0:8443", Required = true };
        var advertise = new Option<string?>("--serve-advertise") { Description = "host:port by which that API server comes here; needed when --serve names no single address" };
        var shards = new Option<int>("--shards")
        {
            Description = $"Among how many shards clusters are divided, 1 to {FleetLeases.MostShards}; each is mirrored by one of the controller managers of the tree, which all have to be given the same number", DefaultValueFactory = _ => ShardPlan.Usual,
        };
        var common = new CommonOptions();
        var command = new Command("controller-manager", "Mirrors what the clusters of the tree report, beside a root on a real cluster") { data, kubeconfig, serve, advertise, shards };
        var audit = new ApiAuditOptions();
        audit.AddTo(command);
        var history = new HistoryOptions();
        history.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, host =>
        {
            var directory = Path.GetFullPath(parsed.GetRequiredValue(data));
            return ControllerManagerRole.RunAsync(host, new ControllerManagerArguments
            {
                DataDirectory = directory,
                Kubeconfig = parsed.GetRequiredValue(kubeconfig),
                Fleet = new FleetAt(CommonOptions.EndPoint(parsed, serve!)!, parsed.GetValue(advertise), Path.Combine(directory, "pki"), audit.Read(parsed)),
                Shards = parsed.GetValue(shards) is >= 1 and <= FleetLeases.MostShards and var count ? count : throw new RoleException($"--shards: give 1 to {FleetLeases.MostShards}, and the same at all controller managers of the tree"),
                Mirror = history.Read(parsed, shows: true),
                Observe = CommonOptions.EndPoint(parsed, common.Observe),
            });
        }));
        return command;
    }
}
