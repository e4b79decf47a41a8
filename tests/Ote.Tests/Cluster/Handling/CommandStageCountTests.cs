using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Remote;
using Ote.Testing.Meters;
using Ote.Tests.Cluster.Tunnel;
using Ote.Tests.Shim;
using ShimError = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.Cluster.Handling;

/// <summary><c>ote.commands</c> counts each command once at each stage, however often its shim is asked.</summary>
public sealed class CommandStageCountTests
{
    [Theory]
    [InlineData("away")]
    [InlineData("away in the middle")]
    [InlineData("busy")]
    public async Task Command_whose_shim_was_asked_three_times_started_once(string trouble)
    {
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<IMeterFactory>();
        using Counts counts = new(factory);
        using ControllerMetrics metrics = new(factory, "c1");
        FakeTimeProvider time = new();
        MemoryJournal journal = new();
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        ScriptedShim shim = new()
        {
            OnExecute = (_, _) => ++asked == 3
                ? Task.FromResult(ShimAnswer.FromCluster(200, default, ""))
                : trouble == "busy" ? Task.FromResult(ShimAnswer.Failure(ShimError.Busy, "full")) : throw new ShimUnavailableException("gone", trouble == "away in the middle", null),
        };
        CommandExecutor executor = new("c1", shim, journal, ReportAsync, time, () => 0.5, NullLogger.Instance, metrics);
        using CancellationTokenSource stop = new();
        var running = executor.RunAsync(stop.Token);

        await executor.TakeAsync(new Command { CommandUid = "u1", Generation = 1, Entry = "root", Destination = "api", Method = "GET", Url = "/x" });
        while (!ended.Task.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        Assert.Equal(3, asked);
        Assert.Equal([1, 1, 1], ((string[])["taken", "started", "succeeded"]).Select(stage => counts.Of("ote.commands", "cluster=c1", $"stage={stage}")));
        Assert.Equal(3, counts.Of("ote.commands"));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.Soon());

        async Task ReportAsync(IReadOnlyList<Receipt> receipts, JournalChange[] together)
        {
            await journal.WriteAsync(together);
            if (receipts.Any(r => r.Stage == Stage.Executed)) ended.TrySetResult();
        }
    }
}
