using Ote.Testing.Links;

namespace Ote.SystemTests.Faults;

/// <summary>A wire between two machines, or between this one and another, which tests cut, slow down or make lossy.</summary>
/// <param name="wire">The wire; both its interfaces have been laid.</param>
/// <param name="far">The machine at the far end.</param>
/// <param name="subnet">The first three bytes of the addresses on it.</param>
internal sealed class Cable(LossyWire wire, Machine far, string subnet) : IDisposable
{
    private int _lastAddress = 2;

    /// <summary>The near end's address.</summary>
    public string Near => subnet + ".1";

    /// <summary>What happens on the way.</summary>
    public WireFaults Faults
    {
        get => wire.Faults;
        set => wire.Faults = value;
    }

    private string Far => wire.Far.Name;

    /// <summary>Lays one.</summary>
    /// <param name="index">Number on this machine.</param>
    /// <param name="near">The machine at the near end; null: this one.</param>
    /// <param name="far">The machine at the far end.</param>
    /// <param name="ct">Ends the wait.</param>
    public static async Task<Cable> LayAsync(int index, Machine? near, Machine far, CancellationToken ct)
    {
        string subnet = $"198.19.{index}";
        LossyWire wire = new($"otf{index}a", $"otf{index}b", WireFaults.None, TimeProvider.System, Chance(index));
        Cable cable = new(wire, far, subnet);
        if (near is not null)
            await Machine.RunAsync(["ip", "link", "set", wire.Near.Name, "netns", near.Id], ct);
        await Machine.RunAsync(["ip", "link", "set", wire.Far.Name, "netns", far.Id], ct);
        IReadOnlyList<string> inside = near?.Within ?? [];
        await Machine.RunAsync([.. inside, "ip", "address", "add", $"{subnet}.1/24", "dev", wire.Near.Name], ct);
        await Machine.RunAsync([.. inside, "ip", "link", "set", wire.Near.Name, "up"], ct);
        await far.IpAsync(ct, "address", "add", $"{subnet}.2/24", "dev", wire.Far.Name);
        await far.IpAsync(ct, "link", "set", wire.Far.Name, "up");
        return cable;
    }

    /// <summary>Pulls the plug at the far end: the machine there sees its interface go down.</summary>
    public Task UnplugAsync(CancellationToken ct) => far.IpAsync(ct, "link", "set", Far, "down");

    /// <summary>Puts the plug in again.</summary>
    public Task PlugAsync(CancellationToken ct) => far.IpAsync(ct, "link", "set", Far, "up");

    /// <summary>From now on the far machine comes from another address, and what it had open is known by nobody: as when a NAT forgets.</summary>
    public async Task RebindAsync(CancellationToken ct)
    {
        string former = $"{subnet}.{_lastAddress}/24";
        await far.IpAsync(ct, "address", "delete", former, "dev", Far);
        await far.IpAsync(ct, "address", "add", $"{subnet}.{++_lastAddress}/24", "dev", Far);
    }

    /// <summary>The same packets by their number get lost in each run.</summary>
    private static Func<double> Chance(int seed)
    {
        Random random = new(seed);
        return () =>
        {
            lock (random)
                return random.NextDouble();
        };
    }

    public void Dispose() => wire.Dispose();
}
