using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Load;

/// <summary>
/// Dials for a thousand clusters in one process as a thousand machines would: without gate they all would do their part of the TLS
/// handshakes in turns on the same processors, and all of them be late at once. What is waited for here no parent is blamed for, and
/// nobody loses patience over.
/// </summary>
internal sealed class GatedDialer(IDialer dialer, SemaphoreSlim gate) : IDialer
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
    {
        do
        {
            reached?.Invoke();
        }
        while (!await gate.WaitAsync(Look, ct));

        try
        {
            return await dialer.DialAsync(parent, reached, ct);
        }
        finally
        {
            gate.Release();
        }
    }

    public async Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
    {
        await gate.WaitAsync(ct);
        try
        {
            return await dialer.ProbeAsync(parent, ct);
        }
        finally
        {
            gate.Release();
        }
    }
}
