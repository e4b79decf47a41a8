using Ote.Kube.Leases;
using Ote.Kube.Server.Split;
using Ote.Roles.ClusterController;

namespace Ote.Roles.ControllerManager;

/// <summary>How a controller manager stands, for who asks whether it is ready and for who reads its lines. Thread-safe.</summary>
/// <param name="address">Where it serves.</param>
internal sealed class ManagerState(string address)
{
    private volatile Parts? _parts;
    private int _said;

    /// <summary>Where it serves.</summary>
    public string Address => address;

    /// <summary>It serves.</summary>
    public void Begin(FleetServing fleet, LeaderElector entry, Members members) => _parts = new Parts(fleet, entry, members);

    /// <summary>True the first time.</summary>
    public bool SayReady() => Interlocked.Exchange(ref _said, 1) == 0;

    /// <summary>One is ready that serves, when the API server is led to it or to another.</summary>
    public string? WhyNotReady() => _parts is not { } parts ? "it starts"
        : parts.Fleet.Trouble
        ?? parts.Members.Against
        ?? (parts.Entry.Leader is null ? "no controller manager leads yet, or the API of --kubeconfig cannot be reached; the log says which" : null);

    /// <summary>Says, each time that it is called, which shards are held here if they are others than it said last.</summary>
    public Action TellHeld(ShardTable table)
    {
        var said = "";
        return () =>
        {
            var now = string.Join(' ', table.Held);
            if (now != said)
            {
                said = now;
                Console.Out.WriteLine($"holding controller-manager {address} shards {(now.Length > 0 ? now : "none")} of {table.Count}");
            }
        };
    }

    private sealed record Parts(FleetServing Fleet, LeaderElector Entry, Members Members);
}
