using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Messages;

/// <summary>
/// Messages for this cluster's applications, on disk until one of them has acknowledged each. A message given out is given out again when
/// it is not acknowledged within <see cref="Hold"/>, or after a restart: at least once to whoever takes, though it was sent and carried
/// once. In the order of arrival. Thread-safe.
/// </summary>
internal sealed class Inbox(IJournal journal, TimeProvider time, ILogger log)
{
    public const string Book = "inbox";

    /// <summary>Messages nobody has taken yet, at most; more are refused.</summary>
    public const int MaxMessages = 1000;

    /// <summary>Bytes of those, at most.</summary>
    public const long MaxBytes = 16 * 1024 * 1024;

    /// <summary>Messages of which a repeat is known, at most: the oldest are forgotten first.</summary>
    public const int MaxKnown = 20_000;

    /// <summary>How long a message that was given out is kept from others.</summary>
    public static readonly TimeSpan Hold = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly long _started = time.GetTimestamp();
    private readonly Dictionary<string, Kept> _known = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, Kept> _waiting = [];
    private readonly Queue<(string Id, long Deadline)> _order = new();
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _next;
    private long _bytes;

    /// <summary>Messages nobody has acknowledged yet.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Takes up what the last run left. Call once, first.</summary>
    public void Restore()
    {
        foreach (var record in journal.Load(Book).Select(row => InboxRecord.Parser.ParseFrom(row.Value)).OrderBy(record => record.Order))
        {
            Add(new Kept(record) { IsDurable = true });
            _next = record.Order;
        }
    }

    /// <summary>Whether a message was taken before: whoever sent it has the same word again.</summary>
    public bool Knows(ClusterMessage message)
    {
        lock (_gate)
        {
            return _known.ContainsKey(MessageLimits.Text(message.Id));
        }
    }

    /// <summary>Null when the message is on disk, now or since before; otherwise why it is not taken.</summary>
    public async Task<string?> TakeAsync(ClusterMessage message, uint hops)
    {
        var now = time.GetUtcNow();
        Kept kept;
        lock (_gate)
        {
            if (_known.TryGetValue(MessageLimits.Text(message.Id), out var before))
            {
                kept = before;
            }
            else if (_waiting.Count >= MaxMessages || _bytes + message.Data.Body.Length > MaxBytes)
            {
                return $"{_waiting.Count} messages wait to be taken by an application there, which is as many as are kept";
            }
            else
            {
                kept = new Kept(new InboxRecord { Message = message, ArrivedUnixMilliseconds = now.ToUnixTimeMilliseconds(), Hops = hops, Order = ++_next });
                kept.Written = journal.WriteAsync(JournalChange.Put(Book, kept.Id, kept.Record.ToByteArray()));
                Add(kept);
            }
        }

        try
        {
            await kept.Written.ConfigureAwait(false);
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                Remove(kept);
                _known.Remove(kept.Id);
            }

            throw;
        }

        lock (_gate)
        {
            kept.IsDurable = true;
        }

