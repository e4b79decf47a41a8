using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Testing.Links;

/// <summary>Dials a cloud tunnel in the same process, as one authenticated child.</summary>
/// <param name="find">The tunnel that is dialled; null while the parent is away.</param>
/// <param name="parentIdentity">Who it says it is.</param>
/// <param name="child">As whom we dial.</param>
/// <param name="time">For delays of the links.</param>
/// <param name="random">For faults of the links.</param>
public sealed class MemoryDialer(Func<CloudTunnel?> find, PeerIdentity parentIdentity, PeerIdentity child, TimeProvider time, Func<double> random) : IDialer
{
    /// <summary>The newest link; null before the first.</summary>
    public MemoryLink? Latest { get; private set; }

    /// <summary>How many links were made.</summary>
    public int Dialled { get; private set; }

    /// <summary>Called with each new link before it is used.</summary>
    public Action<MemoryLink>? Prepare { get; set; }

    /// <inheritdoc/>
    public Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
    {
        if (find() is not { } tunnel) throw new IOException("the parent is away");
        MemoryLink link = new(time, random);
        Prepare?.Invoke(link);
        Latest = link;
        Dialled++;
        _ = tunnel.ServeAsync(link.Parent, child, null);
        return Task.FromResult(new Dialed(link.Child, parentIdentity));
    }

    /// <inheritdoc/>
    public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct) =>
        find() is { } tunnel
            ? Task.FromResult(new Probe(parentIdentity, tunnel.Probe(child), TimeSpan.Zero))
            : throw new IOException("the parent is away");
}
