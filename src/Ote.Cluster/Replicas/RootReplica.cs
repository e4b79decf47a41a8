using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Leases;

namespace Ote.Cluster.Replicas;

/// <summary>
/// One of several processes of which one is the root at a time. It leads while it holds a lease on the control API, and waits at its door otherwise;
/// becoming and ceasing to be the leader never ends the process.
/// </summary>
/// <param name="options">Of the root; the listening address is this replica's own.</param>
/// <param name="parts">Of this process, with the control API that all replicas share.</param>
/// <param name="root">Who the root is.</param>
/// <param name="elector">Says when to lead.</param>
public sealed class RootReplica(ClusterControllerOptions options, ClusterControllerParts parts, RootIdentity root, LeaderElector elector)
{
    /// <summary>The lease's name, in <see cref="ClusterController.SystemNamespace"/>.</summary>
    public const string LeaseName = "ote-root";

    // Beats of one term never reach those of the next: a root counts some twenty thousand a week.
    private const int BeatBits = 32;
    private const int ReopenAttempts = 20;
    private static readonly BackoffOptions ReopenWaits = new(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1));
    private ClusterController? _leading;
    private long _term;

    /// <summary>
    /// Raised when this replica begins to lead, when it waits again, and when it hears, waiting, who leads. One at a time, in that order.
    /// </summary>
    public event Action<ReplicaStanding>? Changed;

    /// <summary>
    /// Called each time this replica has begun to lead, with what leads and a token that fires when it leads no more: return quickly. Null: nobody wants to know.
    /// </summary>
    public Action<ClusterController, CancellationToken>? Led { get; init; }

    /// <summary>Whether it does what it is there for: children are taken, or told where to go.</summary>
    public bool IsReady => Volatile.Read(ref _leading) is { IsReady: true } || Other is { Address.Length: > 0 };

    // One that does not lead must not send anybody to itself, though the lease may name it until another takes it.
    private LeaseRecord? Other => elector.Leader is { } leader && leader.Holder != elector.Identity ? leader : null;

    private KubeClient Api => parts.ControlApi!;

    /// <summary>Where children find this replica when it leads; null: nowhere that could be told to others.</summary>
    public static string? AddressOf(ClusterControllerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return AdvertisedAddress.Normalize(options.Advertise ?? options.Listen?.ToString());
    }

    /// <summary>The first beat of a term.</summary>
    public static ulong FirstBeat(long term) => (ulong)term << BeatBits;

    /// <summary>Takes part until stopped.</summary>
    /// <exception cref="ClusterControllerException">The address cannot be used from the start.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var door = await OpenAsync(stop).ConfigureAwait(false);
        elector.LeaderChanged += Follow;
        try
        {
            await elector.RunAsync(
                async (term, led) =>
                {
                    await CloseAsync(door).ConfigureAwait(false);
                    door = null;
                    Volatile.Write(ref _term, term);
                    try
                    {
                        await LeadAsync(term, led).ConfigureAwait(false);
                    }
                    finally
                    {
                        Volatile.Write(ref _term, 0);
                        Changed?.Invoke(new ReplicaStanding(0, Other?.Address ?? ""));
                        if (!stop.IsCancellationRequested)
                        {
                            door = await ReopenAsync(stop).ConfigureAwait(false);
                        }
                    }
                },
                stop).ConfigureAwait(false);
        }
        finally
        {
            elector.LeaderChanged -= Follow;
            await CloseAsync(door).ConfigureAwait(false);
        }
    }

    /// <summary>One that leads, or did a moment ago and ends it still, says so itself.</summary>
    private void Follow(LeaseRecord leader)
    {
        if (Volatile.Read(ref _term) == 0 && leader.Holder != elector.Identity)
        {
            Changed?.Invoke(new ReplicaStanding(0, leader.Address));
        }
    }

    private static async Task CloseAsync(WaitingDoor? door)
    {
        if (door is not null)
        {
            await door.DisposeAsync().ConfigureAwait(false);
        }
    }

    private Task<WaitingDoor> OpenAsync(CancellationToken ct) => WaitingDoor.OpenAsync(options, parts, root, () => Other, ct);

    /// <summary>What led may take a moment to let go of the address.</summary>
    private async Task<WaitingDoor> ReopenAsync(CancellationToken stop)
    {
        var backoff = new Backoff(ReopenWaits, parts.Random);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await OpenAsync(stop).ConfigureAwait(false);
            }
            catch (ClusterControllerException) when (attempt < ReopenAttempts)
            {
                await Task.Delay(backoff.Next(), parts.Time, stop).ConfigureAwait(false);
            }
        }
    }

    private async Task LeadAsync(long term, CancellationToken led)
    {
        var memory = await RootMemory.LoadAsync(Api, led).ConfigureAwait(false);
        var mine = parts with { Root = root, Epochs = EpochCounter.InMemory(FirstBeat(term)), Journal = memory };
        var controller = await ClusterController.StartAsync(options, mine, led).ConfigureAwait(false);
        await using (controller.ConfigureAwait(false))
        {
            Volatile.Write(ref _leading, controller);
            Led?.Invoke(controller, led);
            Changed?.Invoke(new ReplicaStanding(term, AddressOf(options)!));
            await controller.RunAsync(led).ConfigureAwait(false);
            Volatile.Write(ref _leading, null);
        }
    }
}
