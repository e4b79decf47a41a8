using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Load;

/// <summary>
/// Dials for a thousand clusters in one process as a thousand machines would: without gate they all would do their part of the TLS
/// handshakes in turns on the same processors, and all of them be late at once. What is waited for here no parent is blamed for.
/// </summary>
internal sealed class GatedDialer(IDialer dialer, SemaphoreSlim gate) : IDialer
{
    public Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
    {
        reached?.Invoke();
        return PassAsync(() => dialer.DialAsync(parent, reached, ct), ct);
    }

    public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct) => PassAsync(() => dialer.ProbeAsync(parent, ct), ct);

    private async Task<T> PassAsync<T>(Func<Task<T>> dial, CancellationToken ct)
    {
        await gate.WaitAsync(ct);
        try
        {
            return await dial();
        }
        finally
        {
            gate.Release();
        }
    }
}
