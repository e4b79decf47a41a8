using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Audit;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using Ote.Tests.Cluster.Tunnel;
using Ote.Tests.Shim;
using ShimError = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.Cluster.Handling;

public sealed class CommandExecutorTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly ScriptedShim _shim = new();
    private readonly ConcurrentQueue<ExecuteRequest> _seen = [];
    private readonly Channel<Receipt> _receipts = Channel.CreateUnbounded<Receipt>();
    private readonly CancellationTokenSource _stop = new();
    private AuditLog? _audit;
    private readonly List<Task> _running = [];
    private Func<ExecuteRequest, CancellationToken, Task<ExecuteResponse>> _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, "ok"u8.ToArray(), "text/plain"));

    public CommandExecutorTests()
    {
        _journal = new FailingJournal(_disk);
        _shim.OnExecute = (request, ct) =>
        {
            _seen.Enqueue(request);
            return _answer(request, ct);
        };
    }

    [Fact]
    public async Task A_command_runs_and_its_result_is_reported()
    {
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        var receipt = await Next();
        Assert.Equal(("c1", "u1", 1UL, "root", Stage.Executed, 200, "ok"), (receipt.Cluster, receipt.CommandUid, receipt.Generation, receipt.Entry, receipt.Stage, receipt.Code, receipt.Body.ToStringUtf8()));
        var request = Assert.Single(_seen);
        Assert.Equal(("u1.1.c1", false, "POST", "/x", "jo"), (request.IdempotencyKey, request.Replay, request.Method, request.Url, request.User.Name));
        Assert.Equal(0, executor.Waiting);
    }

    [Fact]
    public async Task A_command_taken_again_runs_once_and_its_result_is_reported_again()
    {
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        var first = await Next();
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(first, await Next());
        Assert.Single(_seen);

        await executor.TakeAsync(Command("u1", generation: 2));
        Assert.Equal(2UL, (await Next()).Generation);
        Assert.Equal(2, _seen.Count);
    }

    [Fact]
    public async Task A_command_taken_twice_while_it_runs_runs_once()
    {
        TaskCompletionSource<ExecuteResponse> answer = new();
        _answer = (_, _) => answer.Task;
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(Stage.Durable, (await Next()).Stage);
        Assert.Equal(1, executor.Waiting);
        answer.SetResult(ShimAnswer.FromCluster(201, default, ""));
        Assert.Equal(201, (await Next()).Code);
        Assert.Single(_seen);
    }

    [Fact]
    public async Task A_finished_command_is_known_after_a_restart()
    {
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        await Next();
        executor = Restart();
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(200, (await Next()).Code);
        Assert.Single(_seen);
    }

    [Fact]
    public async Task A_command_that_was_taken_but_not_begun_runs_after_a_restart_as_new()
    {
        await New().TakeAsync(Command("u1"));
        Restart();
        await Next();
        Assert.False(Assert.Single(_seen).Replay);
    }

    [Fact]
    [Trait("Defect", "M10")]
    public async Task A_command_that_was_begun_when_the_process_died_is_a_replay()
    {
        TaskCompletionSource begun = new();
        _answer = async (_, ct) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct);
            throw new InvalidOperationException("never");
        };
        var crashed = Start();
        await crashed.TakeAsync(Command("u1"));
        await begun.Task.Soon();
        _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, default, ""));
        Restart();
        Assert.Equal(Stage.Executed, (await Next()).Stage);
        Assert.Equal([false, true], _seen.Select(r => r.Replay));
        Assert.Equal(["u1.1.c1", "u1.1.c1"], _seen.Select(r => r.IdempotencyKey));
    }

    [Fact]
    public async Task A_command_that_may_have_run_before_a_backup_was_restored_is_a_replay_and_others_are_not()
    {
        await _disk.WriteAsync(JournalChange.Put(CommandExecutor.ReplayBook, "u1.1", []));
        var executor = Restart();
        await executor.TakeAsync(Command("u1"));
        await Next();
        await executor.TakeAsync(Command("u1", generation: 2));
        await Next();
        Assert.Equal([true, false], _seen.Select(r => r.Replay));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task While_the_shim_is_away_a_command_waits_and_runs_when_it_is_back(bool mayHaveRun)
    {
        _answer = (_, _) => throw new ShimUnavailableException("gone", mayHaveRun, null);
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(Stage.Durable, (await Next()).Stage);
        _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, default, ""));
        Assert.Equal(Stage.Executed, (await NextWhileTimePasses()).Stage);
        Assert.Equal([false, mayHaveRun], _seen.Select(r => r.Replay));
    }

    [Fact]
    public async Task Shim_that_is_away_is_told_once_for_each_cause_and_when_it_is_back()
    {
        using Heard heard = new();
        var cause = "no shim listens there";
        var asked = 0;
        _shim.OnDescribe = () =>
        {
            // Twice in vain for the first cause, twice for another.
            cause = ++asked > 2 ? "the shim was lost" : cause;
            return asked > 4 ? _shim.Description : throw new ShimUnavailableException(cause);
        };
        _answer = (_, _) => asked > 4 ? Task.FromResult(ShimAnswer.FromCluster(200, default, "")) : throw new ShimUnavailableException(cause);
        var executor = Run(new CommandExecutor("c1", _shim, _journal, ReportAsync, _time, () => 0.5, heard));
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(Stage.Durable, (await Next()).Stage);
        Assert.Equal(Stage.Executed, (await NextWhileTimePasses()).Stage);

        Assert.Equal(
            [
                "Warning 2301 The shim of c1 is away, its commands wait, and further without saying so while the cause stays: no shim listens there ",
                "Warning 2301 The shim of c1 is away, its commands wait, and further without saying so while the cause stays: the shim was lost ",
                "Information 2336 The shim of c1 is back ",
            ],
            heard.Lines.Where(line => line.Contains("The shim of c1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_command_cancelled_while_the_shim_is_away_ends_without_it()
    {
        _answer = (_, _) => throw new ShimUnavailableException("gone", mayHaveRun: false, null);
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(Stage.Durable, (await Next()).Stage);
        await executor.CancelAsync("u1", 1, "root");
        Assert.Equal(Stage.Cancelled, (await Next()).Stage);
        Assert.Single(_seen);
        Assert.Equal(0, executor.Waiting);
    }

    [Fact]
    public async Task A_command_cancelled_before_it_runs_never_runs()
    {
        var executor = New();
        await executor.TakeAsync(Command("u1"));
        await executor.CancelAsync("u1", 1, "root");
        Assert.Equal(Stage.Cancelled, (await Next()).Stage);
        Run(executor);
        await executor.TakeAsync(Command("u2"));
        Assert.Equal("u2", (await Next()).CommandUid);
        Assert.Equal("u2.1.c1", Assert.Single(_seen).IdempotencyKey);
    }

    [Fact]
    public async Task A_cancellation_that_overtakes_its_command_is_remembered_across_a_restart()
    {
        await New().CancelAsync("u1", 1, "root");
        var told = await Next();
        Assert.Equal(("root", Stage.Cancelled), (told.Entry, told.Stage));
        await Restart().TakeAsync(Command("u1"));
        Assert.Equal(Stage.Cancelled, (await Next()).Stage);
        Assert.Empty(_seen);
    }

    [Fact]
    public async Task A_command_cancelled_while_it_runs_says_that_it_may_have_run()
    {
        TaskCompletionSource begun = new();
        _answer = async (_, ct) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct);
            throw new InvalidOperationException("never");
        };
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        await begun.Task.Soon();
        await executor.CancelAsync("u1", 1, "root");
        var receipt = await Next();
        Assert.Equal(Stage.Cancelled, receipt.Stage);
        Assert.Contains("may have carried it out", receipt.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_past_its_deadline_does_not_run()
    {
        var executor = New();
        var command = Command("u1");
        command.DeadlineUnixMilliseconds = _time.GetUtcNow().AddMinutes(1).ToUnixTimeMilliseconds();
        await executor.TakeAsync(command);
        _time.Advance(TimeSpan.FromMinutes(2));
        Run(executor);
        Assert.Equal(Stage.Expired, (await Next()).Stage);
        Assert.Empty(_seen);
    }

    [Fact]
    public async Task A_command_that_takes_long_is_told_to_be_safe_meanwhile()
    {
        TaskCompletionSource<ExecuteResponse> answer = new();
        TaskCompletionSource begun = new();
        _answer = (_, _) =>
        {
            begun.SetResult();
            return answer.Task;
        };
        await Start().TakeAsync(Command("u1"));
        await begun.Task.Soon();
        Assert.Equal(Stage.Durable, (await NextWhileTimePasses()).Stage);
        answer.SetResult(ShimAnswer.FromCluster(200, default, ""));
        Assert.Equal(Stage.Executed, (await Next()).Stage);
    }

    [Fact]
    public async Task Without_a_shim_a_command_fails_with_advice()
    {
        CommandExecutor executor = new("c1", null, _journal, ReportAsync, _time, () => 0.5, NullLogger.Instance);
        Run(executor);
        await executor.TakeAsync(Command("u1"));
        var receipt = await Next();
        Assert.Equal("NoManagedCluster", receipt.Error);
        Assert.Contains("leave it out of the selector", receipt.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_cannot_be_kept_is_not_taken_and_does_not_run()
    {
        var executor = Start();
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => executor.TakeAsync(Command("u1")));
        Assert.Equal(0, executor.Waiting);
        _journal.Fails = false;
        await executor.TakeAsync(Command("u1"));
        Assert.Equal(200, (await Next()).Code);
        Assert.Single(_seen);
    }

    [Fact]
    public async Task An_outcome_that_was_noted_before_a_crash_is_not_noted_again_when_the_command_is_replayed()
    {
        var file = Path.GetTempFileName();
        using (_audit = AuditLog.Open(file, AuditLog.LeastMaxBytes, NullLogger.Instance))
        {
            TaskCompletionSource ran = new();
            _answer = (_, _) =>
            {
                _journal.Fails = true; // the result will not be kept
                ran.TrySetResult();
                return Task.FromResult(ShimAnswer.FromCluster(200, default, ""));
            };
            await Start().TakeAsync(Command("u1"));
            await ran.Task.Soon();
            await Until(() => _journal.Failures > 0);
        }

        (_journal.Fails, _answer) = (false, (_, _) => Task.FromResult(ShimAnswer.FromCluster(409, default, "")));
        using (_audit = AuditLog.Open(file, AuditLog.LeastMaxBytes, NullLogger.Instance))
        {
            Restart();
            Assert.Equal(409, (await Next()).Code);
        }

        Assert.Equal(2, _seen.Count);
        Assert.Contains("\"code\":200", Assert.Single(await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)), StringComparison.Ordinal);
        File.Delete(file);
    }

    [Fact]
    public async Task A_cancellation_that_cannot_be_kept_is_not_acknowledged_until_it_can()
    {
        var executor = New();
        await executor.TakeAsync(Command("u1"));
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => executor.CancelAsync("u1", 1, "root"));
        await Assert.ThrowsAsync<JournalException>(() => executor.CancelAsync("u1", 1, "root"));
        _journal.Fails = false;
        await executor.CancelAsync("u1", 1, "root");
        Assert.Equal(Stage.Cancelled, (await Next()).Stage);
        await Restart().TakeAsync(Command("u1"));
        Assert.Equal(Stage.Cancelled, (await Next()).Stage);
        Assert.Empty(_seen);
    }

    [Fact]
    public async Task Of_old_results_the_bodies_are_forgotten_also_on_disk_and_still_nothing_runs_twice()
    {
        _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, new byte[16 * 1024], "text/plain"));
        var executor = Start();
        const int Many = (CommandExecutor.MaxWholeBytes / (16 * 1024)) + 10;
        for (int i = 0; i < Many; i++)
        {
            await executor.TakeAsync(Command($"u{i}"));
            await Next();
        }

        Assert.InRange(_disk.Load(CommandExecutor.Book).Sum(r => r.Value.Length), CommandExecutor.MaxWholeBytes, CommandExecutor.MaxWholeBytes + (200 * Many));
        await Restart().TakeAsync(Command("u0"));
        var old = await Next();
        Assert.Equal((200, true, true), (old.Code, old.Truncated, old.Body.IsEmpty));
        Assert.Equal(Many, _seen.Count);
    }

    [Fact]
    public async Task A_busy_shim_is_asked_again_until_it_takes_the_command()
    {
        int asked = 0;
        _answer = (_, _) => Task.FromResult(++asked < 5 ? ShimAnswer.Failure(ShimError.Busy, "full") : ShimAnswer.FromCluster(201, default, ""));
        var executor = Start();
        await executor.TakeAsync(Command("u1", minutes: 60 * 24 * 300));
        Assert.Equal((Stage.Executed, 201), await NextWhileTimePasses() is var end ? (end.Stage, end.Code) : default);
        Assert.All(_seen, r => Assert.False(r.Replay));
        Assert.Equal(5, _seen.Count);
    }

    [Fact]
    public async Task A_shim_that_stays_busy_costs_the_command_at_its_deadline_and_says_so()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _answer = (_, _) =>
        {
            asked.TrySetResult();
            return Task.FromResult(ShimAnswer.Failure(ShimError.Busy, "1000 requests wait"));
        };
        await Start().TakeAsync(Command("u1", minutes: 1));
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken); // or the minute may be over before it is asked at all
        var receipt = await NextWhileTimePasses();
        Assert.Equal((Stage.Expired, "Busy"), (receipt.Stage, receipt.Error));
        Assert.Contains("busy until the deadline, nothing ran; the shim's last word: 1000 requests wait", receipt.Text, StringComparison.Ordinal);
        Assert.InRange(_seen.Count, 1, 100);
    }

    [Fact]
    public async Task A_command_that_waits_for_a_busy_shim_can_be_cancelled_and_never_ran()
    {
        TaskCompletionSource asked = new();
        _answer = (_, _) =>
        {
            asked.TrySetResult();
            return Task.FromResult(ShimAnswer.Failure(ShimError.Busy, "full"));
        };
        var executor = Start();
        await executor.TakeAsync(Command("u1", minutes: 10));
        await asked.Task.Soon();
        await executor.CancelAsync("u1", 1, "root");
        Assert.Equal((Stage.Cancelled, "cancelled before it ran"), await Next() is var end ? (end.Stage, end.Text) : default);
    }

    [Fact]
    public async Task A_command_refused_by_a_busy_shim_is_no_replay_after_the_process_died()
    {
        TaskCompletionSource asked = new();
        _answer = (_, _) =>
        {
            asked.TrySetResult();
            return Task.FromResult(ShimAnswer.Failure(ShimError.Busy, "full"));
        };
        await Start().TakeAsync(Command("u1", minutes: 10));
        await asked.Task.Soon();
        await Until(() => _disk.Load(CommandExecutor.Book) is [var row] && !ExecutionRecord.Parser.ParseFrom(row.Value).Started);
        _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, default, ""));
        Restart();
        await Next();
        Assert.All(_seen, r => Assert.False(r.Replay));
    }

    [Theory]
    [InlineData(0, "Cancelled")]
    [InlineData(2, "Superseded")]
    public async Task A_command_that_ends_says_whether_somebody_wanted_that_or_an_edit_took_its_place_also_after_a_restart(ulong supersededBy, string error)
    {
        TaskCompletionSource begun = new();
        _answer = async (_, ct) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct);
            return ShimAnswer.FromCluster(200, default, "");
        };
        var executor = Start();
        await executor.CancelAsync("never", 1, "root", supersededBy);
        Assert.Equal((Stage.Cancelled, error), await Next() is var never ? (never.Stage, never.Error) : default);
        await executor.TakeAsync(Command("runs"));
        await begun.Task.Soon();
        await executor.CancelAsync("runs", 1, "root", supersededBy);
        await executor.CancelAsync("runs", 1, "root", 7); // the first word counts
        Assert.Equal((Stage.Cancelled, error), await NextOutcome() is var running ? (running.Stage, running.Error) : default);

        TaskCompletionSource<ExecuteResponse> deaf = new();
        TaskCompletionSource again = new();
        _answer = (_, _) =>
        {
            again.TrySetResult();
            return deaf.Task;
        };
        await executor.TakeAsync(Command("dies"));
        await again.Task.Soon();
        await executor.CancelAsync("dies", 1, "root", supersededBy);
        Restart();
        Assert.Equal(("dies", Stage.Cancelled, error), await NextOutcome() is var dead ? (dead.CommandUid, dead.Stage, dead.Error) : default);

        async Task<Receipt> NextOutcome()
        {
            Receipt receipt;
            do
            {
                receipt = await Next();
            }
            while (receipt.Stage == Stage.Durable);
            return receipt;
        }
    }

    [Fact]
    public async Task A_command_waits_while_the_cluster_refuses_connections_and_runs_when_it_does_not()
    {
        int asked = 0;
        _answer = (_, _) => Task.FromResult(++asked < 8 ? ShimAnswer.Failure(ShimError.Refused, "refuses connections") : ShimAnswer.FromCluster(201, default, ""));
        await Start().TakeAsync(Command("u1", minutes: 60 * 24));
        Assert.Equal((Stage.Durable, "waits for the cluster"), await NextWhileTimePasses() is var waits ? (waits.Stage, waits.Text) : default);
        Assert.Equal((Stage.Executed, 201), await NextWhileTimePasses() is var end ? (end.Stage, end.Code) : default);
        Assert.All(_seen, r => Assert.False(r.Replay));
        Assert.Equal(8, _seen.Count);
    }

    [Fact]
    public async Task A_cluster_that_refuses_connections_costs_the_command_at_its_deadline_and_says_so()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _answer = (_, _) =>
        {
            asked.TrySetResult();
            return Task.FromResult(ShimAnswer.Failure(ShimError.Refused, "see that it runs there"));
        };
        await Start().TakeAsync(Command("u1", minutes: 1));
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken); // or the minute may be over before it is asked at all
        Receipt receipt;
        do
        {
            receipt = await NextWhileTimePasses();
        }
        while (receipt.Stage == Stage.Durable);
        Assert.Equal((Stage.Expired, "Refused"), (receipt.Stage, receipt.Error));
        Assert.Equal("the cluster refused connections until the deadline, nothing ran; the shim's last word: see that it runs there", receipt.Text);
        Assert.InRange(_seen.Count, 2, 100);
    }

    [Fact]
    public async Task A_cancellation_of_a_running_command_is_on_disk_before_it_is_acknowledged()
    {
        TaskCompletionSource begun = new();
        TaskCompletionSource<ExecuteResponse> never = new();
        _answer = (_, _) =>
        {
            begun.TrySetResult();
            return never.Task; // a shim that does not heed cancellation
        };
        var crashed = Start();
        await crashed.TakeAsync(Command("u1"));
        await begun.Task.Soon();
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => crashed.CancelAsync("u1", 1, "root"));
        _journal.Fails = false;
        await crashed.CancelAsync("u1", 1, "root");

        Restart();
        var receipt = await Next();
        Assert.Equal((Stage.Cancelled, "cancelled; the cluster may have carried it out before"), (receipt.Stage, receipt.Text));
        Assert.Single(_seen);
    }

    [Fact]
    public async Task A_command_runs_once_when_the_disk_is_full_while_it_runs()
    {
        TaskCompletionSource begun = new();
        TaskCompletionSource<ExecuteResponse> answer = new();
        _answer = (_, _) =>
        {
            begun.TrySetResult();
            return answer.Task;
        };
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        await begun.Task.Soon();
        _journal.Fails = true;
        while (_journal.Failures == 0)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100)); // until it tells that it is taken, and cannot keep that
            await Task.Yield();
        }

        _journal.Fails = false;
        _time.Advance(TimeSpan.FromMinutes(1)); // whatever waits for the disk
        answer.SetResult(ShimAnswer.FromCluster(201, default, ""));

        Assert.Equal((Stage.Executed, 201), await NextFinal());
        Assert.Single(_seen);

        async Task<(Stage, int)> NextFinal()
        {
            Receipt receipt;
            do
            {
                receipt = await Next();
            }
            while (receipt.Stage == Stage.Durable);
            return (receipt.Stage, receipt.Code);
        }
    }

    [Fact]
    public async Task A_newer_generation_takes_the_place_of_an_older_one_that_waits()
    {
        var executor = New();
        await executor.TakeAsync(Command("u1", generation: 1));
        await executor.TakeAsync(Command("u1", generation: 2));
        Assert.Equal(
            (1UL, Stage.Cancelled, "Superseded", "generation 2 of the command took its place before it ran"),
            await Next() is var end ? (end.Generation, end.Stage, end.Error, end.Text) : default);
        Run(executor);
        Assert.Equal((2UL, Stage.Executed), await Next() is var next ? (next.Generation, next.Stage) : default);
        Assert.Equal(["u1.2.c1"], _seen.Select(r => r.IdempotencyKey));
    }

    [Fact]
    public async Task An_older_generation_that_comes_late_does_not_run_also_after_a_restart()
    {
        await Start().TakeAsync(Command("u1", generation: 2));
        await Next();
        var executor = Restart();
        await executor.TakeAsync(Command("u1", generation: 1));
        var late = await Next();
        Assert.Equal((1UL, Stage.Cancelled, "Superseded"), (late.Generation, late.Stage, late.Error));
        Assert.Equal(["u1.2.c1"], _seen.Select(r => r.IdempotencyKey));
    }

    [Fact]
    public async Task A_command_that_was_declined_never_runs_whatever_comes_later()
    {
        await Start().DeclineAsync(Command("u1"));
        Assert.Equal(("root", Stage.NotSelected), await Next() is var end ? (end.Entry, end.Stage) : default);
        await Restart().TakeAsync(Command("u1"));
        Assert.Equal(Stage.NotSelected, (await Next()).Stage);
        Assert.Empty(_seen);
    }

    [Fact]
    public async Task A_command_that_was_not_allowed_never_runs_also_when_it_is_allowed_later_and_after_a_restart()
    {
        await Start().DeclineAsync(Command("u1"), "no policy allows it");
        Assert.Equal((Stage.Executed, "NotAllowed", 0), await Next() is var end ? (end.Stage, end.Error, end.Code) : default);
        await Restart().TakeAsync(Command("u1"));
        Assert.Equal("NotAllowed", (await Next()).Error);
        Assert.Empty(_seen);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no policy allows it")]
    public async Task A_command_that_was_taken_is_not_declined_afterwards(string refusal)
    {
        TaskCompletionSource<ExecuteResponse> answer = new();
        _answer = (_, _) => answer.Task;
        var executor = Start();
        await executor.TakeAsync(Command("u1"));
        await executor.DeclineAsync(Command("u1"), refusal);
        Assert.Equal(Stage.Durable, (await Next()).Stage);
        answer.SetResult(ShimAnswer.FromCluster(200, default, ""));
        Assert.Equal(Stage.Executed, (await Next()).Stage);
    }

    [Fact]
    public async Task A_command_that_runs_when_its_deadline_passes_is_ended()
    {
        TaskCompletionSource begun = new();
        _answer = async (_, ct) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct);
            throw new InvalidOperationException("never");
        };
        await Start().TakeAsync(Command("u1", minutes: 1));
        await begun.Task.Soon();
        var end = await NextWhileTimePasses();
        if (end.Stage == Stage.Durable)
        {
            end = await NextWhileTimePasses();
        }

        Assert.Equal((Stage.Executed, "TimedOut"), (end.Stage, end.Error));
        Assert.Contains("the deadline passed while it ran", end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_runs_what_waits_in_the_order_it_was_taken()
    {
        var executor = New();
        string[] uids = ["z", "a", "m", "b"];
        foreach (string uid in uids)
        {
            await executor.TakeAsync(Command(uid));
        }

        Restart();
        foreach (string _ in uids)
        {
            await Next();
        }

        Assert.Equal(uids.Select(u => u + ".1.c1"), _seen.Select(r => r.IdempotencyKey));
    }

    [Fact]
    public async Task A_disk_that_works_again_lets_a_command_run_that_it_held_up()
    {
        var executor = New();
        await executor.TakeAsync(Command("u1"));
        _journal.Fails = true;
        Run(executor);
        await Until(() => _journal.Failures > 0);
        Assert.Empty(_seen);
        _journal.Fails = false;
        Assert.Equal(Stage.Executed, (await NextWhileTimePasses()).Stage);
    }

    [Fact]
    public async Task An_answer_larger_than_what_travels_is_cut_and_marked()
    {
        _answer = (_, _) => Task.FromResult(ShimAnswer.FromCluster(200, new byte[ReceiptBody.MaxBytes + 1], "text/plain"));
        await Start().TakeAsync(Command("u1"));
        Assert.Equal((ReceiptBody.MaxBytes, true), await Next() is var end ? (end.Body.Length, end.Truncated) : default);

        _answer = (_, _) => Task.FromResult(ShimAnswer.Failure(ShimError.TooLarge, "5 MiB"));
        await Start().TakeAsync(Command("u2"));
        Assert.True((await Next()).Truncated);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var task in _running)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }

        _stop.Dispose();
    }

    private Command Command(string uid, ulong generation = 1, double minutes = 0) => new()
    {
        DeadlineUnixMilliseconds = minutes == 0 ? 0 : _time.GetUtcNow().AddMinutes(minutes).ToUnixTimeMilliseconds(),
        CommandUid = uid,
        Generation = generation,
        Entry = "root",
        Destination = "api",
        Method = "POST",
        Url = "/x",
        Requester = new Requester { User = "jo" },
    };

    private CommandExecutor New() => new("c1", _shim, _journal, ReportAsync, _time, () => 0.5, NullLogger.Instance, audit: _audit);

    private CommandExecutor Start() => Run(New());

    /// <summary>Another process on the same disk; the former one is as good as dead.</summary>
    private CommandExecutor Restart()
    {
        var executor = New();
        executor.Restore();
        return Run(executor);
    }

    private CommandExecutor Run(CommandExecutor executor)
    {
        _running.Add(executor.RunAsync(_stop.Token));
        return executor;
    }

    private async Task ReportAsync(IReadOnlyList<Receipt> receipts, JournalChange[] together)
    {
        await _journal.WriteAsync(together);
        foreach (var receipt in receipts)
        {
            _receipts.Writer.TryWrite(receipt);
        }
    }

    private Task<Receipt> Next() => _receipts.Reader.ReadAsync().AsTask().Soon();

    private static async Task Until(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Lets the clock run until something is reported.</summary>
    private async Task<Receipt> NextWhileTimePasses()
    {
        var next = Next();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        return await next;
    }
}
