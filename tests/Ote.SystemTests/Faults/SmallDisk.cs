using System.Globalization;

namespace Ote.SystemTests.Faults;

/// <summary>A disk of some megabytes, in a mount namespace of its own, that can be full or read-only. Outlives the processes on it; gone with this, or with the test process.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private readonly GuardedProcess _holder;
    private readonly string _path;

    private SmallDisk(GuardedProcess holder, string path) => (_holder, _path) = (holder, path);

    /// <summary>The folder as processes on it see it.</summary>
    public string Inside => _path;

    /// <summary>The same folder as it is reached from outside.</summary>
    public string Outside => string.Create(CultureInfo.InvariantCulture, $"/proc/{_holder.Id}/root{_path}");

    /// <summary>What a process begins with to see it.</summary>
    public IReadOnlyList<string> Within => ["nsenter", "--mount", "--target", _holder.Id.ToString(CultureInfo.InvariantCulture), "--"];

    /// <summary>Makes one.</summary>
    /// <param name="folder">Where its mount point and log are.</param>
    /// <param name="megabytes">Its size.</param>
    /// <param name="ct">Ends the wait.</param>
    public static async Task<SmallDisk> StartAsync(string folder, int megabytes, CancellationToken ct)
    {
        string path = Directory.CreateDirectory(Path.Combine(folder, "disk")).FullName;
        string script = string.Create(CultureInfo.InvariantCulture, $"mount -t tmpfs -o size={megabytes}m tmpfs {path} && echo disk is there && exec sleep infinity");
        GuardedProcess holder = await GuardedProcess.StartAsync(new("disk", "unshare", ["--mount", "--", "sh", "-c", script], Path.Combine(folder, "disk.log")));
        await holder.WaitForLineAsync("disk is there", Soon, ct);
        return new SmallDisk(holder, path);
    }

    /// <summary>Takes all room that is left.</summary>
    public Task FillAsync(CancellationToken ct) => ShellAsync($"cat /dev/zero >{_path}/filler 2>/dev/null; test -s {_path}/filler", ct);

    /// <summary>Gives it back.</summary>
    public void Free() => File.Delete(Path.Combine(Outside, "filler"));

    /// <summary>Lets nobody write any more; nobody may have a file open to write.</summary>
    public Task MakeReadOnlyAsync(CancellationToken ct) => ShellAsync($"mount -o remount,ro {_path}", ct);

    public ValueTask DisposeAsync() => _holder.DisposeAsync();

    private async Task ShellAsync(string script, CancellationToken ct) =>
        (await CommandLine.RunAsync(Within[0], [.. Within.Skip(1), "sh", "-c", script], null, null, Soon, ct)).Succeeded();
}
