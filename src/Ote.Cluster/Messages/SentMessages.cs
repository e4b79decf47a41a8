using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Flow;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Messages;

/// <summary>
/// What this cluster has sent, on disk until its fate is known, and for <see cref="Remembered"/> after. A message of which no word comes is
/// sent again, at last every <see cref="LongestWait"/>: its target may have moved away from where it is kept, and knows repeats. Thread-safe.
/// </summary>
/// <param name="self">The own name.</param>
/// <param name="journal">Where they are kept.</param>
/// <param name="dispatch">Sends one; completes when it is on disk for its way.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class SentMessages(string self, IJournal journal, Func<ClusterMessage, Task> dispatch, TimeProvider time, ILogger log) : IDisposable
{
    public const string Book = "sent";

    /// <summary>Messages kept, at most; those that ended give way to new ones.</summary>
    public const int MaxMessages = 10_000;

    /// <summary>How long the fate of a message is remembered, counted anew when the process starts. A wall clock that jumps changes nothing in it.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    /// <summary>From one sending to the next, once it has been sent several times; at first 30 s.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private readonly long _started = time.GetTimestamp();
    private readonly Dictionary<string, Sent> _sent = new(StringComparer.Ordinal);
    private readonly Signal _signal = new();
    private ITimer? _look;

    /// <summary>Raised when more is known of a message, on the thread that brought it: queue, do not work.</summary>
    public event Action<SentMessage>? Changed;

    /// <summary>Messages whose fate is not known yet.</summary>
    public int Open
    {
        get
        {
            lock (_gate)
            {
                return _sent.Values.Count(sent => sent.IsOpen);
            }
        }
    }

    /// <summary>How long this process has run.</summary>
    private TimeSpan Running => time.GetElapsedTime(_started);

    /// <summary>Takes up what the last run left. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Book))
        {
            Add(row.Key, new Sent(SentRecord.Parser.ParseFrom(row.Value), Running));
        }
    }

    /// <summary>Completes when the message is on disk, to be sent.</summary>
    /// <param name="id">Null for a new one. A message with an id that is known is not sent again.</param>
    /// <param name="to">The target.</param>
    /// <param name="data">The content.</param>
    /// <param name="life">How long it may wait.</param>
    /// <returns>What is known of it.</returns>
    /// <exception cref="MessageException">Too many are on their way.</exception>
    public async Task<SentMessage> SendAsync(byte[]? id, string to, MessageData data, TimeSpan life)
    {
        var message = new ClusterMessage
        {
            Id = ByteString.CopyFrom(id ?? RandomNumberGenerator.GetBytes(MessageLimits.IdBytes)),
            From = self,
            To = to,
            DeadlineUnixMilliseconds = (time.GetUtcNow() + life).ToUnixTimeMilliseconds(),
            Data = data,
        };
        var key = MessageLimits.Text(message.Id);
        string? last = null;
        lock (_gate)
        {
            if (_sent.TryGetValue(key, out var known))
            {
                return View(key, known);
            }

            if (_sent.Count >= MaxMessages && (last = _sent.Where(s => !s.Value.IsOpen).OrderBy(s => s.Value.EndedAt).Select(s => s.Key).FirstOrDefault()) is null)
            {
                throw new MessageException($"{MaxMessages} messages of {self} are on their way, which is as many as are kept; wait for some to arrive, or give them a shorter ttl");
            }

            if (last is not null)
            {
                _sent.Remove(last);
            }

            Add(key, new Sent(new SentRecord { Message = message }, Running));
        }

        try
        {
            await journal.WriteAsync([JournalChange.Put(Book, key, new SentRecord { Message = message }.ToByteArray()), .. last is null ? [] : (JournalChange[])[JournalChange.Remove(Book, last)]])
                .ConfigureAwait(false);
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                _sent.Remove(key);
            }

            throw;
        }

        await dispatch(message.Clone()).ConfigureAwait(false);
        return Find(key)!;
    }

    /// <summary>What is known of a message; null when it is not remembered.</summary>
    public SentMessage? Find(string id)
    {
        lock (_gate)
        {
            return _sent.TryGetValue(id, out var sent) ? View(id, sent) : null;
        }
    }

    /// <summary>Takes word of a message. Only its target may say that it was delivered. Completes when it is on disk.</summary>
    public async Task LearnAsync(ClusterMessage word)
    {
        var (key, outcome) = (MessageLimits.Text(word.Id), word.Outcome);
        Sent? sent;
        SentRecord before, record;
        SentMessage view;
        lock (_gate)
        {
            if (!_sent.TryGetValue(key, out sent) || !sent.IsOpen
                || (outcome.State == MessageOutcome.Types.State.Delivered && word.From != sent.Record.Message.To)
                || outcome.State == MessageOutcome.Types.State.Unspecified)
            {
                return;
            }

            before = sent.Record;
            record = sent.Record = before.Clone();
            record.Outcome = outcome.Clone();
            if (outcome.State != MessageOutcome.Types.State.Waiting)
            {
                End(record);
                sent.EndedAt = Running;
            }

            view = View(key, sent);
        }

        try
        {
            await journal.WriteAsync(JournalChange.Put(Book, key, record.ToByteArray())).ConfigureAwait(false);
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                sent.Record = ReferenceEquals(sent.Record, record) ? before : sent.Record;
            }

            throw; // whoever brought the word brings it again
        }

        Changed?.Invoke(view);
    }

    /// <summary>Sends again what no word came of, and ends what is past its time, until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _signal.WaitAsync(stop).ConfigureAwait(false);
            var now = time.GetUtcNow();
            KeyValuePair<string, Sent>[] all;
            lock (_gate)
            {
                all = [.. _sent];
            }

            foreach (var (key, sent) in all)
            {
                try
                {
                    await LookAtAsync(key, sent, now).ConfigureAwait(false);
                }
                catch (JournalException broken)
                {
                    log.MessageJournalFailed(broken.Message); // it is looked at again
                }
            }

            lock (_gate)
            {
                LookLaterNeedsGate();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _look?.Dispose();

    private async Task LookAtAsync(string key, Sent sent, DateTimeOffset now)
    {
        var record = sent.Record;
        if (!sent.IsOpen)
        {
            if (sent.EndedAt + Remembered < Running)
            {
                lock (_gate)
                {
                    _sent.Remove(key);
                }

                await journal.ForgetAsync(Book, [key]).ConfigureAwait(false);
            }
        }
        else if (record.Message.DeadlineUnixMilliseconds + (long)FirstWait.TotalMilliseconds < now.ToUnixTimeMilliseconds())
        {
            var last = new MessageOutcome { State = MessageOutcome.Types.State.Expired, Text = "no word of its delivery came in time; it may have been delivered", Hops = record.Outcome?.Hops ?? 0 };
            await LearnAsync(new ClusterMessage { Id = record.Message.Id, From = self, Outcome = last }).ConfigureAwait(false);
        }
        else if (sent.AgainAt <= Running && record.Message.DeadlineUnixMilliseconds > now.ToUnixTimeMilliseconds())
        {
            sent.Waited();
            await dispatch(record.Message.Clone()).ConfigureAwait(false);
        }
    }

    private void End(SentRecord record)
    {
        record.EndedUnixMilliseconds = time.GetUtcNow().ToUnixTimeMilliseconds();
        record.Message.Data.Body = ByteString.Empty;
    }

    private void Add(string key, Sent sent)
    {
        _sent[key] = sent;
        LookLaterNeedsGate();
    }

    // While nothing was sent, no timer runs.
    private void LookLaterNeedsGate()
    {
        if (_sent.Count > 0)
        {
            _look ??= time.CreateTimer(static sent => ((SentMessages)sent!)._signal.Set(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _look.Change(LookEvery, Timeout.InfiniteTimeSpan);
        }
    }

    private static SentMessage View(string id, Sent sent)
    {
        var (message, outcome, ended) = (sent.Record.Message, sent.Record.Outcome, sent.Record.EndedUnixMilliseconds);
        var state = outcome?.State switch
        {
            MessageOutcome.Types.State.Delivered => SentState.Delivered,
            MessageOutcome.Types.State.Expired => SentState.Expired,
            MessageOutcome.Types.State.NoCluster => SentState.NoCluster,
            MessageOutcome.Types.State.Refused => SentState.Refused,
            _ => SentState.OnItsWay,
        };
        return new SentMessage(
            id, message.To, message.Data.Topic, state, outcome?.Text ?? "", (int)(outcome?.Hops ?? 0), DateTimeOffset.FromUnixTimeMilliseconds(message.DeadlineUnixMilliseconds),
            ended == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(ended));
    }

    /// <param name="record">As it is kept.</param>
    /// <param name="at">Since when this process has it; like all times here, how long the process had run.</param>
    private sealed class Sent(SentRecord record, TimeSpan at)
    {
        private TimeSpan _wait = FirstWait;

        public SentRecord Record { get; set; } = record;

        public bool IsOpen => Record.EndedUnixMilliseconds == 0;

        public TimeSpan AgainAt { get; private set; } = at + FirstWait;

        public TimeSpan EndedAt { get; set; } = at;

        public void Waited()
        {
            _wait = _wait * 3 < LongestWait ? _wait * 3 : LongestWait;
            AgainAt += _wait;
        }
    }
}
