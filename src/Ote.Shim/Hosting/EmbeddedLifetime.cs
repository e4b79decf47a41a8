using Microsoft.Extensions.Hosting;

namespace Ote.Shim.Hosting;

/// <summary>Leaves the process's signals to the process: the host inside it stops when it is disposed, and only then.</summary>
internal sealed class EmbeddedLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
