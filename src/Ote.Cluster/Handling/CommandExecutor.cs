using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Audit;
using Ote.Cluster.Journal;
using Ote.Flow;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using ShimError = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Cluster.Handling;

/// <summary>
/// Runs commands on this controller's own cluster, each at most once per (command uid, generation): a command is on disk before
/// its sender may forget it, marked on disk before the shim sees it, and its result is on disk before it counts as known. A
/// command that was marked when the process died is given to the shim as a replay. While the shim is away or busy, or the cluster refuses connections, commands wait,
/// until their deadline. A newer generation of a command takes the place of an older one that has not finished. Thread-safe.
/// </summary>
internal sealed class CommandExecutor
{
    public const string Book = "executions";

    /// <summary>Keys of commands that are not known here and may have run all the same: a restored backup is older than what it left.</summary>
    public const string ReplayBook = "replays";

    /// <summary>Commands that may wait at once; more are refused, so their sender keeps them.</summary>
    public const int MaxWaiting = 10_000;

    /// <summary>Results kept whole, to answer a command that is sent once more; of more the answers' bodies are forgotten.</summary>
    public const int MaxWhole = 4096;

    /// <summary>Bytes of those bodies that are kept.</summary>
    public const int MaxWholeBytes = 8 * 1024 * 1024;

    /// <summary>Outcomes kept without a body, so that no late copy of a command runs again. More than may ever wait.</summary>
    public const int MaxRemembered = 2 * MaxWaiting;

    private const int MaxParallel = 64;
    private static readonly TimeSpan ReceiptPatience = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(30);
    private static readonly TimeSpan BusyPatience = TimeSpan.FromHours(24); // of a command without a deadline
    private static readonly BackoffOptions ShimBackoff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
    private static readonly BackoffOptions DiskBackoff = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Execution> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Execution>> _generations = new(StringComparer.Ordinal);
    private readonly HashSet<string> _replays = new(StringComparer.Ordinal);
    private readonly Queue<Execution> _whole = new();
    private readonly Queue<Execution> _remembered = new();
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
    private readonly ActivitySource? _activities;
    private readonly AuditLog? _audit;
    private TaskCompletionSource? _shimAway;
    private string? _awayFor;
    private Task? _shimBusy;
    private ulong _order;
    private long _wholeBytes;

    /// <summary>Makes an executor; nothing runs before <see cref="RunAsync"/>.</summary>
    /// <param name="cluster">This controller's name, which stands in receipts.</param>
    /// <param name="shim">Drives the managed cluster; null when there is none.</param>
    /// <param name="journal">What survives the process.</param>
    /// <param name="report">Takes receipts up, durably and together with the given changes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where trouble is told.</param>
    /// <param name="metrics">Where commands are counted; null: nowhere.</param>
    /// <param name="activities">Source of the activity a command is executed under; null: none.</param>
    /// <param name="audit">Where outcomes are noted; null: nowhere.</param>
    public CommandExecutor(
        string cluster,
        IClusterShim? shim,
        IJournal journal,
        Func<IReadOnlyList<Receipt>, JournalChange[], Task> report,
        TimeProvider time,
        Func<double> random,
        ILogger log,
        ControllerMetrics? metrics = null,
        ActivitySource? activities = null,
        AuditLog? audit = null)
    {
        (_cluster, _shim, _journal, _report, _time, _random, _log, _metrics) = (cluster, shim, journal, report, time, random, log, metrics);
        (_activities, _audit) = (activities, audit);
    }

