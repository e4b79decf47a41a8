using System.CommandLine;
using System.Net;
using Ote.EdgeHub;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary><c>ote-node edgehub</c>: the API server of the node's own components, which answers when the cluster's cannot.</summary>
internal static class EdgeHubCommand
{
    public static Command Create()
    {
        var arguments = new HubArguments();
        var common = new CommonOptions();
        var command = arguments.Command("edgehub", "The API server of a node's components: the cluster's while it answers, the node's own cache while it does not");
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            var options = arguments.Read(parsed);
            var target = arguments.WriteKubeconfigs(parsed);
            if (target is not null)
            {
                ComponentKubeconfigs.Check(options.Kubeconfigs, target);
            }

            IPEndPoint[] observes = CommonOptions.EndPoint(parsed, common.Observe) is { } observe ? [observe] : [];
            await (arguments.IsCheck(parsed) ? CheckAsync(host, options, target, observes) : RunAsync(host, options, target, observes)).ConfigureAwait(false);
        }));
        return command;
    }

    private static async Task CheckAsync(RoleHost host, EdgeHubOptions options, string? target, IPEndPoint[] observes)
    {
        HubCheck.Run(options, host.Time, host.Loggers.CreateLogger("Ote.EdgeHub"), observes);
        FolderTrial.Look("--data", options.DataDirectory);
        if (target is not null)
        {
            FolderTrial.Look("--write-kubeconfigs", target);
        }

        await Console.Out.WriteLineAsync("the hub could start with these options").ConfigureAwait(false);
    }

    private static async Task RunAsync(RoleHost host, EdgeHubOptions options, string? target, IPEndPoint[] observes)
    {
        HubCheck.Begin(options, observes);
        using var held = DataLock.Take(options.DataDirectory);
        if (target is not null)
        {
            ComponentKubeconfigs.Make(target);
        }

        Ote.EdgeHub.EdgeHub? hub = null;
        // From here on: a large cache on a slow disk takes long to be looked through.
        var watched = ServiceWatchdog.Of(Environment.GetEnvironmentVariable, Environment.ProcessId)?.RunAsync(() => GC.KeepAlive(Volatile.Read(ref hub)?.State), host.Time, host.Stop) ?? Task.CompletedTask;
        await using var observed = await Observation.StartAsync(
            observes.FirstOrDefault(), host, options.NodeName, () => Volatile.Read(ref hub) is { } running ? running.Trouble : "the hub is starting").ConfigureAwait(false);
        await using var started = await Ote.EdgeHub.EdgeHub.StartAsync(options, host.Loggers, host.Time, host.Random, host.Stop, host.Meters).ConfigureAwait(false);
        Volatile.Write(ref hub, started);
        if (target is not null)
        {
            ComponentKubeconfigs.Write(options.Kubeconfigs, target, started);
        }

        started.Strained += host.Settle;
        host.Settle();
        await Console.Out.WriteLineAsync($"ready: edgehub of {options.NodeName} answers at https://{started.Address}" + (started.AgentAddress is { } forAgent ? $", the k3s agent at https://{forAgent}" : "")).ConfigureAwait(false);
        await Task.WhenAll(Task.Delay(Timeout.InfiniteTimeSpan, host.Time, host.Stop), watched).ConfigureAwait(false);
    }
}
