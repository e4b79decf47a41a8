namespace Ote.Cluster.Tunnel;

/// <summary>How a child keeps its link.</summary>
public sealed record EdgeTunnelOptions
{
    /// <summary>Figures of this side; the parent's replace those both must share.</summary>
    public TunnelOptions Tunnel { get; init; } = new();

    /// <summary>Time for connecting, TLS included; less at the first attempts while there are others to dial. Default 10 s.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