    /// <summary>Commands taken and not finished.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _known.Count - _whole.Count - _remembered.Count;
            }
        }
    }

    /// <summary>Takes up what the last run left. Call once, first.</summary>
    public void Restore()
    {
        _replays.UnionWith(_journal.Load(ReplayBook).Select(row => row.Key));
        foreach (var execution in _journal.Load(Book).Select(Execution.Restore).OrderBy(e => e.Order))
        {
            Know(execution);
            _order = Math.Max(_order, execution.Order);
            if (execution.Result is not null)
            {
                Finished(execution);
            }
            else
            {
                _queue.Writer.TryWrite(execution);
            }
        }
    }

    /// <summary>
    /// Takes a command; completes when it is on disk, or when an earlier copy of it is. A command that is known already has its
    /// stage reported once more; one of which a newer generation is known ends as cancelled.
    /// </summary>
    /// <exception cref="JournalException">It could not be kept; the sender must keep it.</exception>
    public async Task TakeAsync(Command command)
    {
        Execution execution;
        Execution[] older = [];
        bool superseded = false;
        bool again;
        lock (_gate)
        {
            again = _known.TryGetValue(Execution.KeyOf(command.CommandUid, command.Generation), out var known);
            if (known is not null)
            {
                execution = known;
            }
            else if (_known.Count - _whole.Count - _remembered.Count >= MaxWaiting)
            {
                throw new JournalException($"{MaxWaiting} commands wait for the shim; the sender keeps this one");
            }
            else
            {
                var others = _generations.GetValueOrDefault(command.CommandUid);
                superseded = others?.Exists(e => e.Command.Generation > command.Generation) == true;
                older = [.. others?.Where(e => e.Command.Generation < command.Generation && e.Result is null) ?? []];
                execution = new Execution(++_order, command);
                execution.Replay = execution.Started = _replays.Contains(execution.Key);
                Know(execution);
                if (!superseded)
                {
                    execution.Taken = KeepAsync(execution);
                    _metrics?.Stage("taken");
                }
            }
        }

        if (superseded)
        {
            await FinishAsync(execution, Receipt(execution, Stage.Cancelled, "Superseded", "a newer generation of the command came before it")).ConfigureAwait(false);
            return;
        }

        foreach (var former in older)
        {
            await CancelAsync(former.Command.CommandUid, former.Command.Generation, former.Command.Entry, command.Generation).ConfigureAwait(false);
        }

        try
        {
            await execution.Taken.ConfigureAwait(false);
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                Forget(execution);
            }

            throw;
        }

        if (again)
        {
            await TellAgainAsync(execution).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Answers a command that was meant for this cluster and that it is not to run: it ends as not selected, or as not allowed, for good.
    /// One that was taken before runs, and says so. Durable when complete.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="refusal">Why it is not allowed; empty when this cluster does not meet its condition.</param>
    /// <exception cref="JournalException">The verdict could not be kept; the sender must ask again.</exception>
    public async Task DeclineAsync(Command command, string refusal = "")
    {
        Execution? execution;
        lock (_gate)
        {
            if (!_known.TryGetValue(Execution.KeyOf(command.CommandUid, command.Generation), out execution))
            {
                execution = new Execution(++_order, command);
                Know(execution);
                var verdict = refusal.Length > 0
                    ? Receipt(execution, Stage.Executed, AuditLine.NotAllowed, refusal)
                    : Receipt(execution, Stage.NotSelected, "NotSelected", $"the tags of {_cluster} do not match the selector any more");
                execution.End(verdict);
                Finished(execution);
                _audit?.Write(AuditLine.Outcome(_cluster, command, verdict, _replays.Contains(execution.Key), null, _time.GetUtcNow()));
            }
        }

        await execution.Taken.ConfigureAwait(false);
        await TellAgainAsync(execution).ConfigureAwait(false);
    }

    /// <summary>
    /// Ends a command that is not finished; one that never came is remembered as cancelled. When complete the wish is on disk, so
    /// that a restart knows it too.
    /// </summary>
    /// <param name="commandUid">The command.</param>
    /// <param name="generation">Its generation.</param>
    /// <param name="entry">The cluster whose control API holds it.</param>
    /// <param name="supersededBy">The newer generation that takes its place; 0 when somebody wants it to end.</param>
    /// <exception cref="JournalException">The wish could not be kept; the sender must keep it.</exception>
    public async Task CancelAsync(string commandUid, ulong generation, string entry, ulong supersededBy = 0)
    {
        Execution? execution;
        Task? kept = null;
        lock (_gate)
        {
            if (!_known.TryGetValue(Execution.KeyOf(commandUid, generation), out execution))
            {
                execution = new Execution(++_order, new Command { CommandUid = commandUid, Generation = generation, Entry = entry });
                Know(execution);
            }

            if (execution.Result is null)
            {
                execution.SupersededBy = execution.Cancelled ? execution.SupersededBy : supersededBy;
                execution.Cancelled = true;
                if (execution.Started)
                {
                    // Under the lock, so that no older state of it is written afterwards.
                    kept = SaveNeedsLock(execution);
                }
            }
        }

        if (kept is not null)
        {
            await kept.ConfigureAwait(false);
            await execution.Stop.CancelAsync().ConfigureAwait(false);
            return;
        }

        if (execution.Result is not null)
        {
            await TellAgainAsync(execution).ConfigureAwait(false);
            return;
        }

        await FinishAsync(execution, Receipt(execution, Stage.Cancelled, execution.CancelledWord, $"{execution.CancelledBy} before it ran")).ConfigureAwait(false);
        await execution.Stop.CancelAsync().ConfigureAwait(false);
    }

    /// <summary>Runs what is taken until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await foreach (var execution in _queue.Reader.ReadAllAsync(stop).ConfigureAwait(false))
        {
            await _slots.WaitAsync(stop).ConfigureAwait(false);
            while (_shimAway is { } away)
            {
                await away.Task.WaitAsync(stop).ConfigureAwait(false);
            }

            if (_shimBusy is { } calm)
            {
                // What waits behind a refused request does not overtake it at once.
                await calm.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
            }

            _ = RunOneAsync(execution, stop);
        }
    }

    private static string Word(ShimError error) => error == ShimError.None ? "" : error.ToString();

    private async Task KeepAsync(Execution execution)
    {
        await _journal.WriteAsync(execution.ToRow()).ConfigureAwait(false);
        await _queue.Writer.WriteAsync(execution).ConfigureAwait(false);
    }

    private async Task RunOneAsync(Execution execution, CancellationToken stop)
    {
        var backoff = new Backoff(DiskBackoff, _random);
        try
        {
            for (var again = false; !await TryRunAsync(execution, again, stop).ConfigureAwait(false); again = true)
            {
                await Task.Delay(backoff.Next(), _time, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping: the journal knows how far it came.
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>False when the disk failed: without it nothing may run, and no result counts as known.</summary>
    private async Task<bool> TryRunAsync(Execution execution, bool again, CancellationToken stop)
    {
        try
        {
            if (again && execution.Result is not null)
            {
                await TellAgainAsync(execution).ConfigureAwait(false);
            }
            else
            {
                await RunToResultAsync(execution, stop).ConfigureAwait(false);
            }

            return true;
        }
        catch (JournalException broken)
        {
            _log.JournalFailed("executions", broken);
            return false;
        }
    }

    private async Task RunToResultAsync(Execution execution, CancellationToken stop)
    {
        var backoff = new Backoff(ShimBackoff, _random);
        var began = _time.GetTimestamp();
        ExecuteResponse? last = null;
        while (execution.Result is null)
        {
            if (NotToRun(execution, last) is { } ended)
            {
                await FinishAsync(execution, ended).ConfigureAwait(false);
                return;
            }

            if (!execution.Marked)
            {
                await MarkAsync(execution, started: true).ConfigureAwait(false);
            }

            try
            {
                var answer = await ExecuteAsync(execution, stop).ConfigureAwait(false);
                if (answer.Error is not (ShimError.Busy or ShimError.Refused) || (execution.Command.DeadlineUnixMilliseconds == 0 && _time.GetElapsedTime(began) > BusyPatience))
                {
                    await FinishAsync(execution, Receipt(execution, answer)).ConfigureAwait(false);
                    return;
                }

                // Nothing ran, so it may be sent again as it is: neither a full queue nor an API server that is just starting is its fault.
                var first = last?.Error != answer.Error;
                last = answer;
                await MarkAsync(execution, started: execution.Replay).ConfigureAwait(false);
                if (first && answer.Error == ShimError.Refused)
                {
                    _log.ClusterRefuses(_cluster, execution.Command.DisplayName, answer.Text);
                    await _report([Receipt(execution, Stage.Durable, "", "waits for the cluster")], []).ConfigureAwait(false);
                }

                await WaitForCalmAsync(execution, backoff.Next(), stop).ConfigureAwait(false);
            }
            catch (ShimUnavailableException away)
            {
                execution.Replay |= away.MayHaveRun;
                await MarkAsync(execution, started: execution.Replay).ConfigureAwait(false);
                SayAway(away.Message);
                await WaitForShimAsync(execution, stop).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The outcome of a command that is not to be given to the shim now; null when it is, which is noted.</summary>
    private Receipt? NotToRun(Execution execution, ExecuteResponse? last)
    {
        lock (_gate)
        {
            if (execution.Cancelled)
            {
                return Receipt(execution, Stage.Cancelled, execution.CancelledWord, execution.CancelledBy + (execution.Replay ? "; the cluster may have carried it out before" : " before it ran"));
            }

            if (Deadlines.IsOver(execution.Command, _time.GetUtcNow()))
            {
                return last is null
                    ? Receipt(execution, Stage.Expired, "Expired", execution.Replay ? "the deadline passed; the cluster may have carried it out before" : "the deadline passed before it ran")
                    : Receipt(
                        execution,
                        Stage.Expired,
                        Word(last.Error),
                        (last.Error == ShimError.Busy ? "the shim was busy until the deadline, " : "the cluster refused connections until the deadline, ")
                        + (execution.Replay ? "and may have carried it out before" : "nothing ran") + $"; the shim's last word: {last.Text}");
            }

            if (_shim is null)
            {
                return Receipt(execution, Stage.Executed, AuditLine.NoManagedCluster, $"cluster {_cluster} has no shim; start its controller with one, or leave it out of the selector");
            }

            execution.Started = true;
            execution.Began ??= _time.GetTimestamp();
            return null;
        }
    }

    /// <summary>Notes on disk whether the shim may have a command.</summary>
    private async Task MarkAsync(Execution execution, bool started)
    {
        Task kept;
        lock (_gate)
        {
            if (execution.Result is not null || (execution.Marked && started))
            {
                return;
            }

            (execution.Started, execution.Marked) = (started, false);
            kept = SaveNeedsLock(execution);
        }

        await kept.ConfigureAwait(false);
        execution.Marked = started;
        if (started && !execution.Counted)
        {
            execution.Counted = true;
            _metrics?.Stage("started");
        }
    }

    private Task SaveNeedsLock(Execution execution) => _journal.WriteAsync(execution.ToRow());

    /// <summary>Ends with the execution's cancellation, its deadline, or the process.</summary>
    private CancellationTokenSource EndOf(Execution execution, CancellationToken stop, out CancellationTokenSource? deadline)
    {
        deadline = null;
        if (execution.Command.DeadlineUnixMilliseconds == 0)
        {
            return CancellationTokenSource.CreateLinkedTokenSource(stop, execution.Stop.Token);
        }

        var left = Deadlines.Left(execution.Command, _time.GetUtcNow());
        deadline = new CancellationTokenSource(left < LongestTimer ? left : LongestTimer, _time);
        return CancellationTokenSource.CreateLinkedTokenSource(stop, execution.Stop.Token, deadline.Token);
    }

    private async Task<ExecuteResponse> ExecuteAsync(Execution execution, CancellationToken stop)
    {
        var command = execution.Command;
        using var either = EndOf(execution, stop, out var deadline);
        using var disposed = deadline;
        using var activity = _activities?.StartActivity("command.execute", ActivityKind.Client, command.Traceparent);
        var request = new ExecuteRequest
        {
            IdempotencyKey = $"{execution.Key}.{_cluster}", // two controllers may drive one cluster, and are two targets
            Replay = execution.Replay,
            Destination = command.Destination,
            Method = command.Method,
            Url = command.Url,
            Body = command.Body,
            ContentType = command.ContentType,
            User = command.Requester is { } who ? new User { Name = who.User, Groups = { who.Groups } } : null,
            TimeoutMilliseconds = Math.Min(command.TimeoutMilliseconds, int.MaxValue), // no timer takes more
            MaxResponseBytes = command.MaxResponseBytes,
            Traceparent = activity?.Id ?? command.Traceparent,
        };
        try
        {
            var running = _shim!.ExecuteAsync(request, either.Token);
            if (await Task.WhenAny(running, Task.Delay(ReceiptPatience, _time, either.Token)).ConfigureAwait(false) != running && !either.IsCancellationRequested)
            {
                await TellItIsSafeAsync(execution).ConfigureAwait(false);
            }

            return await running.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (execution.Stop.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            return ShimAnswer.Failure(ShimError.Cancelled, execution.CancelledBy + " while it ran; the cluster may have carried it out");
        }
        catch (OperationCanceledException) when (deadline?.IsCancellationRequested == true && !stop.IsCancellationRequested)
        {
            return ShimAnswer.Failure(ShimError.TimedOut, "the deadline passed while it ran; the cluster may have carried it out");
        }
#pragma warning disable CA1031 // Whatever else a shim's code throws is this command's outcome, not this controller's end.
        catch (Exception fault) when (fault is not (ShimUnavailableException or OperationCanceledException or JournalException))
#pragma warning restore CA1031
        {
            _log.ShimFaulted(_cluster, command.DisplayName, fault);
            return ShimAnswer.Failure(ShimError.Internal, $"the shim of {_cluster} failed on this request: {fault.Message}. Look at its log");
        }
    }

    /// <summary>It takes a while: tell that it is safe here. When that cannot be kept it is left out, for the request runs meanwhile and must not be left alone.</summary>
    private async Task TellItIsSafeAsync(Execution execution)
    {
        try
        {
            await _report([Receipt(execution, Stage.Durable, "", "")], []).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            _log.JournalFailed("executions", broken);
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
        using var either = EndOf(execution, stop, out var deadline);
        using var disposed = deadline;
        try
        {
            await away.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Cancelled, or past its deadline: that needs no shim.
        }
    }

    private async Task WaitForCalmAsync(Execution execution, TimeSpan wait, CancellationToken stop)
    {
        using var either = EndOf(execution, stop, out var deadline);
        using var disposed = deadline;
        var calm = Task.Delay(wait, _time, either.Token);
        _shimBusy = calm;
        try
        {
            await calm.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Cancelled, or past its deadline.
        }
        finally
        {
            _ = Interlocked.CompareExchange(ref _shimBusy, null, calm);
        }
    }

    private async Task ProbeShimAsync(TaskCompletionSource away, CancellationToken stop)
    {
        var backoff = new Backoff(ShimBackoff, _random);
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
                SayAway(still.Message);
            }
        }

        lock (_gate)
        {
            (_shimAway, _awayFor) = (null, null);
        }

        _log.ShimBack(_cluster);
        away.SetResult();
    }

    /// <summary>Each cause once: a shim may be away for days, and is asked every few seconds.</summary>
    private void SayAway(string cause)
    {
        lock (_gate)
        {
            if (_awayFor == cause)
            {
                return;
            }

            _awayFor = cause;
        }

        _log.ShimAway(_cluster, cause);
    }

    private async Task FinishAsync(Execution execution, Receipt receipt)
    {
        lock (_gate)
        {
            if (execution.Result is not null)
            {
                return;
            }

            // Before it counts: after a crash in between it ends once more, and that is known here then.
            _audit?.Write(AuditLine.Outcome(_cluster, execution.Command, receipt, execution.Replay, execution.Began is { } began ? _time.GetElapsedTime(began) : null, _time.GetUtcNow()));
            execution.End(receipt);
            Finished(execution);
        }

        _metrics?.Stage(receipt.Stage == Stage.Executed ? receipt is { Error: "", Code: >= 200 and < 300 } ? "succeeded" : "failed" : receipt.Stage.ToString().ToLowerInvariant());

        await TellAgainAsync(execution).ConfigureAwait(false);
    }

    /// <summary>
    /// Reports how far a known command is. A result goes to disk with it: an earlier try to keep it can have failed. What is
    /// finished longest is forgotten in the same breath.
    /// </summary>
    private Task TellAgainAsync(Execution execution)
    {
        if (execution.Result is not { } result)
        {
            return _report([Receipt(execution, Stage.Durable, "", "")], []);
        }

        var changes = new List<JournalChange> { execution.ToRow() };
        lock (_gate)
        {
            while ((_whole.Count > MaxWhole || _wholeBytes > MaxWholeBytes) && _whole.TryDequeue(out var old))
            {
                _wholeBytes -= old.Result!.Body.Length;
                _remembered.Enqueue(old);
                if (old.DropBody())
                {
                    changes.Add(old.ToRow());
                }
            }

            while (_remembered.Count > MaxRemembered && _remembered.TryDequeue(out var old))
            {
                Forget(old);
                changes.Add(JournalChange.Remove(Book, old.Key));
            }
        }

        return _report([result], [.. changes]);
    }

    private void Finished(Execution execution)
    {
        _whole.Enqueue(execution);
        _wholeBytes += execution.Result!.Body.Length;
    }

    private void Know(Execution execution)
    {
        _known[execution.Key] = execution;
        if (!_generations.TryGetValue(execution.Command.CommandUid, out var all))
        {
            _generations[execution.Command.CommandUid] = all = new List<Execution>(1);
        }

        all.Add(execution);
    }

    private void Forget(Execution execution)
    {
        // Another try to take the same command may stand there by now.
        if (_known.GetValueOrDefault(execution.Key) == execution
            && _known.Remove(execution.Key)
            && _generations.TryGetValue(execution.Command.CommandUid, out var all)
            && all.Remove(execution)
            && all.Count == 0)
        {
            _generations.Remove(execution.Command.CommandUid);
        }
    }

    private Receipt Receipt(Execution execution, ExecuteResponse answer)
    {
        var receipt = Receipt(execution, answer.Error == ShimError.Cancelled ? Stage.Cancelled : Stage.Executed, answer.Error == ShimError.Cancelled ? execution.CancelledWord : Word(answer.Error), answer.Text);
        receipt.Code = answer.Code;
        (receipt.Body, receipt.Truncated) = ReceiptBody.Fit(answer.Body);
        receipt.Truncated |= answer.Error == ShimError.TooLarge;
        receipt.ContentType = ReceiptBody.ContentType(answer.ContentType);
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
        Text = ReceiptBody.Text(text),
        AtUnixMilliseconds = _time.GetUtcNow().ToUnixTimeMilliseconds(),
    };
}
