using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Cluster.Handling;

public sealed class ControlDefinitionsTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cluster_without_the_definitions_is_told_of_with_what_brings_them_and_used_once_they_are_there()
    {
        await using var server = await ApiServer.StartAsync(new ApiServerOptions { Name = "bare" }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        using var api = server.CreateClient(UserInfo.Admin);
        FakeTimeProvider time = new();
        ControlDefinitions definitions = new(api, time, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var running = definitions.RunAsync(stop.Token);
        while (definitions.Fault?.Contains("otectl install", StringComparison.Ordinal) != true)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct);
        }

        Assert.Contains("clusters, clustercontrollers, clustercontrollerresults, jointokens", definitions.Fault, StringComparison.Ordinal);
        Assert.False(definitions.Known.IsCompleted);

        foreach (var crd in Crds.Load())
        {
            await api.CreateAsync(Kinds.CustomResourceDefinitions, null, crd, Ct);
        }

        while (!definitions.Known.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct);
        }

        Assert.Null(definitions.Fault);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
