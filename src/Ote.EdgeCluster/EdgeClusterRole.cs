using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Server;

namespace Ote.EdgeCluster;

/// <summary>What the <c>edge-cluster</c> role is started with.</summary>
public sealed record EdgeClusterRoleOptions
{
    /// <summary>The cluster. Its data directory must be given; it is made when missing.</summary>
    public required EdgeClusterOptions Cluster { get; init; }

    /// <summary>
    /// Where its API listens. Port 0 takes the port of the kubeconfig an earlier run left in the data directory, so that whoever uses that
    /// goes on after a restart; when there is none, or the port is taken, the system chooses.
    /// </summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Where the two lines for people go.</summary>
    public TextWriter Output { get; init; } = TextWriter.Null;

    /// <summary>Where the API server's meter is made; null: it measures nothing.</summary>
    public IMeterFactory? Meters { get; init; }

    /// <summary>Called once, with the cluster's API server, when it serves.</summary>
    public Action<ApiServer>? Started { get; init; }
}

/// <summary>The <c>edge-cluster</c> role: one lightweight edge cluster as a process of its own.</summary>
public static class EdgeClusterRole
{
    /// <summary>The kubeconfig's name inside the data directory.</summary>
    public const string KubeconfigName = "kubeconfig";

    /// <summary>
    /// Runs the cluster until stopped. Prints <c>kubeconfig: PATH</c>, then <c>ready: …</c> once it serves.
    /// </summary>
    /// <exception cref="ArgumentException">An option is missing or out of range.</exception>
    /// <exception cref="IOException">The data directory or the address cannot be used; the message names it.</exception>
    public static async Task RunAsync(EdgeClusterRoleOptions options, ILoggerFactory loggers, TimeProvider time, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Cluster.DataDirectory is not { Length: > 0 } data)
        {
            throw new ArgumentException("edge cluster: no data directory is given; give one with --data");
        }

        Directory.CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning disable RS0030 // Chance comes in here, where the process is put together.
        var source = new Random();
#pragma warning restore RS0030
        double Random()
        {
            lock (source)
            {
                return source.NextDouble();
            }
        }

        var wanted = options.Cluster with
        {
            // Its kubeconfig names the address it listens at.
            Server = options.Cluster.Server with { BootstrapRoles = true, Hosts = IsAny(options.Listen.Address) ? options.Cluster.Server.Hosts : [.. options.Cluster.Server.Hosts, $"{options.Listen.Address}"] },
        };
        var cluster = await EdgeCluster.StartAsync(wanted, loggers, time, Random, stop, options.Meters).ConfigureAwait(false);
        await using (cluster.ConfigureAwait(false))
        {
            var kubeconfig = Path.GetFullPath(Path.Combine(data, KubeconfigName));
            var address = await ListenAsync(cluster, options.Listen, kubeconfig, loggers, stop).ConfigureAwait(false);
            var host = IsAny(address.Address) ? IPAddress.Loopback : address.Address;
            var url = new Uri($"https://{new IPEndPoint(host, address.Port)}");
            await cluster.WriteAdminKubeconfigAsync(kubeconfig, url, stop).ConfigureAwait(false);
            options.Started?.Invoke(cluster.Server);
            await options.Output.WriteLineAsync($"kubeconfig: {kubeconfig}").ConfigureAwait(false);
            await options.Output.WriteLineAsync($"ready: edge cluster {cluster.Name}, {options.Cluster.Nodes} simulated node(s), {url}").ConfigureAwait(false);
            await options.Output.FlushAsync(stop).ConfigureAwait(false);
            var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var registration = stop.Register(stopped.SetResult);
            await using (registration.ConfigureAwait(false))
            {
                await stopped.Task.ConfigureAwait(false);
            }
        }
    }

    private static async Task<IPEndPoint> ListenAsync(EdgeCluster cluster, IPEndPoint listen, string kubeconfig, ILoggerFactory loggers, CancellationToken stop)
    {
        if (listen.Port == 0 && FormerPort(kubeconfig) is { } port)
        {
            try
            {
                return await cluster.Server.ListenAsync(new IPEndPoint(listen.Address, port), stop).ConfigureAwait(false);
            }
            catch (IOException taken)
            {
                loggers.CreateLogger("Ote.EdgeCluster").FormerPortTaken(cluster.Name, port, taken.Message, kubeconfig);
            }
        }

        return await cluster.Server.ListenAsync(listen, stop).ConfigureAwait(false);
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static int? FormerPort(string kubeconfig)
    {
        try
        {
            return File.Exists(kubeconfig) ? Kubeconfig.Load(kubeconfig).Server.Port : null;
        }
        catch (KubeconfigException)
        {
            return null; // It is written anew.
        }
    }
}
