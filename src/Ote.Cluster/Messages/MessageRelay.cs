using System.Globalization;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Messages;

/// <summary>
/// Messages on their way through this controller: each is on disk before whoever brought it may forget it, and stays there until the next
/// controller has it on its own disk, or its life is over. In the order of their taking over each link. Thread-safe.
/// </summary>
/// <param name="self">The own cluster's name.</param>
/// <param name="journal">Where they wait.</param>
/// <param name="route">The next step of a message; the flag says that it came from above or across.</param>
/// <param name="linkTo">The link that a step up, down or across takes, while it is up.</param>
/// <param name="mostHops">Links a message may travel.</param>
/// <param name="arrived">Takes what is for this cluster; completes when it is on disk. The number is that of links travelled.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class MessageRelay(
    string self, IJournal journal, Func<ClusterMessage, bool, MessageRoute> route, Func<MessageRoute, ILink?> linkTo, Func<ClusterMessage, uint, Task> arrived, int mostHops, TimeProvider time,
    ILogger log) : IDisposable
{
    public const string Book = "messages";

    /// <summary>Messages kept at once; more are refused, and their sender is told.</summary>
    public const int MaxMessages = 10_000;

    /// <summary>Bytes kept at once, as encoded.</summary>
    public const long MaxBytes = 64 * 1024 * 1024;

    /// <summary>Messages remembered that went across; those before them may go so again.</summary>
    public const int MaxAcross = 10_000;

    /// <summary>How long word of what became of a message may take.</summary>
    public static readonly TimeSpan OutcomeLife = TimeSpan.FromDays(1);

    /// <summary>How long a lateral peer may take to take a message.</summary>
    public static readonly TimeSpan AcrossPatience = TimeSpan.FromSeconds(30);

    // A budget makes a link slow that is well.
    private static readonly TimeSpan LimitedPatience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Signal _signal = new();
    private readonly HashSet<string> _across = new(StringComparer.Ordinal);
    private readonly Queue<string> _acrossInOrder = new();
    private ITimer? _look;
    private Task _before = Task.CompletedTask;
    private long _next;
    private long _bytes;
    private uint _farthest;

    /// <summary>Messages that wait for the next controller.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Most links that a message had travelled when it came here, since this process began.</summary>
    public uint Farthest => Volatile.Read(ref _farthest);

    /// <summary>Whether a lateral peer has taken a message from here in this run: who gets it again must not count on that peer.</summary>
    public bool WentAcross(ClusterMessage message)
    {
        lock (_gate)
        {
            return _across.Count > 0 && _across.Contains(Entry.IdentityOf(message));
        }
    }

    /// <summary>Takes up what the last run left. Call once, before there are links.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Book))
        {
            _next = Math.Max(_next, long.Parse(row.Key, CultureInfo.InvariantCulture));
            Add(new Entry(row.Key, RelayRecord.Parser.ParseFrom(row.Value)));
        }

        LookLater();
    }

    /// <summary>Completes when the message is on this disk, or refused and its sender will be told. One that is here already changes nothing.</summary>
    /// <exception cref="JournalException">It could not be kept: whoever brought it keeps it.</exception>
    public async Task TakeAsync(ClusterMessage message, bool fromAbove, uint hops)
    {
        if (hops > Farthest)
        {
            Volatile.Write(ref _farthest, hops); // for people: of two at once either may stay
        }

        if (route(message, fromAbove).Step == MessageStep.Here)
        {
            await arrived(message, hops).ConfigureAwait(false);
            return;
        }

        Entry entry;
        Entry? known;
        var before = Task.CompletedTask;
        TaskCompletionSource passed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool full;
        lock (_gate)
        {
            entry = new Entry((++_next).ToString("d20", CultureInfo.InvariantCulture), new RelayRecord { Message = message, FromAbove = fromAbove, Hops = hops });
            known = _entries.GetValueOrDefault(entry.Identity);

            // Word of what became of messages may take twice the room: else a full controller could never say that it is.
            var share = entry.IsOutcome ? 2 : 1;
            full = known is null && (_entries.Count >= MaxMessages * share || _bytes + entry.Bytes > MaxBytes * share);
            if (known is null && !full)
            {
                Add(entry);
                entry.InFlight = true; // until it is on disk
                (before, _before) = (_before, passed.Task);
            }
        }

        if (full)
        {
            log.MessageRefused(message.From, message.To, self);
            await TellAsync(message, hops, MessageOutcome.Types.State.Refused, $"too many messages wait at {self}").ConfigureAwait(false);
            return;
        }

        if (known is not null)
        {
            await TurnAsync(known, fromAbove).ConfigureAwait(false);
            return;
        }

        Task step;
        try
        {
            await journal.WriteAsync(JournalChange.Put(Book, entry.Key, entry.Record.ToByteArray())).ConfigureAwait(false);
            await before.ConfigureAwait(false); // what was taken earlier leaves earlier
            entry.InFlight = false;
            step = StepAsync(entry); // when there is a link, it is queued there when this returns
        }
        catch (JournalException)
        {
            Remove(entry);
            throw;
        }
        finally
        {
            passed.SetResult();
        }

        await step.ConfigureAwait(false);
        LookLater();
    }

    /// <summary>A link came up, or somebody is elsewhere now: what waits may have a way.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (_entries.Count > 0)
            {
                _signal.Set();
            }
        }
    }

    /// <summary>Finds ways for what waits, and ends what is too old, until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _signal.WaitAsync(stop).ConfigureAwait(false);
            Entry[] all;
            lock (_gate)
            {
                all = [.. _entries.Values];
            }

            var held = new HeldBack(self, time.GetUtcNow());
            foreach (var entry in all.Where(e => !e.InFlight || e.Link is { IsUp: false } || e.NewsOf(held) is not null).OrderBy(e => e.Key, StringComparer.Ordinal))
            {
                try
                {
                    await StepAsync(entry).ConfigureAwait(false);
                }
                catch (JournalException broken)
                {
                    log.MessageJournalFailed(broken.Message); // it is looked at again
                }
            }

            LookLater();
        }
    }

    /// <summary>Sends word to the sender of a message of what became of it. Word about word is not sent.</summary>
    public async Task TellAsync(ClusterMessage message, uint hops, MessageOutcome.Types.State state, string text)
    {
        if (message.Data is null)
        {
            return;
        }

        var outcome = new ClusterMessage
        {
            Id = message.Id,
            From = self,
            To = message.From,
            DeadlineUnixMilliseconds = (time.GetUtcNow() + OutcomeLife).ToUnixTimeMilliseconds(),
            Traceparent = message.Traceparent,
            Outcome = new MessageOutcome { State = state, Text = text, Hops = hops },
        };
        await TakeAsync(outcome, fromAbove: false, 0).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _look?.Dispose();

    // While nothing waits, no timer runs.
    private void LookLater()
    {
        lock (_gate)
        {
            if (_entries.Count > 0)
            {
                _look ??= time.CreateTimer(static relay => ((MessageRelay)relay!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _look.Change(LookEvery, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private async Task StepAsync(Entry entry)
    {
        var (message, hops) = (entry.Record.Message, entry.Record.Hops);
        if (entry.InFlight)
        {
            Detour(entry);
            await TellHeldAsync(entry).ConfigureAwait(false);
            return;
        }

        if (message.DeadlineUnixMilliseconds <= time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            await EndAsync(entry, MessageOutcome.Types.State.Expired, $"its time ended at {self}").ConfigureAwait(false);
            return;
        }

        if (hops >= mostHops)
        {
            await EndAsync(entry, MessageOutcome.Types.State.Refused, $"it has travelled {hops} links when it came to {self}, and no message may travel more").ConfigureAwait(false);
            return;
        }

        var step = route(message, entry.Record.FromAbove);
        switch (step.Step)
        {
            case MessageStep.Here:
                await arrived(message, hops).ConfigureAwait(false);
                await ForgetAsync(entry).ConfigureAwait(false);
                break;
            case MessageStep.NoCluster:
                await EndAsync(entry, MessageOutcome.Types.State.NoCluster, $"no cluster of the tree is called '{message.To}'").ConfigureAwait(false);
                break;
            case MessageStep.Wait:
                if (!entry.ToldToWait)
                {
                    entry.ToldToWait = true;
                    await TellAsync(message, hops, MessageOutcome.Types.State.Waiting, $"{message.To} is away; kept at {self}").ConfigureAwait(false);
                }

                break;
            default:
                if (linkTo(step) is { } link && TryBegin(entry, link, step.Step, isDetour: false))
                {
                    _ = SendAsync(entry, link, step.Step);
                    await TellHeldAsync(entry).ConfigureAwait(false);
                }

                break;
        }
    }

    // What waits in the queue of a link that was lost goes across meanwhile, or over another neighbour when its target, or this cluster, hangs
    // elsewhere now: whoever gets it twice knows it by its id.
    private void Detour(Entry entry)
    {
        if (entry.Link is not { IsUp: false } lost)
        {
            return;
        }

        var step = route(entry.Record.Message, entry.Record.FromAbove);
        if (step.Step is MessageStep.Across or MessageStep.Down or MessageStep.Up && linkTo(step) is { } link
            && (step.Step == MessageStep.Across || link.Peer.Uid != lost.Peer.Uid) && TryBegin(entry, link, step.Step, isDetour: true))
        {
            _ = SendAsync(entry, link, step.Step);
        }
    }

    private async Task TellHeldAsync(Entry entry)
    {
        if (entry.NewsOf(new HeldBack(self, time.GetUtcNow())) is var (text, until))
        {
            var before = entry.ToldUntil;
            entry.ToldUntil = until; // first, since two may look at once
            try
            {
                await TellAsync(entry.Record.Message, entry.Record.Hops, MessageOutcome.Types.State.Waiting, text).ConfigureAwait(false);
            }
            catch (JournalException)
            {
                entry.ToldUntil = before; // it is told at the next look
                throw;
            }
        }
    }

    private async Task SendAsync(Entry entry, ILink link, MessageStep step)
    {
        var carried = entry.Record.Message.Clone();
        carried.Turned = entry.Record.FromAbove && step != MessageStep.Down; // it never is; whoever gets it looks
        carried.RemainingMilliseconds = (ulong)Math.Max(1, carried.DeadlineUnixMilliseconds - time.GetUtcNow().ToUnixTimeMilliseconds());
        try
        {
            var message = new Message { Lane = Lane.Work, Hops = entry.Record.Hops, Traceparent = carried.Traceparent, ClusterMessage = carried };
            var taken = link.SendDurableAsync(message, CancellationToken.None);
            if (step == MessageStep.Across)
            {
                await AcrossAsync(link, taken).ConfigureAwait(false);
                RememberAcross(entry.Identity);
            }

            await taken.ConfigureAwait(false);

            await ForgetAsync(entry).ConfigureAwait(false);
        }
        catch (LinkClosedException)
        {
            entry.LeftBy(link);
            Wake();
        }
        catch (ArgumentException tooLarge)
        {
            await EndAsync(entry, MessageOutcome.Types.State.Refused, tooLarge.Message).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            // The next has it; after a restart it is sent once more, and is known there, or at its target.
            log.MessageJournalFailed(broken.Message);
        }
    }

    // There is another way: a lateral peer that lives and takes nothing loses the link, and with it what waits there comes free.
    private async Task AcrossAsync(ILink link, Task taken)
    {
        var patience = link.Cost.Budget is null ? AcrossPatience : LimitedPatience;
        try
        {
            await taken.WaitAsync(patience, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            link.Close($"a message was not taken within {patience.TotalSeconds:0} s");
            await taken.ConfigureAwait(false);
        }
    }

    private async Task EndAsync(Entry entry, MessageOutcome.Types.State state, string text)
    {
        await TellAsync(entry.Record.Message, entry.Record.Hops, state, text).ConfigureAwait(false);
        await ForgetAsync(entry).ConfigureAwait(false);
    }

    /// <summary>
    /// One that waits here since it came down, and was sent anew from below, may go up: its sender asks the others. It is a new journey, so it ends as
    /// the first did.
    /// </summary>
    private async Task TurnAsync(Entry kept, bool fromAbove)
    {
        RelayRecord turned;
        lock (_gate)
        {
            if (fromAbove || kept.InFlight || !kept.Record.FromAbove)
            {
                return;
            }

            turned = kept.Record.Clone();
            turned.FromAbove = false;
        }

        await journal.WriteAsync(JournalChange.Put(Book, kept.Key, turned.ToByteArray())).ConfigureAwait(false);
        kept.Record = turned;
        await StepAsync(kept).ConfigureAwait(false);
    }

    private bool TryBegin(Entry entry, ILink link, MessageStep step, bool isDetour)
    {
        lock (_gate)
        {
            if (!_entries.ContainsKey(entry.Identity) || (isDetour ? entry.Link is not { IsUp: false } : entry.InFlight))
            {
                return false;
            }

            (entry.Step, entry.Link) = (step, link);
            return entry.InFlight = true;
        }
    }

    private void RememberAcross(string identity)
    {
        lock (_gate)
        {
            if (_across.Add(identity))
            {
                _acrossInOrder.Enqueue(identity);
            }

            if (_acrossInOrder.Count > MaxAcross)
            {
                _across.Remove(_acrossInOrder.Dequeue());
            }
        }
    }

    private Task ForgetAsync(Entry entry)
    {
        Remove(entry);
        return journal.ForgetAsync(Book, [entry.Key]);
    }

    private void Add(Entry entry)
    {
        _entries[entry.Identity] = entry;
        _bytes += entry.Bytes;
    }

    private void Remove(Entry entry)
    {
        lock (_gate)
        {
            if (_entries.Remove(entry.Identity))
            {
                _bytes -= entry.Bytes;
            }
        }
    }

    private sealed class Entry(string key, RelayRecord record)
    {
        private volatile bool _inFlight;
        private volatile ILink? _link;
        private volatile RelayRecord _record = record;

        public string Key => key;

        public RelayRecord Record
        {
            get => _record;
            set => _record = value;
        }

        public bool IsOutcome { get; } = record.Message.Outcome is not null;

        // A message and what became of it carry the same id, and may both be here.
        public string Identity { get; } = IdentityOf(record.Message);

        public long Bytes { get; } = record.CalculateSize();

        public static string IdentityOf(ClusterMessage message) => message.Outcome is { } outcome
            ? $"{MessageLimits.Text(message.Id)} {outcome.State} {message.From}"
            : MessageLimits.Text(message.Id);

        public bool ToldToWait { get; set; }

        /// <summary>The latest end of a budget's hold that its sender was told.</summary>
        public DateTimeOffset ToldUntil { get; set; }

        /// <summary>Where its link leads; of no meaning without one.</summary>
        public MessageStep Step { get; set; }

        public bool InFlight
        {
            get => _inFlight;
            set => _inFlight = value;
        }

        /// <summary>The link it is on its way over; null: none.</summary>
        public ILink? Link
        {
            get => _link;
            set => _link = value;
        }

        /// <summary>What its sender has to be told of the budget of its link; null: nothing. No word is sent of a word.</summary>
        public (string Text, DateTimeOffset Until)? NewsOf(HeldBack held) => !IsOutcome && InFlight && Link is { IsUp: true } link ? held.News(link, Step, ToldUntil) : null;

        /// <summary>A link gave it up.</summary>
        public void LeftBy(ILink link)
        {
            if (ReferenceEquals(Interlocked.CompareExchange(ref _link, null, link), link))
            {
                _inFlight = false;
            }
        }
    }
}
