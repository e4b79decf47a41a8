using System.Diagnostics;
using System.Globalization;
using System.Net;
using Ote.Testing.Links;

namespace Ote.Bench.Loss;

/// <summary>
/// A lossy wire between this network namespace and that of a process: real packets of the kernel's real TCP, late and lost in between.
/// Gone with this, or with either process.
/// </summary>
internal sealed class WireToProcess : IDisposable
{
    /// <summary>100 ms each way, and of each way's packets three in a hundred lost.</summary>
    public static readonly WireFaults Lossy = new(TimeSpan.FromMilliseconds(100), 0.03, 0.03);

    private static readonly string[] Controls = ["cubic", "bbr"];
    private readonly LossyWire _wire;

    private WireToProcess(LossyWire wire, IPAddress near) => (_wire, Near) = (wire, near);

    /// <summary>This side's address, which the process reaches over the wire.</summary>
    public IPAddress Near { get; }

    /// <summary>What happens on the way.</summary>
    public WireFaults Faults
    {
        set => _wire.Faults = value;
    }

    public (long Lost, long All) Packets => _wire.Packets;

    /// <summary>The kernel's ways to pace TCP that are compared: the usual one, and the one made for lossy links, where the kernel has it.</summary>
    public static async Task<IReadOnlyList<string>> CongestionControlsAsync(CancellationToken ct)
    {
        var known = (await File.ReadAllTextAsync("/proc/sys/net/ipv4/tcp_available_congestion_control", ct)).Split((char[])[' ', '\n']);
        return [.. Controls.Where(known.Contains)];
    }

    /// <summary>Lays the wire to a process that has a network namespace of its own.</summary>
    /// <exception cref="BenchException">It cannot be laid: not root, or a kernel without tun.</exception>
    public static async Task<WireToProcess> StartAsync(int process, string control, Surroundings around, CancellationToken ct)
    {
        var id = process.ToString(CultureInfo.InvariantCulture);
        // Of the addresses for comparing network devices, which nobody else uses.
        var (near, far) = (new IPAddress([198, 18, (byte)(process >> 6), (byte)((process << 2) | 1)]), new IPAddress([198, 18, (byte)(process >> 6), (byte)((process << 2) | 2)]));
        LossyWire wire;
        try
        {
            wire = new LossyWire($"ow{id}a", $"ow{id}b", Lossy, around.Time, around.Random);
        }
        catch (IOException refused)
        {
            throw new BenchException(refused.Message, refused);
        }

        try
        {
            await IpAsync(ct, "link", "set", wire.Far.Name, "netns", id);
            await LayAsync([], wire.Near.Name, near, far);
            await LayAsync(["nsenter", "--net", "--target", id], wire.Far.Name, far, near);
            return new WireToProcess(wire, near);
        }
        catch
        {
            wire.Dispose();
            throw;
        }

        async Task LayAsync(string[] inside, string device, IPAddress own, IPAddress other)
        {
            await RunAsync([.. inside, "ip", "link", "set", device, "up"], ct);
            await RunAsync([.. inside, "ip", "address", "add", $"{own}/32", "dev", device], ct);
            await RunAsync([.. inside, "ip", "route", "add", $"{other}/32", "dev", device, "src", $"{own}", "congctl", control], ct);
        }
    }

    public void Dispose() => _wire.Dispose();

    private static Task IpAsync(CancellationToken ct, params string[] arguments) => RunAsync(["ip", .. arguments], ct);

    private static async Task RunAsync(string[] command, CancellationToken ct)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })
            ?? throw new BenchException($"{command[0]} did not start; install iproute2 and util-linux");
        var said = await process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        if (process.ExitCode != 0)
        {
            throw new BenchException($"{string.Join(' ', command)}: {said.Trim()}; this benchmark needs root and a kernel with network namespaces and tun");
        }
    }
}
