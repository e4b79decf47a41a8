using System.Diagnostics;
using System.Globalization;

namespace Ote.SystemTests.Kubernetes;

public sealed class GuardedProcessTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task GuardedProcess_lineAwaited_returnsItFromEitherStreamAndLogsBoth()
    {
        using Scratch scratch = new("guarded");
        await using GuardedProcess process = await StartAsync(scratch, "echo one; echo two >&2; sleep 600");

        Assert.Equal("one", await process.WaitForLineAsync("on", Soon, TestContext.Current.CancellationToken));
        Assert.Equal("two", await process.WaitForLineAsync("tw", Soon, TestContext.Current.CancellationToken));
        await process.KillAsync();

        Assert.Equal(137, await process.Exited);
        Assert.Equal(["one", "two"], (await File.ReadAllLinesAsync(process.LogFile, TestContext.Current.CancellationToken)).Order());
    }

    [Fact]
    public async Task GuardedProcess_endsBeforeTheLine_failsWithItsCodeAndLastWords()
    {
        using Scratch scratch = new("guarded");
        await using GuardedProcess process = await StartAsync(scratch, "echo I cannot; exit 3");

        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            process.WaitForLineAsync("ready", Soon, TestContext.Current.CancellationToken));

        Assert.Contains("ended with 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("I cannot", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GuardedProcess_stopped_hasTimeToTidyUp()
    {
        using Scratch scratch = new("guarded");
        await using GuardedProcess process = await StartAsync(scratch, "trap 'echo tidied; exit 7' TERM; echo ready; while :; do sleep 0.1; done");
        await process.WaitForLineAsync("ready", Soon, TestContext.Current.CancellationToken);

        Assert.Equal(7, await process.StopAsync(Soon));

        Assert.Contains("tidied", await File.ReadAllTextAsync(process.LogFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GuardedProcess_disposed_takesItsGrandchildrenAlong()
    {
        using Scratch scratch = new("guarded");
        int grandchild;
        await using (GuardedProcess process = await StartAsync(scratch, "sleep 600 & echo child $!; wait"))
            grandchild = int.Parse((await process.WaitForLineAsync("child", Soon, TestContext.Current.CancellationToken))[6..], CultureInfo.InvariantCulture);

        await UntilGoneAsync(grandchild);
    }

    /// <summary>The owner here is a shell that starts the child as <see cref="GuardedProcess"/> does and is then killed without warning.</summary>
    [Fact]
    public async Task GuardedProcess_ownerKilled_diesWithIt()
    {
        using Scratch scratch = new("guarded");
        await using GuardedProcess owner = await StartAsync(scratch, "setsid setpriv --pdeathsig KILL -- sleep 600 & echo child $!; wait");
        int child = int.Parse((await owner.WaitForLineAsync("child", Soon, TestContext.Current.CancellationToken))[6..], CultureInfo.InvariantCulture);
        await UntilAsync(() => Command(child).StartsWith("sleep", StringComparison.Ordinal));

        using Process killed = Process.GetProcessById(owner.Id);
        killed.Kill();

        await UntilGoneAsync(child);
    }

    private static Task<GuardedProcess> StartAsync(Scratch scratch, string script) =>
        GuardedProcess.StartAsync(new("a script", "bash", ["-c", script], scratch["script.log"]));

    private static Task UntilGoneAsync(int id) => UntilAsync(() => Command(id).Length == 0);

    // A zombie that nobody has read yet has an empty command line.
    private static string Command(int id) => File.Exists($"/proc/{id}/cmdline") ? File.ReadAllText($"/proc/{id}/cmdline") : "";

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(Soon, TimeProvider.System);
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
    }
}
