using System.Globalization;

namespace Ote.SystemTests.Faults;

/// <summary>
/// A machine of its own for product processes, as far as the kernel can lend one: network, mounts, and a small disk that can be full;
/// since when it runs is its own too. All of that is gone with this, or with the test process.
/// </summary>
internal sealed class Machine : IAsyncDisposable
{
    // Enough for a journal, too little for what fills it.
    private const int DiskMegabytes = 32;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private readonly GuardedProcess _holder;

    private Machine(GuardedProcess holder, string disk) => (_holder, Disk) = (holder, disk);

    /// <summary>The folder on the small disk, as processes on the machine see it.</summary>
    public string Disk { get; }

    /// <summary>Its process id, which names its namespaces.</summary>
    public string Id => _holder.Id.ToString(CultureInfo.InvariantCulture);

    /// <summary>What a process begins with to run there.</summary>
    public IReadOnlyList<string> Within => ["nsenter", "--net", "--mount", $"--time=/proc/{Id}/ns/time_for_children", "--target", Id, "--"];

    /// <summary>The same folder as it is reached from outside.</summary>
    public string DiskFromOutside => $"/proc/{Id}/root{Disk}";

    /// <summary>Starts one.</summary>
    /// <param name="name">For its log.</param>
    /// <param name="folder">Where log and disk are.</param>
    /// <param name="runsFor">How long its monotonic clock says that it runs already, beside this machine's.</param>
    /// <param name="ct">Ends the wait.</param>
    public static async Task<Machine> StartAsync(string name, string folder, TimeSpan runsFor, CancellationToken ct)
    {
        string disk = Directory.CreateDirectory(Path.Combine(folder, $"{name}-disk")).FullName;
        string seconds = ((long)runsFor.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        string script = $"mount -t tmpfs -o size={DiskMegabytes}m tmpfs {disk} && ip link set lo up && echo machine runs && exec sleep infinity";
        GuardedProcess holder = await GuardedProcess.StartAsync(new(
            name, "unshare", ["--net", "--mount", "--time", "--monotonic", seconds, "--boottime", seconds, "--", "sh", "-c", script], Path.Combine(folder, $"{name}-machine.log")));
        await holder.WaitForLineAsync("machine runs", Soon, ct);
        return new Machine(holder, disk);
    }

    /// <summary>Runs <c>ip</c> there.</summary>
    public Task IpAsync(CancellationToken ct, params string[] arguments) => RunAsync([.. Within, "ip", .. arguments], ct);

    /// <summary>Takes all room that is left on the disk.</summary>
    public Task FillDiskAsync(CancellationToken ct) => RunAsync(["sh", "-c", $"cat /dev/zero >{DiskFromOutside}/filler 2>/dev/null; test -s {DiskFromOutside}/filler"], ct);

    /// <summary>Gives the room back.</summary>
    public void FreeDisk() => File.Delete(Path.Combine(DiskFromOutside, "filler"));

    public ValueTask DisposeAsync() => _holder.DisposeAsync();

    /// <summary>Runs a command to its end; it must succeed.</summary>
    public static async Task RunAsync(IReadOnlyList<string> command, CancellationToken ct) =>
        (await CommandLine.RunAsync(command[0], command.Skip(1), null, null, Soon, ct)).Succeeded();
}
