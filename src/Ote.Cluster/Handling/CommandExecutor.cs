using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Flow;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using ShimError = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Cluster.Handling;

/// <summary>
/// Runs commands on this controller's own cluster, each at most once per (command uid, generation): a command is on disk before
/// its sender may forget it, marked on disk before the shim sees it, and its result is on disk before it counts as known. A
/// command that was marked when the process died is given to the shim as a replay. While the shim is away commands wait.
/// Thread-safe.
/// </summary>
internal sealed class CommandExecutor
{
    public const string Book = "executions";

    /// <summary>Commands that may wait at once; more are refused, so their sender keeps them.</summary>
    public const int MaxWaiting = 10_000;

    /// <summary>Results kept to answer a command that is sent once more.</summary>
    public const int MaxFinished = 4096;

    private const int MaxParallel = 64;
    private static readonly TimeSpan ReceiptPatience = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Execution> _known = new(StringComparer.Ordinal);
    private readonly Queue<string> _finished = new();
    private readonly Channel<Execution> _queue = Channel.CreateBounded<Execution>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly SemaphoreSlim _slots = new(MaxParallel);
    private readonly string _cluster;
    private readonly IClusterShim? _shim;
    private readonly IJournal _journal;
    private readonly Func<IReadOnlyList<Receipt>, JournalChange[], Task> _report;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;
    private readonly ControllerMetrics? _metrics;
    private TaskCompletionSource? _shimAway;

    /// <summary>Makes an executor; nothing runs before <see cref="RunAsync"/>.</summary>
    /// <param name="cluster">This controller's name, which stands in receipts.</param>
    /// <param name="shim">Drives the managed cluster; null when there is none.</param>
    /// <param name="journal">What survives the process.</param>
    /// <param name="report">Takes receipts up, durably and together with the given changes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <param name="metrics">Where commands are counted; null: nowhere.</param>
    public CommandExecutor(
        string cluster,
        IClusterShim? shim,
        IJournal journal,
        Func<IReadOnlyList<Receipt>, JournalChange[], Task> report,
        TimeProvider time,
        Func<double> random,
        ILogger log,
        ControllerMetrics? metrics = null)
    {
        (_cluster, _shim, _journal, _report, _time, _random, _log, _metrics) = (cluster, shim, journal, report, time, random, log, metrics);
    }

