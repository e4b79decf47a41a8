using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Commands on their way to children. A command taken here is on disk before the parent may forget it, and stays there until
/// every child it goes to has acknowledged it or its deadline has passed. Order per child is the order of taking. Thread-safe.
/// </summary>
/// <param name="journal">Where they wait.</param>
/// <param name="linkTo">The child's link when it is up.</param>
/// <param name="time">The clock for deadlines.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class Transit(IJournal journal, Func<string, ILink?> linkTo, TimeProvider time, ILogger log)
{
    public const string Book = "transit";

    /// <summary>Commands kept at once; more are refused, so their sender keeps them.</summary>
    public const int MaxCommands = 20_000;

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private long _next;

    /// <summary>Commands not yet acknowledged by all their children.</summary>
    public int Count => _entries.Count;

    /// <summary>Takes up what the last run left. Call once, before children attach.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Book))
        {
            var record = TransitRecord.Parser.ParseFrom(row.Value);
            _next = Math.Max(_next, long.Parse(row.Key, CultureInfo.InvariantCulture));
            _entries[Identity(record.Message)] = new Entry(row.Key, record.Message, record.Children);
        }
    }

    /// <summary>Completes when the message is on disk; sends it to those children that are attached.</summary>
    /// <param name="message">The command or its cancellation. Taking the same one twice changes nothing but whom it goes to.</param>
    /// <param name="children">Direct children to send it to, beside those it waits for: its target may hang below another one by now.</param>
    public async Task TakeAsync(Message message, IReadOnlyCollection<string> children)
    {
        var identity = Identity(message);
        Entry? known = null;
        if (children.Count == 0 || (_entries.TryGetValue(identity, out known) && await AddAsync(known, children).ConfigureAwait(false)))
        {
            return;
        }

        if (_entries.Count >= MaxCommands)
        {
            throw new JournalException($"{MaxCommands} commands wait for children that are away; the sender keeps this one");
        }

        if (known is not null)
        {
            await ForgetAsync(known).ConfigureAwait(false);
        }

        var entry = new Entry(Interlocked.Increment(ref _next).ToString("d20", CultureInfo.InvariantCulture), message, children);
        await journal.WriteAsync(JournalChange.Put(Book, entry.Key, entry.ToRecord().ToByteArray())).ConfigureAwait(false);
        if (_entries.TryAdd(identity, entry))
        {
            foreach (var child in children)
            {
                Send(entry, child);
            }
        }
        else
        {
            // Another copy came at the same time and is on disk.
            await journal.ForgetAsync(Book, [entry.Key]).ConfigureAwait(false);
            await TakeAsync(message, children).ConfigureAwait(false);
        }
    }

    /// <summary>Sends what waits already to further children. False when it has just been delivered to all it was for.</summary>
    private async Task<bool> AddAsync(Entry known, IReadOnlyCollection<string> children)
    {
        if (known.Add(children) is not { } added)
        {
            return false;
        }

        if (added.Count > 0)
        {
            await journal.WriteAsync(JournalChange.Put(Book, known.Key, known.ToRecord().ToByteArray())).ConfigureAwait(false);
            foreach (var child in added)
            {
                Send(known, child);
            }
        }

        return true;
    }

    /// <summary>A child is attached: it gets what waits for it.</summary>
    public void Attached(string child)
    {
        foreach (var entry in _entries.Values.Where(e => e.IsFor(child)).OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            Send(entry, child);
        }
    }

    /// <summary>Drops what is past its deadline. Call now and then.</summary>
    public async Task ExpireAsync()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var entry in _entries.Values.Where(e => e.Deadline != 0 && e.Deadline < now))
        {
            await ForgetAsync(entry).ConfigureAwait(false);
        }
    }

    private static string Identity(Message message) => message.PayloadCase == Message.PayloadOneofCase.CancelCommand
        ? $"cancel {message.CancelCommand.CommandUid}.{message.CancelCommand.Generation} {message.CancelCommand.Selector}"
        : $"command {message.Command.CommandUid}.{message.Command.Generation} {message.Command.Selector}";

    private void Send(Entry entry, string child)
    {
        if (linkTo(child) is { } link && entry.Begin(child))
        {
            _ = SendAsync(entry, child, link);
        }
    }

    private async Task SendAsync(Entry entry, string child, ILink link)
    {
        try
        {
            await link.SendDurableAsync(Deadlines.Outgoing(entry.Message, time.GetUtcNow()), CancellationToken.None).ConfigureAwait(false);
            if (entry.Delivered(child))
            {
                await ForgetAsync(entry).ConfigureAwait(false);
            }
        }
        catch (LinkClosedException)
        {
            entry.Lost(child);
            if (linkTo(child) is { IsUp: true } next && next != link)
            {
                // The child came back before this was noticed; nobody else sends it over the new link.
                Send(entry, child);
            }
        }
    }

    private async Task ForgetAsync(Entry entry)
    {
        if (!_entries.TryRemove(KeyValuePair.Create(Identity(entry.Message), entry)))
        {
            return;
        }

        try
        {
            await journal.ForgetAsync(Book, [entry.Key]).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            // The children have it; after a restart it is sent once more, and they know it already.
            log.JournalFailed("transit", broken);
        }
    }

    private sealed class Entry(string key, Message message, IEnumerable<string> children)
    {
        private readonly Lock _gate = new();
        private readonly HashSet<string> _waiting = new(children, StringComparer.Ordinal);
        private readonly HashSet<string> _sending = new(StringComparer.Ordinal);
        private bool _isOver;

        public string Key => key;

        public Message Message => message;

        public long Deadline => Deadlines.Of(message);

        public bool IsFor(string child)
        {
            lock (_gate)
            {
                return _waiting.Contains(child);
            }
        }

        public bool Begin(string child)
        {
            lock (_gate)
            {
                return _waiting.Contains(child) && _sending.Add(child);
            }
        }

        public void Lost(string child)
        {
            lock (_gate)
            {
                _sending.Remove(child);
            }
        }

        /// <summary>True when nobody waits for it any more.</summary>
        public bool Delivered(string child)
        {
            lock (_gate)
            {
                _sending.Remove(child);
                _waiting.Remove(child);
                return _isOver = _waiting.Count == 0;
            }
        }

        /// <summary>Those of the children that did not wait for it yet and do from now on; null when nobody does any more and it is about to be forgotten.</summary>
        public IReadOnlyList<string>? Add(IEnumerable<string> children)
        {
            lock (_gate)
            {
                return _isOver ? null : [.. children.Where(_waiting.Add)];
            }
        }

        public TransitRecord ToRecord()
        {
            lock (_gate)
            {
                return new TransitRecord { Message = message, Children = { _waiting } };
            }
        }
    }
}
