using System.CommandLine;
using System.Net;
using Ote.EdgeCluster;
using Ote.Kube.Server;
using Ote.Roles.Hosting;

namespace Ote.Roles.EdgeCluster;

/// <summary><c>ote edge-cluster</c>: the built-in lightweight cluster.</summary>
internal static class EdgeClusterCommand
{
    private const int MostNodes = 250;

    public static Command Create()
    {
        var name = new Option<string>("--name", "-n") { Description = "The cluster's name", DefaultValueFactory = _ => "edge" };
        var data = new Option<string>("--data") { Description = "Directory for everything it keeps", Required = true };
        var listen = new Option<string?>("--listen", "-l") { Description = "Where its API is served; 127.0.0.1 and any free port when absent" };
        var nodes = new Option<int>("--nodes") { Description = "Simulated nodes", DefaultValueFactory = _ => 1 };
        var lease = new Option<int>("--lease-seconds")
        {
            Description = "How often a node says that it lives; four times as long unheard, it is taken for lost. Each is a write to the disk",
            DefaultValueFactory = _ => 300,
        };
        var common = new CommonOptions();
        var command = new Command("edge-cluster", "A lightweight cluster whose pods are simulated") { name, data, listen, nodes, lease };
        var audit = new ApiAuditOptions();
        audit.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            if (parsed.GetValue(nodes) is < 1 or > MostNodes)
            {
                throw new RoleException($"--nodes: {parsed.GetValue(nodes)} is not between 1 and {MostNodes}");
            }

            if (EdgeClusterOptions.NameFault(parsed.GetRequiredValue(name)) is { } fault)
            {
                throw new RoleException($"--name: {fault}");
            }

            if (parsed.GetValue(lease) is < 10 or > 86400)
            {
                throw new RoleException($"--lease-seconds: {parsed.GetValue(lease)} is not between 10 and 86400");
            }

            var noted = audit.Read(parsed);
            var folder = Path.GetFullPath(parsed.GetRequiredValue(data));
            if (File.Exists(Path.Combine(folder, "node.db")) && !File.Exists(Path.Combine(folder, "objects.db")))
            {
                throw new RoleException($"--data: {folder} is the folder of a node's hub (node.db lies there), whose authority the cluster would take for its own; name a folder that is empty or not there yet");
            }

            using var held = DataLock.Take(folder);
            MachineTrust.LeaveOut();
            ApiServer? served = null;
            await using var observed = await Observation.StartAsync(
                CommonOptions.EndPoint(parsed, common.Observe), host, parsed.GetRequiredValue(name),
                () => Volatile.Read(ref served) is { } api ? api.Trouble() : "the cluster is starting").ConfigureAwait(false);
            await EdgeClusterRole.RunAsync(
                new EdgeClusterRoleOptions
                {
                    Cluster = new EdgeClusterOptions
                    {
                        Name = parsed.GetRequiredValue(name),
                        DataDirectory = folder,
                        Nodes = parsed.GetValue(nodes),
                        LeaseInterval = TimeSpan.FromSeconds(parsed.GetValue(lease)),
                        ProvisionsNamespaces = true,
                    }.With(server => server with { Audit = noted, KeepsKubernetesService = true }),
                    Listen = CommonOptions.EndPoint(parsed, listen) ?? new IPEndPoint(IPAddress.Loopback, 0),
                    Output = Console.Out,
                    Meters = host.Meters,
                    Started = api => Volatile.Write(ref served, api),
                },
                host.Loggers, host.Time, host.Stop).ConfigureAwait(false);
        }));
        return command;
    }
}