        Tell();
        await ForgetAsync(now).ConfigureAwait(false);
        return null;
    }

    /// <summary>The oldest messages nobody holds, kept from others for <see cref="Hold"/>; empty when there are none.</summary>
    /// <param name="topic">Of this topic only; null for any.</param>
    /// <param name="most">At most so many.</param>
    public IReadOnlyList<ReceivedMessage> Give(string? topic, int most)
    {
        var (now, running, given) = (time.GetUtcNow(), time.GetElapsedTime(_started), new List<ReceivedMessage>());
        lock (_gate)
        {
            foreach (var kept in _waiting.Values)
            {
                if (given.Count == most || !kept.IsDurable)
                {
                    break;
                }

                var data = kept.Record.Message.Data;
                if (kept.HeldUntil <= running && (topic is null || data.Topic == topic) && !IsOver(kept, now))
                {
                    kept.HeldUntil = running + Hold;
                    given.Add(new ReceivedMessage(
                        kept.Id, kept.Record.Message.From, data.Topic, data.ContentType, data.Body.Memory, (int)kept.Record.Hops,
                        DateTimeOffset.FromUnixTimeMilliseconds(kept.Record.ArrivedUnixMilliseconds)));
                }
            }
        }

        return given;
    }

    /// <summary>Completes when a message has arrived after this call.</summary>
    public Task NewsAsync()
    {
        lock (_gate)
        {
            return _news.Task;
        }
    }

    /// <summary>An application has done with a message. Completes when that is on disk; false when no such message waits.</summary>
    /// <exception cref="JournalException">That could not be kept: the message is given out again.</exception>
    public async Task<bool> AcknowledgeAsync(string id)
    {
        Kept? kept;
        InboxRecord before, record;
        lock (_gate)
        {
            if (!_known.TryGetValue(id, out kept) || !_waiting.ContainsKey(kept.Record.Order))
            {
                return false;
            }

            Remove(kept);
            before = kept.Record;
            record = before.Clone();
            record.Message.Data.Body = ByteString.Empty;
            record.Taken = true;
            kept.Record = record;
        }

        try
        {
            await journal.WriteAsync(JournalChange.Put(Book, id, record.ToByteArray())).ConfigureAwait(false);
            return true;
        }
        catch (JournalException)
        {
            lock (_gate)
            {
                kept.Record = before;
                _waiting[before.Order] = kept;
                _bytes += before.Message.Data.Body.Length;
            }

            throw;
        }
    }

    private static bool IsOver(Kept kept, DateTimeOffset now) => kept.Record.Message.DeadlineUnixMilliseconds <= now.ToUnixTimeMilliseconds();

    /// <summary>What is past its deadline cannot come again, and is worth nothing to who would take it.</summary>
    private Task ForgetAsync(DateTimeOffset now)
    {
        var gone = new List<Kept>();
        lock (_gate)
        {
            foreach (var kept in _waiting.Values.Where(kept => IsOver(kept, now)).ToArray())
            {
                Remove(kept);
                gone.Add(kept);
            }

            while (_order.TryPeek(out var oldest) && (_order.Count > MaxKnown || oldest.Deadline <= now.ToUnixTimeMilliseconds()))
            {
                if (_known.TryGetValue(oldest.Id, out var kept))
                {
                    if (_waiting.ContainsKey(kept.Record.Order))
                    {
                        break;
                    }

                    gone.Add(kept);
                    _known.Remove(oldest.Id);
                }

                _order.Dequeue();
            }

            gone.ForEach(kept => _known.Remove(kept.Id));
        }

        foreach (var topic in gone.Where(kept => !kept.Record.Taken).GroupBy(kept => kept.Record.Message.Data.Topic, StringComparer.Ordinal))
        {
            log.MessagesUnread(topic.Count(), topic.Key);
        }

        return gone.Count == 0 ? Task.CompletedTask : journal.ForgetAsync(Book, [.. gone.Select(kept => kept.Id).Distinct(StringComparer.Ordinal)]);
    }

    private void Add(Kept kept)
    {
        _known[kept.Id] = kept;
        _order.Enqueue((kept.Id, kept.Record.Message.DeadlineUnixMilliseconds));
        if (!kept.Record.Taken)
        {
            _waiting[kept.Record.Order] = kept;
            _bytes += kept.Record.Message.Data.Body.Length;
        }
    }

    private void Remove(Kept kept)
    {
        if (_waiting.Remove(kept.Record.Order))
        {
            _bytes -= kept.Record.Message.Data.Body.Length;
        }
    }

    private void Tell()
    {
        TaskCompletionSource news;
        lock (_gate)
        {
            (news, _news) = (_news, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        news.SetResult();
    }

    private sealed class Kept(InboxRecord record)
    {
        public string Id { get; } = MessageLimits.Text(record.Message.Id);

        public InboxRecord Record { get; set; } = record;

        /// <summary>How long this process will have run then: a wall clock that jumps changes nothing in it.</summary>
        public TimeSpan HeldUntil { get; set; }

        public Task Written { get; set; } = Task.CompletedTask;

        public bool IsDurable { get; set; }
    }
}
