using Microsoft.Extensions.Hosting;

namespace Ote.Cluster.Tunnel;

/// <summary>Leaves signals to the process the listener lives in; a host's own lifetime would take them.</summary>
internal sealed class EmbeddedLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