    /// <summary>Commands taken and not finished.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _known.Count - _finished.Count;
            }
        }
    }

    /// <summary>Takes up what the last run left. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in _journal.Load(Book))
        {
            var record = ExecutionRecord.Parser.ParseFrom(row.Value);
            var execution = new Execution(row.Key, record.Command ?? new Command()) { Replay = record.Started, Result = record.Result, Started = record.Started };
            _known[row.Key] = execution;
            if (record.Result is not null)
            {
                _finished.Enqueue(row.Key);
            }
            else
            {
                _queue.Writer.TryWrite(execution);
            }
        }
    }

    /// <summary>
    /// Takes a command; completes when it is on disk, or when an earlier copy of it is. A command that is known and finished has
    /// its result reported once more.
    /// </summary>
    /// <exception cref="JournalException">It could not be kept; the sender must keep it.</exception>
    public async Task TakeAsync(Command command)
    {
        var key = Key(command.CommandUid, command.Generation);
        Execution execution;
        lock (_gate)
        {
            if (_known.TryGetValue(key, out var known))
            {
                execution = known;
            }
            else if (_known.Count - _finished.Count >= MaxWaiting)
            {
                throw new JournalException($"{MaxWaiting} commands wait for the shim; the sender keeps this one");
            }
            else
            {
                execution = _known[key] = new Execution(key, command);
                execution.Taken = KeepAsync(execution);
                _metrics?.Stage("taken");
            }
        }

        try
        {
            await execution.Taken.ConfigureAwait(false);
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                _known.Remove(key);
            }

            throw;
        }

        if (execution.Result is { } result)
        {
            await _report([result], []).ConfigureAwait(false);
        }
    }

    /// <summary>Ends a command that is not finished; one that never came is remembered as cancelled. Durable when complete.</summary>
    public async Task CancelAsync(string commandUid, ulong generation, string entry)
    {
        var key = Key(commandUid, generation);
        Execution? execution;
        lock (_gate)
        {
            if (!_known.TryGetValue(key, out execution))
            {
                execution = _known[key] = new Execution(key, new Command { CommandUid = commandUid, Generation = generation, Entry = entry });
                execution.Taken = Task.CompletedTask;
            }

            if (execution.Result is null)
            {
                execution.Cancelled = true;
                if (execution.Started)
                {
                    execution.Stop.Cancel();
                    return;
                }
            }
        }

        if (execution.Result is { } result)
        {
            // It may not be on disk: an earlier try to keep it can have failed.
            await _report([result], [JournalChange.Put(Book, key, execution.ToRecord().ToByteArray())]).ConfigureAwait(false);
            return;
        }

        await FinishAsync(execution, Receipt(execution, Stage.Cancelled, "Cancelled", "cancelled before it ran")).ConfigureAwait(false);
    }

    /// <summary>Runs what is taken until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await foreach (var execution in _queue.Reader.ReadAllAsync(stop).ConfigureAwait(false))
        {
            await _slots.WaitAsync(stop).ConfigureAwait(false);
            if (_shimAway is { } away)
            {
                await away.Task.WaitAsync(stop).ConfigureAwait(false);
            }

            _ = RunOneAsync(execution, stop);
        }
    }

    private static string Key(string commandUid, ulong generation) => $"{commandUid}.{generation}";

    private static string Word(ShimError error) => error == ShimError.None ? "" : error.ToString();

    private async Task KeepAsync(Execution execution)
    {
        await _journal.WriteAsync(JournalChange.Put(Book, execution.Key, execution.ToRecord().ToByteArray())).ConfigureAwait(false);
        await _queue.Writer.WriteAsync(execution).ConfigureAwait(false);
    }

    private async Task RunOneAsync(Execution execution, CancellationToken stop)
    {
        try
        {
            await RunToResultAsync(execution, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping: the journal knows how far it came.
        }
        catch (JournalException broken)
        {
            // Without a disk nothing may run: the row on disk still says how far it came, the next start goes on from there.
            _log.JournalFailed("executions", broken);
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task RunToResultAsync(Execution execution, CancellationToken stop)
    {
        var command = execution.Command;
        while (true)
        {
            if (execution.Result is not null)
            {
                return;
            }

            if (Deadlines.IsOver(command, _time.GetUtcNow()))
            {
                await FinishAsync(execution, Receipt(execution, Stage.Expired, "Expired", "the deadline passed before it ran")).ConfigureAwait(false);
                return;
            }

            if (_shim is null)
            {
                await FinishAsync(
                    execution,
                    Receipt(execution, Stage.Executed, "NoManagedCluster", $"cluster {_cluster} has no shim; start its controller with one, or leave it out of the selector"))
                    .ConfigureAwait(false);
                return;
            }

            bool run;
            lock (_gate)
            {
                run = !execution.Cancelled;
                execution.Started |= run;
            }

            if (!run)
            {
                await FinishAsync(
                    execution,
                    Receipt(execution, Stage.Cancelled, "Cancelled", execution.Replay ? "cancelled; the cluster may have carried it out before" : "cancelled before it ran"))
                    .ConfigureAwait(false);
                return;
            }

            if (!execution.Marked)
            {
                await _journal.WriteAsync(JournalChange.Put(Book, execution.Key, execution.ToRecord().ToByteArray())).ConfigureAwait(false);
                execution.Marked = true;
                _metrics?.Stage("started");
            }

            try
            {
                var answer = await ExecuteAsync(execution, stop).ConfigureAwait(false);
                await FinishAsync(execution, Receipt(execution, answer)).ConfigureAwait(false);
                return;
            }
            catch (ShimUnavailableException away)
            {
                execution.Replay |= away.MayHaveRun;
                _log.ShimAway(_cluster, away.Message);
                await WaitForShimAsync(execution, stop).ConfigureAwait(false);
            }
        }
    }

    private async Task<ExecuteResponse> ExecuteAsync(Execution execution, CancellationToken stop)
    {
        var command = execution.Command;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, execution.Stop.Token);
        var request = new ExecuteRequest
        {
            IdempotencyKey = execution.Key,
            Replay = execution.Replay,
            Destination = command.Destination,
            Method = command.Method,
            Url = command.Url,
            Body = command.Body,
            ContentType = command.ContentType,
            User = command.Requester is { } who ? new User { Name = who.User, Groups = { who.Groups } } : null,
            TimeoutMilliseconds = command.TimeoutMilliseconds,
            MaxResponseBytes = command.MaxResponseBytes,
        };
        try
        {
            var running = _shim!.ExecuteAsync(request, either.Token);
            if (await Task.WhenAny(running, Task.Delay(ReceiptPatience, _time, either.Token)).ConfigureAwait(false) != running && !either.IsCancellationRequested)
            {
                // It takes a while: tell that it is safe here.
                await _report([Receipt(execution, Stage.Durable, "", "")], []).ConfigureAwait(false);
            }

            return await running.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (execution.Stop.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            return ShimAnswer.Failure(ShimError.Cancelled, "cancelled while it ran; the cluster may have carried it out");
        }
#pragma warning disable CA1031 // Whatever else a shim's code throws is this command's outcome, not this controller's end.
        catch (Exception fault) when (fault is not (ShimUnavailableException or OperationCanceledException or JournalException))
#pragma warning restore CA1031
        {
            _log.ShimFaulted(_cluster, command.DisplayName, fault);
            return ShimAnswer.Failure(ShimError.Internal, $"the shim of {_cluster} failed on this request: {fault.Message}. Look at its log");
        }
    }

    private async Task WaitForShimAsync(Execution execution, CancellationToken stop)
    {
        TaskCompletionSource? mine = null;
        TaskCompletionSource away;
        lock (_gate)
        {
            away = _shimAway ??= mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        if (mine is not null)
        {
            _ = ProbeShimAsync(mine, stop);
        }

        await _report([Receipt(execution, Stage.Durable, "", "waits for the shim")], []).ConfigureAwait(false);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, execution.Stop.Token);
        try
        {
            await away.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Cancelled: that needs no shim.
        }
    }

    private async Task ProbeShimAsync(TaskCompletionSource away, CancellationToken stop)
    {
        var backoff = new Backoff(new BackoffOptions(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5)), _random);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(backoff.Next(), _time, stop).ConfigureAwait(false);
                await _shim!.DescribeAsync(stop).ConfigureAwait(false);
                break;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception still) when (still is ShimUnavailableException or ShimContractException)
            {
                _log.ShimAway(_cluster, still.Message);
            }
        }

        lock (_gate)
        {
            _shimAway = null;
        }

        away.SetResult();
    }

    private async Task FinishAsync(Execution execution, Receipt receipt)
    {
        lock (_gate)
        {
            if (execution.Result is not null)
            {
                return;
            }

            execution.Result = receipt;
            _finished.Enqueue(execution.Key);
        }

        _metrics?.Stage(receipt.Stage == Stage.Executed ? receipt is { Error: "", Code: >= 200 and < 300 } ? "succeeded" : "failed" : receipt.Stage.ToString().ToLowerInvariant());

        var changes = new List<JournalChange> { JournalChange.Put(Book, execution.Key, execution.ToRecord().ToByteArray()) };
        lock (_gate)
        {
            while (_finished.Count > MaxFinished && _finished.TryDequeue(out var old))
            {
                _known.Remove(old);
                changes.Add(JournalChange.Remove(Book, old));
            }
        }

        await _report([receipt], [.. changes]).ConfigureAwait(false);
    }

    private Receipt Receipt(Execution execution, ExecuteResponse answer)
    {
        var receipt = Receipt(execution, answer.Error == ShimError.Cancelled ? Stage.Cancelled : Stage.Executed, Word(answer.Error), answer.Text);
        receipt.Code = answer.Code;
        receipt.Body = answer.Body;
        receipt.ContentType = answer.ContentType;
        return receipt;
    }

    private Receipt Receipt(Execution execution, Stage stage, string error, string text) => new()
    {
        Cluster = _cluster,
        CommandUid = execution.Command.CommandUid,
        Generation = execution.Command.Generation,
        Entry = execution.Command.Entry,
        Stage = stage,
        Error = error,
        Text = text,
        AtUnixMilliseconds = _time.GetUtcNow().ToUnixTimeMilliseconds(),
    };

    private sealed class Execution(string key, Command command)
    {
        public string Key => key;

        public Command Command => command;

        public Task Taken { get; set; } = Task.CompletedTask;

        public bool Started { get; set; }

        public bool Marked { get; set; }

        public bool Replay { get; set; }

        public bool Cancelled { get; set; }

        public Receipt? Result { get; set; }

        public CancellationTokenSource Stop { get; } = new();

        public ExecutionRecord ToRecord() => Result is null
            ? new ExecutionRecord { Command = command, Started = Started }
            : new ExecutionRecord { Result = Result };
    }
}
