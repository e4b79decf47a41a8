using System.Threading.Channels;
using Ote.Cluster.Budgets;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A link whose peer is the test: it sees what is sent durably, and acknowledges or loses it.</summary>
internal sealed class FakeLink(string peer, ulong epoch = 1) : ILink
{
    private readonly Channel<Sent> _sent = Channel.CreateUnbounded<Sent>();

    public PeerIdentity Peer { get; } = new(peer, "uid-" + peer);

    public ulong Epoch => epoch;

    public TimeSpan? RoundTrip => null;

    public LinkCost Cost { get; set; }

    public bool IsUp { get; set; } = true;

    /// <summary>Larger messages are refused.</summary>
    public int MaxBytes { get; init; } = int.MaxValue;

    public Task<Sent> Next() => _sent.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>What was sent and not read yet.</summary>
    public int Unread => _sent.Reader.Count;

    /// <summary>Takes what is sent without a word of its arrival.</summary>
    public Func<Message, bool> Trying { get; init; } = _ => throw new NotSupportedException();

    public bool TrySend(Message message) => Trying(message);

    public bool TrySend(Message message, string replaces) => throw new NotSupportedException();

    public bool TrySend(SharedMessage message) => throw new NotSupportedException();

    public ValueTask SendAsync(Message message, CancellationToken ct) => throw new NotSupportedException();

    public Task SendDurableAsync(Message message, CancellationToken ct)
    {
        if (!IsUp)
        {
            return Task.FromException(new LinkClosedException(Peer, "closed"));
        }

        if (message.CalculateSize() > MaxBytes)
        {
            return Task.FromException(new ArgumentException($"larger than {MaxBytes} bytes"));
        }

        Sent sent = new(message.Clone(), this);
        _sent.Writer.TryWrite(sent);
        return sent.Done.Task;
    }

    public void Limit(LinkBudget? budget, ulong revision, LinkDay? today) => throw new NotSupportedException();

    public bool IsPlanned { get; private set; }

    public void Close(string reason, bool planned = false) => (IsUp, IsPlanned) = (false, planned);

    internal sealed record Sent(Message Message, FakeLink Link)
    {
        /// <summary>Completes the sender's wait on the thread of who sets it, so that a test sees what follows.</summary>
        public TaskCompletionSource Done { get; } = new();

        public void Acknowledge() => Done.SetResult();

        public void Lose() => Done.SetException(new LinkClosedException(Link.Peer, "lost"));
    }
}
