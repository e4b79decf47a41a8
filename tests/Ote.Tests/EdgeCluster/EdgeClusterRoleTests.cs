using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeCluster;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster;

/// <summary>The role as a process runs it, over real sockets on loopback.</summary>
public sealed class EdgeClusterRoleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-edge-role-").FullName;

    private string KubeconfigPath => Path.Combine(_folder, EdgeClusterRole.KubeconfigName);

    [Fact]
    public async Task Cluster_comes_back_where_its_kubeconfig_says()
    {
        var first = await RunAsync();
        var again = await RunAsync();

        Assert.Equal(first, again);
    }

    [Fact]
    public async Task Port_that_was_taken_meanwhile_keeps_no_cluster_from_coming_back()
    {
        var first = await RunAsync();
        using var other = new TcpListener(IPAddress.Loopback, first.Port);
        other.Start();

        Assert.NotEqual(first, await RunAsync());
    }

    [Fact]
    public async Task Kubeconfig_that_cannot_be_read_is_written_anew()
    {
        await File.WriteAllTextAsync(KubeconfigPath, "clusters: [", TestContext.Current.CancellationToken);

        Assert.True((await RunAsync()).Port > 0);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>One run of the cluster; the URL it was reached under.</summary>
    private async Task<Uri> RunAsync()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var serves = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = new EdgeClusterRoleOptions { Cluster = new EdgeClusterOptions { Name = "edge", DataDirectory = _folder }, Started = _ => serves.SetResult() };
        var running = EdgeClusterRole.RunAsync(options, NullLoggerFactory.Instance, TimeProvider.System, stop.Token);
        await Task.WhenAny(serves.Task, running);
        var endpoint = Kubeconfig.Load(KubeconfigPath);
        using (var client = new KubeClient(endpoint.CreateHttpClient(TimeProvider.System)))
        {
            Assert.NotNull(await client.GetAsync(Kinds.Namespaces, null, "default", TestContext.Current.CancellationToken));
        }

        await stop.CancelAsync();
        await running;
        return endpoint.Server;
    }
}
